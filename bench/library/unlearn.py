"""Unlearning in Python: the same method plug-ins, the same run of them as a cell's."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.api import Generator, Method, Networks, Oracle
from bench.api.context import Context, TrainingData
from bench.api.feedback import Feedback
from bench.errors import UsageError, unknown
from bench.evaluation.targets import target_mask
from bench.experiments import method_run
from bench.library.arguments import dataset_of, device_of, oracle_of, require_generator, suite_of, whole
from bench.library.generators import Known, Made, networks_of, recall, remember
from bench.library.places import PLUGINS, RESULTS, open_workspace
from bench.workspace import loading
from bench.workspace.suites import validated
from bench.workspace.workspace import Workspace


def unlearn(
    original: Generator,
    feedback: Feedback,
    method: str = "ours",
    *,
    seed: int = 0,
    feature: str | None = None,
    dataset: str | None = None,
    threshold: float | None = None,
    oracle: str | Path | None = None,
    suite: str | Path = "lite",
    plugins: str | Path | None = PLUGINS,
    data_dir: str | Path | None = None,
    results: str | Path = RESULTS,
    **params: Any,
) -> Generator:
    """Unlearn what was clicked. The same feedback, parameters and seed give the very weights that ``bench run`` stores.

    Parameters
    ----------
    original : Generator
        From ``bench.load``, or any ``bench.api.Generator`` of your own, on the device to compute on. Its weights stay
        as they are; it is put in eval mode, gradients off.
    feedback : Feedback
        From ``make_feedback``.
    method : str
        Registered name (``bench list methods``).
    seed : int
        Of the training noise; 0 or more.
    feature, dataset : str, optional
        What is to go, and the data set that knows it: wanted by methods that need an oracle or training data.
    threshold : float, optional
        The score from which the oracle handed to such a method sees the feature (as ``ask_oracle`` returned it); by
        default its own cut.
    oracle : str or path-like, optional
        Zoo name or file of the trained classifier handed to such a method, as ``--set oracle.feedback=FILE``; by
        default the data set's own, ``<classifier>-<dataset>-a``.
    suite : str or path-like
        Whose hyper-parameters are the defaults for a model that it has settings for, as in ``bench run``; the
        method's own for any other.
    plugins, data_dir, results : path-like, optional
    **params
        Hyper-parameters, as with ``-p``: ``bench show METHOD`` lists them with unit and range.

    Returns
    -------
    Generator
        In eval mode, gradients off, on the same device.

    Raises
    ------
    bench.errors.UsageError
        Unknown names, wrong hyper-parameters (all at once), feedback that does not fit the generator or lacks clicks
        that the method asks for, a need that cannot be met.
    bench.errors.Diverged
        If a loss or a weight became NaN or infinite.
    """
    what = f"unlearn(method='{method}')"
    require_generator(original, "unlearn(original)")
    seed = whole(seed, 0, "unlearn(seed)")
    known = recall(original)
    workspace = open_workspace(device_of(original), plugins, data_dir, results)
    chosen = _configured(workspace, what, method, known.model, suite, params)
    reason = chosen.supports(known.model, feature or "")
    if reason is not None:
        raise UsageError(f"{what}: {reason}")
    handed = _handed(what, feedback, original, chosen)
    networks = _networks(what, original, chosen)
    task = _task(what, workspace, feature, dataset) if chosen.needs & {"oracle", "training_data"} else ("", "")
    asked = _oracle(workspace, *task, threshold, oracle) if "oracle" in chosen.needs else None
    context = Context(
        stream=method_run.stream_of(type(chosen), seed),
        device=workspace.device,
        progress=workspace.progress,
        label=f"unlearn ({method})",
    )
    unlearned = method_run.run_method(
        method, chosen, networks, handed, context, asked, lambda: _training_data(what, workspace, *task, original)
    )
    generator = deepcopy(original) if unlearned.generator is original else unlearned.generator
    for module in filter(None, (generator, unlearned.identifier)):
        module.eval().requires_grad_(False)
    made = None if known.original is None else Made(known.original, method, chosen.config, asked)
    remember(generator, Known(known.model, made=made, identifier=unlearned.identifier))
    return generator


def _configured(
    workspace: Workspace, what: str, method: str, model: str, suite: str | Path, params: dict[str, Any]
) -> Method[Any]:
    """Build a method with its hyper-parameters: those given, else the suite's for the model, else its own."""
    method_class: type[Method[Any]] = workspace.registry.get("methods", method, "unlearn(method=...)")
    settings = suite_of(suite, "unlearn").models.get(model)
    defaults = {} if settings is None else settings.methods.get(method, {})
    return method_class(validated(method_class.Config, {**defaults, **params}, what))


def _handed(what: str, feedback: Feedback, generator: Generator, method: Method[Any]) -> Feedback:
    """Return the feedback with the further clicks that the method asks for, and no others."""
    if not isinstance(feedback, Feedback):
        raise UsageError(f"{what}: feedback is a {type(feedback).__name__}; bench.make_feedback(labels, ...) makes it")
    if feedback.noise_array is not None and feedback.noise_array.shape[1] != generator.noise_dim:
        raise UsageError(
            f"{what}: the feedback's noise has {feedback.noise_array.shape[1]} numbers a sample; the generator draws "
            f"from {generator.noise_dim}"
        )
    if missing := [name for name in method.also_asks() if name not in feedback.also]:
        raise UsageError(
            f"{what}: the feedback holds no clicks for {', '.join(missing)}, which the method asks for; give them: "
            "make_feedback(..., also={NAME: labels})"
        )
    return replace(feedback, also={name: feedback.also[name] for name in method.also_asks()})


def _networks(what: str, generator: Generator, method: Method[Any]) -> Networks[Any]:
    known, networks = recall(generator), networks_of(generator)
    model = None if known.original is None else known.original.model
    reason = known.unfit or loading.lacking(networks, method.needs, model)
    if reason:
        raise UsageError(f"{what}: {reason}")
    return networks


def _task(what: str, workspace: Workspace, feature: str | None, dataset: str | None) -> tuple[str, str]:
    """Return feature and data set, for a method that needs to be told; both must be known."""
    if feature is None or dataset is None:
        raise UsageError(f"{what}: needs more than clicks; name what is to go: feature=..., dataset=...")
    known = dataset_of(workspace, dataset, "unlearn").features
    if feature not in known:
        raise unknown("feature", feature, known, f"unlearn(dataset='{dataset}', feature=...)")
    return feature, dataset


def _oracle(
    workspace: Workspace, feature: str, dataset: str, threshold: float | None, weights: str | Path | None
) -> Oracle:
    loaded = oracle_of(workspace, dataset, "feedback", weights, "unlearn")
    return loaded.oracle(feature, loaded.classifier.cuts[feature] if threshold is None else threshold)


def _training_data(what: str, workspace: Workspace, feature: str, dataset: str, generator: Generator) -> TrainingData:
    original = recall(generator).original
    if original is None:
        raise UsageError(f"{what}: goes on with the generator's training, which only a checkpoint of bench.load knows")
    plugin = workspace.dataset(dataset)
    split = plugin.split(plugin.training_split)
    return TrainingData(split, target_mask(workspace, dataset, split, feature), original.model, networks_of(generator))

"""Unlearning in Python: the method plug-ins and the code that cells run."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.api import Dataset, Generator, Method, Model, Networks, Oracle
from bench.api.context import Context, Recipe, TrainingData
from bench.api.feedback import Feedback
from bench.core.modes import ordinary
from bench.errors import UsageError
from bench.evaluation.sight import require_sight
from bench.evaluation.targets import target_mask
from bench.experiments.cells import method_run
from bench.library.arguments import whole
from bench.library.known import KnownGenerator, UnlearnedGenerator, frozen_networks, known
from bench.library.methods import Chosen, choose, merged
from bench.library.places import PLUGINS, workspace_for
from bench.library.sound import fitting_feedback, require_trainable
from bench.library.task import Task, dataset_of, oracle_of
from bench.library.wording import arguments_of
from bench.workspace.weights import loading
from bench.workspace.workspace import Workspace


@ordinary()
@arguments_of("unlearn")
def unlearn(
    original: KnownGenerator | Generator,
    feedback: Feedback,
    method: str | type[Method[Any]] = "ours",
    *,
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    task: Task | None = None,
    suite: str | Path = "lite",
    plugins: str | Path | None = PLUGINS,
    data_dir: str | Path | None = None,
    workspace: Workspace | None = None,
    **more: Any,
) -> UnlearnedGenerator:
    """Unlearn what was clicked. The same feedback, parameters and seed give the very weights that ``bench run`` stores.

    Parameters
    ----------
    original : what ``bench.load`` or ``bench.unlearn`` returned, or any bench.api.Generator
        On the device to compute on. Its weights stay as they are; it is put in eval mode, gradients off.
    feedback : Feedback
        From ``make_feedback``.
    method : str or class
        Registered name (``bench list methods``), or a subclass of ``bench.api.Method``.
    seed : int
        Of the training noise; 0 or more.
    params, **more
        The method's parameters, as with ``-p`` (``bench show METHOD``): as keywords (``epochs=40``), or in a dict where
        a name is one of this function's own (``params={"seed": 1}``).
    task : Task, optional
        What is to go, for methods that need an oracle or training data.
    suite : str or path-like
        Whose parameters are the defaults for a model that it has settings for, as in ``bench run``.
    plugins, data_dir : path-like, optional
        Folders of loose plug-ins and of data sets (by default the environment's ``BENCH_DATA``).
    workspace : Workspace, optional
        From ``bench.open_workspace``, instead of the two folders.

    Raises
    ------
    bench.errors.UsageError
        Unknown names, wrong parameters (all at once), feedback that does not fit the generator or lacks clicks that the
        method asks for, a need that cannot be met.
    bench.errors.Diverged
        If a loss or a weight became NaN or infinite.
    """
    teacher, seed = known(original, "unlearn(original)"), whole(seed, 0, "unlearn(seed)")
    if teacher.unfit:
        raise UsageError(f"unlearn(original): {teacher.unfit}")
    require_trainable(teacher, "unlearn(original)")
    opened = workspace_for(teacher.device, workspace, plugins, data_dir)
    chosen = choose(opened, method, teacher.model, suite, merged(params, more))
    return _Unlearning(opened, teacher, chosen, task).unlearned(feedback, seed)


@dataclass(frozen=True)
class _Unlearning:
    """One method on one generator: gathers and checks the method's inputs."""

    workspace: Workspace
    teacher: KnownGenerator
    chosen: Chosen
    task: Task | None

    def unlearned(self, feedback: Feedback, seed: int) -> UnlearnedGenerator:
        """Check that the method can work, and run it as a cell does."""
        method = self.chosen.method
        handed = self._handed(feedback)
        oracle = self._oracle()
        networks = self._networks()
        context = Context(
            stream=method_run.stream_of(method.reads_feedback, method.trainings, seed),
            device=self.workspace.device,
            progress=self.workspace.progress,
            label=f"unlearn ({self.chosen.name})",
        )
        found = method_run.run_method(
            self.chosen.name,
            method,
            networks,
            handed,
            context,
            oracle,
            training_data=lambda: self._training_data(networks),
            recipe=lambda: Recipe(self._model(), networks),
        )
        generator = deepcopy(found.generator) if found.generator is networks.generator else found.generator
        for module in filter(None, (generator, found.identifier)):
            module.eval().requires_grad_(False)
        return UnlearnedGenerator(
            generator,
            self.teacher.model,
            found.identifier,
            made_of=self.teacher.names(),
            method=self.chosen.name,
            params=method.config,
            teacher=self.teacher.original,
            oracle=oracle,
            registered=self.chosen.registered,
            losses=tuple(context.history),
        )

    def _handed(self, feedback: Feedback) -> Feedback:
        """Return the feedback with the further clicks that the method asks for, and no others."""
        call = self.chosen.call
        fitting = fitting_feedback(feedback, self.teacher.generator, call)
        asked = self.chosen.method.also_asks()
        if missing := [name for name in asked if name not in fitting.also]:
            raise UsageError(
                f"{call}: the feedback holds no clicks for {', '.join(missing)}, which the method asks for; give them: "
                "make_feedback(..., also={NAME: labels})"
            )
        return replace(fitting, also={name: fitting.also[name] for name in asked})

    def _oracle(self) -> Oracle | None:
        """Return the oracle of the task if the method needs one; raises UsageError if a need cannot be met."""
        call, needs, task = self.chosen.call, self.chosen.method.needs, self.task
        if not isinstance(task, Task | None):
            raise UsageError(
                f"unlearn(task): is a {type(task).__name__}; bench.Task(feature=..., dataset=...) makes it"
            )
        if reason := self.chosen.method.supports(self.teacher.model, task.feature if task else ""):
            raise UsageError(f"{call}: {reason}")
        if task is None:
            if needs & {"oracle", "training_data"}:
                raise UsageError(
                    f"{call}: needs more than clicks; name the feature: task=bench.Task(feature=..., dataset=...)"
                )
            return None
        with arguments_of("bench.Task"):
            dataset, shape = dataset_of(self.workspace, task), self.teacher.generator.image_shape
            loaded = oracle_of(self.workspace, task, "feedback") if "oracle" in needs else None
            require_sight(shape, task.dataset, dataset, {"feedback": loaded} if loaded else {}, {})
        if loaded is None:
            return None
        cut = loaded.classifier.cuts[task.feature] if task.threshold is None else task.threshold
        return loaded.oracle(task.feature, cut)

    def _networks(self) -> Networks[Any]:
        teacher, networks = self.teacher, frozen_networks(self.teacher)
        model = None if teacher.original is None else teacher.original.model
        if reason := loading.missing_networks(networks, self.chosen.method.needs, model):
            raise UsageError(f"{self.chosen.call}: {reason}")
        return networks

    def _training_data(self, networks: Networks[Any]) -> TrainingData:
        model = self._model()
        assert self.task is not None
        plugin = self.workspace.dataset(self.task.dataset)
        split = plugin.split(plugin.training_split)
        target = target_mask(self.workspace, self.task.dataset, split, self.task.feature, self._cut(plugin))
        return TrainingData(split, target, model, networks)

    def _cut(self, plugin: Dataset) -> float | None:
        """Return the task's threshold where it is on the scale of the scores of training images, as the engine does."""
        assert self.task is not None
        threshold, by_name = self.task.threshold, self.task.feature in plugin.feature_attributes
        if threshold is None or by_name or plugin.classifier is None:
            return None
        own = oracle_of(self.workspace, self.task, "feedback").name == plugin.classifier
        return threshold if own else None

    def _model(self) -> Model[Any]:
        if self.teacher.original is None:
            raise UsageError(
                f"{self.chosen.call}: resumes the generator's training, so the generator must come from bench.load"
            )
        return self.teacher.original.model

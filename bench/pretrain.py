"""``bench pretrain``: train a model or a classifier on its data set, and keep the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import keys, machine, zoo
from bench.api import Networks, Pretrained, Trainable
from bench.context import Context
from bench.errors import UsageError
from bench.settings import load_suite, parse_assignments, validated
from bench.store import Store
from bench.training import build, train
from bench.workshop import Workshop


def configured(
    shop: Workshop, kind: str, name: str, dataset: str, settings: dict[str, Any]
) -> tuple[Trainable[Any], Any]:
    """Return the plug-in and its configuration for a data set, with ``settings`` applied."""
    plugin_class = shop.registry.get(kind, name, f"--{kind[:-1]}")
    if not issubclass(plugin_class, Trainable) or issubclass(plugin_class, Pretrained):
        raise UsageError(f"--{kind[:-1]} {name}: has no training recipe")
    plugin: Trainable[Any] = plugin_class()
    source = shop.dataset(dataset)
    if source.classifier is None:
        raise UsageError(f"--dataset {dataset}: has no images to learn from; name another one")
    fields = {**plugin.dataset_fields(source), **settings}
    return plugin, validated(plugin_class.Config, fields, f"-p ({kind[:-1]} '{name}')")


def pretrained_path(shop: Workshop, kind: str, name: str, dataset: str, settings: dict[str, Any], seed: int) -> Path:
    """Return where the weights of a recipe are kept."""
    trainable, config = configured(shop, kind, name, dataset, settings)
    key = keys.digest([kind, name, dataset, config.model_dump(mode="json"), keys.code_of(type(trainable)), seed])
    return shop.store.root.parent / "pretrained" / f"{name}-{dataset}-{key[:8]}.safetensors"


def pretrain(
    shop: Workshop, kind: str, name: str, dataset: str, settings: dict[str, Any], seed: int = 0, out: Path | None = None
) -> Path:
    """Train from scratch, measure (``Trainable.assess``) and store; an interrupted training goes on where it was.

    Parameters
    ----------
    shop : Workshop
    kind : str
        "models" or "classifiers".
    name, dataset : str
        Registered names.
    settings : dict
        Fields of the plug-in's Config.
    seed : int
        Of initial weights, image order and training noise.
    out : Path, optional
        Where to write; ``<results>/../pretrained/`` by default.

    Returns
    -------
    Path
        Of the weights; nothing is trained if they are already there.
    """
    trainable, config = configured(shop, kind, name, dataset, settings)
    path = out or pretrained_path(shop, kind, name, dataset, settings, seed)
    if path.exists():
        shop.progress.note(f"{path} is already there")
        return path
    Store(path.parent).require_writable("--out" if out else "--results")
    stream = f"pretrain/{name}/{seed}"
    networks: Networks[Any] = build(trainable, config, stream)
    for module in networks.modules().values():
        module.to(shop.device)
    context = Context(
        stream=stream,
        device=shop.device,
        checkpoint=path.with_suffix(".checkpoint.pt"),
        progress=shop.progress,
        label=f"pretrain {name}",
    )
    source = shop.dataset(dataset)
    split = source.split(source.training_split if kind == "models" else "train")
    with machine.measured() as timing:
        train(trainable, networks, split, context, epochs=config.epochs, batch_size=config.batch_size)
    measured = trainable.assess(networks, source)
    for feature, found in measured.get("accuracy", {}).items():
        if feature in source.features:
            shop.progress.note(f"{feature}: balanced accuracy {found['balanced_accuracy']} on {found['n']} test images")
    made = {
        "dataset": dataset,
        "data": source.label,
        "seed": seed,
        "data_sha256": split.sha256,
        "timing": timing,
        "final": context.history[-1],
        "made_by": machine.provenance(shop.device),
        **measured,
    }
    zoo.save_networks(path, kind[:-1], name, networks, made)
    path.with_suffix(".checkpoint.pt").unlink(missing_ok=True)
    return path


def pretrain_command(
    shop: Workshop,
    model: str | None,
    classifier: str | None,
    dataset: str | None,
    suite_name: str,
    seed: int,
    params: tuple[str, ...],
    out: Path | None,
    ship: str | None,
) -> Path:
    """Resolve the command line's options, train, and enter the weights in the zoo if asked to."""
    suite = load_suite(suite_name)
    kind, name = ("models", model) if model is not None else ("classifiers", classifier)
    assert name is not None
    settings: dict[str, Any] = {}
    if model is not None and model in suite.models:
        settings, dataset = dict(suite.models[model].pretrain), dataset or suite.models[model].dataset
    if dataset is None:
        raise UsageError(
            f"--dataset: name the data set to train '{name}' on: {', '.join(shop.registry.names('datasets'))}"
        )
    settings |= _single_values(params)
    path = pretrain(shop, kind, name, dataset, settings, seed, zoo.WEIGHTS / f"{ship}.safetensors" if ship else out)
    if ship is not None:
        options = ("" if suite_name == "lite" else f" --suite {suite_name}") + "".join(f" -p {p}" for p in params)
        command = f"bench pretrain --{kind[:-1]} {name} --dataset {dataset} --seed {seed}{options} --ship {ship}"
        zoo.add(ship, path, kind[:-1], f"{name} trained on {shop.dataset(dataset).label}", command)
    return path


def _single_values(params: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else values for name, values in parse_assignments(params).items()}

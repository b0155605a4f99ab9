"""Checks of trainable plug-ins (models, classifiers, extractors): choices of the Config, and interruptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench import api
from bench.authoring.conformance.plugins import NotChecked, stored
from bench.authoring.conformance.resuming import require_resumable, tensors_of
from bench.authoring.conformance.toys import IMAGE_SHAPE, frozen, untrained
from bench.authoring.conformance.variants import choices
from bench.toolkit.training import build, train

IMAGES, BATCH = 24, 12  # two steps


class ToyDataset(api.Dataset):
    """Random images, with an attribute of every name that is asked for."""

    classifier, features, label = None, (), "toy"

    def __init__(self, shape: tuple[int, int, int], names: tuple[str, ...]) -> None:
        super().__init__()
        self.image_shape, self.names = shape, names

    def split(self, name: str) -> api.Split:
        rng = np.random.default_rng(0)
        images = torch.from_numpy(rng.integers(0, 256, (IMAGES, *self.image_shape), dtype=np.uint8))
        columns = {name: np.arange(IMAGES) % 2 == i % 2 for i, name in enumerate(self.names)}
        return api.Split(pd.DataFrame(columns), lambda i: images[torch.from_numpy(i)], "toy")


def what_training_reads_is_there(cls: type[Any]) -> None:
    """``bench pretrain`` reads ``epochs`` and ``batch_size``, and sets what ``dataset_fields`` returns."""
    fields = cls.Config.model_fields
    missing = [name for name in ("epochs", "batch_size") if name not in fields]
    assert not missing, f"Config has no {' and no '.join(missing)}: derive it from bench.api.TrainingConfig"
    set_from_data = cls().dataset_fields(toy_dataset(cls))
    unknown = sorted(set_from_data.keys() - fields.keys())
    assert not unknown, f"dataset_fields returns {', '.join(unknown)}, which Config does not have"


def an_interrupted_training_is_resumed(cls: type[Any]) -> None:
    """A training that is interrupted after any step and started again ends with the same weights."""
    require_resumable(lambda context: trained(cls, configured(cls, cls.Config()), context))


def every_choice_works(cls: type[Any]) -> None:
    """With each alternative of a Literal and of a bool it is built, trained and built again."""
    problems = list(_problems(cls))
    assert not problems, "; ".join(problems)


def _problems(cls: type[Any]) -> Iterator[str]:
    for setting, config in choices(cls.Config()):
        try:
            chosen = configured(cls, config)
            tensors = trained(cls, chosen, api.Context("check", torch.device("cpu")))
            again = frozen(build(cls(), stored(chosen), "check another"))
            missing = sorted(tensors.keys() ^ tensors_of(again.modules()).keys())
        except NotChecked:
            raise
        except Exception as error:
            yield f"{setting} raises {type(error).__name__}: {error}"
            continue
        if missing:
            yield f"{setting}: networks built by the stored configuration have other tensors ({missing[0]})"
        elif not all(torch.isfinite(t).all() for t in tensors.values() if t.is_floating_point()):
            yield f"{setting}: training gives NaN or infinite weights"


def toy_dataset(cls: type[Any]) -> ToyDataset:
    """Return images as the default Config has them, with the attributes that an untrained classifier would know."""
    config = cls.Config()
    names = tuple(untrained_classifier(cls).attributes) if issubclass(cls, api.Classifier) else ("bright",)
    return ToyDataset(getattr(config, "image_shape", IMAGE_SHAPE), names)


def untrained_classifier(cls: Any) -> api.Classifier:
    """Return a trained classifier before its training."""
    found: api.Classifier = cls(untrained(cls))
    return found


def configured(cls: type[Any], config: api.Params) -> Any:
    """Return a configuration for the toy data set, as ``bench pretrain`` would make it."""
    fields = cls().dataset_fields(toy_dataset(cls))
    return type(config).model_validate({**config.model_dump(), **fields})


def trained(cls: type[Any], config: Any, context: api.Context) -> Mapping[str, Tensor]:
    """Train on the toy data set for two steps; return all tensors."""
    recipe = cls()
    networks: api.Networks[Any] = build(recipe, config, "check")
    split = toy_dataset(cls).split("train")
    try:
        train(recipe, networks, split, context, epochs=1, batch_size=BATCH)
    except (KeyError, ValueError) as error:
        if issubclass(cls, api.Extractor):  # it does not say which attributes decide its classes
            raise NotChecked(
                "it learns from attributes that the toy data set does not have. Check a data set that names it among "
                "its extractors: its training is tried there"
            ) from error
        raise
    return tensors_of(networks.modules())


CHECKS = [what_training_reads_is_there, every_choice_works, an_interrupted_training_is_resumed]

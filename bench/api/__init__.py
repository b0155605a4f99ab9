"""The contract between the engine and its plug-ins: what a plug-in implements, what it is handed.

A plug-in is one file with one class, and ends with::

    @hookimpl
    def register_methods(register):      # or models, classifiers, datasets, metrics
        register(MyMethod)

The file's stem is the registered name. Everything a plug-in needs is imported from this module,
``bench.toolkit.latent``, ``bench.toolkit.losses`` and ``bench.toolkit.training``; plug-ins never import each other.
"""

from bench.api.base import NEEDS, ConfigT, Params, hookimpl
from bench.api.classifiers import Classifier, Extractor, Oracle
from bench.api.data import Dataset, Split
from bench.api.methods import Method, Unlearned
from bench.api.metrics import Columns, Metric, Statistics, Value
from bench.api.models import (
    Batch,
    Generator,
    LatentLayer,
    Model,
    Networks,
    NoiseLatentGenerator,
    Pretrained,
    Stateful,
    Trainable,
    TrainingConfig,
)

__all__ = [
    "Batch",
    "Classifier",
    "Columns",
    "ConfigT",
    "Dataset",
    "Extractor",
    "Generator",
    "LatentLayer",
    "Method",
    "Metric",
    "Model",
    "NEEDS",
    "Networks",
    "NoiseLatentGenerator",
    "Oracle",
    "Params",
    "Pretrained",
    "Split",
    "Stateful",
    "Statistics",
    "Trainable",
    "TrainingConfig",
    "Unlearned",
    "Value",
    "hookimpl",
]

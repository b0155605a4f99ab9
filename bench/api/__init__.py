"""The contract between the engine and its plug-ins: what a plug-in implements, and what it is handed.

A plug-in is one file with one class, or a package when its body is long, and ends with::

    @hookimpl
    def register_methods(register):      # or models, classifiers, datasets, metrics
        register(MyMethod)

The file's stem is the registered name. Everything a plug-in needs is imported from this module and from
``bench.toolkit``. A plug-in imports nothing else of this project, and no other plug-in.
"""

from bench.api.base import NEEDS, ConfigT, Params, hookimpl
from bench.api.classifiers import Classifier, Extractor, Oracle
from bench.api.context import Context, TrainingData
from bench.api.data import Dataset, Split
from bench.api.feedback import Feedback
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
from bench.core.code_hash import code_of
from bench.core.files import file_sha256
from bench.core.randomness import seed_of
from bench.core.rendering import chunks, to_float, to_uint8
from bench.errors import BenchError, CheckpointError, DataError, Diverged, UsageError, unknown

__all__ = [
    "Batch",
    "BenchError",
    "CheckpointError",
    "Classifier",
    "Columns",
    "ConfigT",
    "Context",
    "DataError",
    "Dataset",
    "Diverged",
    "Extractor",
    "Feedback",
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
    "TrainingData",
    "Unlearned",
    "UsageError",
    "Value",
    "chunks",
    "code_of",
    "file_sha256",
    "hookimpl",
    "seed_of",
    "to_float",
    "to_uint8",
    "unknown",
]

"""The interface for plug-ins: the classes to implement, and the objects that the engine passes to them.

A plug-in is one file with one class, or a package if it is long. It ends with::

    @hookimpl
    def register_methods(register):      # or models, classifiers, extractors, datasets, metrics
        register(MyMethod)

The file's name without ``.py`` is the plug-in's name. A plug-in imports ``bench.api`` and ``bench.toolkit``, nothing
else of this project and no other plug-in. ``bench new`` writes a template, ``bench check`` tests it.

Implement one of these. ``bench show Method``, ``bench show Context`` and so on print what to write and what is there,
without the members of torch and pydantic that ``help(bench.api.Generator)`` adds::

    Method                unlearns a feature: generator, feedback and context in, Unlearned out
    Model                 builds and trains a generator; Pretrained only builds one
    Generator             draws images; NoiseLatentGenerator if its latent is the noise; Wrapped around another one
    Classifier            scores images on attributes, for simulated clicks and for evaluation
    Extractor             maps images to embeddings (FID) and logits (IS)
    Dataset               images with attributes, in splits (Split); FurtherFeatures of another one's images
    Metric                computes Values from Columns

What a plug-in gets, returns or raises::

    Context               randomness, device, progress, checkpoints, and what the method needs (NEEDS)
    Recipe                the model's recipe and networks, for a method that needs its training loss
    TrainingData          the training set and the model's recipe, for a method that needs them
    Feedback              which samples were shown, and which were clicked
    Oracle                a classifier with one feature and its threshold: labels images
    Unlearned             a method's result: the generator and its identifier
    Columns, Statistics   what a metric reads
    Value                 one number of a metric, with its interval
    Networks              the networks of a model and their configuration
    LatentLayer           where one layer's latents lie in the latent vector
    Trainable, Batch      how a model, classifier or extractor is trained
    Stateful              anything with a state dict
    Params                base of every Config (ConfigT is its type variable); TrainingConfig, of training recipes
    BenchError            base of errors: UsageError, DataError (WrongData), CheckpointError (MissingWeights),
                          Diverged

Functions::

    hookimpl              marks the function that registers the plug-in
    to_float, to_uint8    convert images between uint8 and [0, 1]
    draw_noise            draws from a generator's own prior
    chunks                splits a count of samples into chunks
    seed_of               derives a seed from a stream and an index
    code_of               hashes the code that a class or function can run
    file_sha256           hashes a file
    unknown               makes the error for an unknown name, with the nearest match
"""

from typing import TYPE_CHECKING

from bench.api.base import NEEDS, ConfigT, Params, hookimpl
from bench.api.classifiers import Classifier, Extractor, Oracle
from bench.api.context import Context, Recipe, TrainingData
from bench.api.data import Dataset, Split
from bench.api.feedback import Feedback
from bench.api.further import FurtherFeatures
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
from bench.api.noise import draw_noise
from bench.api.wrapped import Wrapped
from bench.core.code_hash import code_of
from bench.core.files import file_sha256
from bench.core.randomness import seed_of
from bench.core.rendering import chunks, to_float, to_uint8
from bench.errors import (
    BenchError,
    CheckpointError,
    DataError,
    Diverged,
    MissingWeights,
    UsageError,
    WrongData,
    unknown,
)

if TYPE_CHECKING:  # at run time help(bench.api) would print every member of torch's and pydantic's classes
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
        "FurtherFeatures",
        "Generator",
        "LatentLayer",
        "Method",
        "Metric",
        "MissingWeights",
        "Model",
        "NEEDS",
        "Networks",
        "NoiseLatentGenerator",
        "Oracle",
        "Params",
        "Pretrained",
        "Recipe",
        "Split",
        "Stateful",
        "Statistics",
        "Trainable",
        "TrainingConfig",
        "TrainingData",
        "Unlearned",
        "UsageError",
        "Value",
        "Wrapped",
        "WrongData",
        "chunks",
        "code_of",
        "draw_noise",
        "file_sha256",
        "hookimpl",
        "seed_of",
        "to_float",
        "to_uint8",
        "unknown",
    ]

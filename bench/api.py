"""The contract between the engine and its plug-ins: what a plug-in implements, what it is handed.

A plug-in is one file with one class, and ends with::

    @hookimpl
    def register_methods(register):      # or models, classifiers, datasets, metrics
        register(MyMethod)

The file's stem is the registered name. Everything a plug-in needs is imported from this module,
``bench.latent``, ``bench.losses`` and ``bench.training``; plug-ins never import each other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import pluggy
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

if TYPE_CHECKING:
    import pandas as pd

    from bench.context import Context
    from bench.feedback import Feedback

hookimpl = pluggy.HookimplMarker("bench")

NEEDS = frozenset({"training_data", "oracle", "encoder", "discriminator"})


class Params(BaseModel):
    """Base of everything a user can type: frozen, and a typo is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


ConfigT = TypeVar("ConfigT", bound=Params)


# --- generators and the models around them ------------------------------------------------------------


@dataclass(frozen=True)
class LatentLayer:
    """Where the latents of one layer lie in the concatenated vector: ``latents[:, start:stop]``.

    Attributes
    ----------
    resolution : int
        Side of its feature map, px.
    channels : int
    start : int
    """

    resolution: int
    channels: int
    start: int

    @property
    def stop(self) -> int:
        """One past the last of its latents."""
        return self.start + self.channels * self.resolution**2


class Generator(nn.Module, ABC):
    """A pre-trained image generator.

    Attributes
    ----------
    image_shape : tuple of int
        (C, H, W) of one image.
    noise_dim : int
        Length of the noise vector a deployed sampler draws from N(0, I).
    latent_dim : int
        Length of the vector in which a feature is a direction.
    latent_layers : sequence of LatentLayer
        Where each layer's latents lie in that vector, for a generator that has layers (VDVAE); else empty.

    Notes
    -----
    Same noise, same image: batch norm in eval mode. Images are the mean of the output distribution,
    differentiable, unclamped, nominally in [0, 1]; the engine clamps and rounds to 8 bits before any
    oracle, metric or file sees them.
    """

    image_shape: tuple[int, int, int]
    noise_dim: int
    latent_dim: int
    latent_layers: Sequence[LatentLayer] = ()

    @abstractmethod
    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Draw latents and images in one pass.

        Parameters
        ----------
        noise : (N, noise_dim) float32

        Returns
        -------
        latents : (N, latent_dim) float32
        images : (N, C, H, W) float32, nominally in [0, 1]
        """

    @abstractmethod
    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:
        """Render edited latents; ``noise`` supplies all that is not edited (per-layer noise, a class).

        Parameters
        ----------
        latents : (N, latent_dim) float32
        noise : (N, noise_dim) float32

        Returns
        -------
        (N, C, H, W) float32, nominally in [0, 1]
        """

    def forward(self, noise: Tensor) -> Tensor:
        """Map noise (N, noise_dim) to images (N, C, H, W)."""
        return self.sample(noise)[1]


class NoiseLatentGenerator(Generator):
    """A generator whose latent is the noise itself: a VAE decoder, DCGAN, ProgGAN. Implement ``render``."""

    @abstractmethod
    def render(self, latents: Tensor) -> Tensor:
        """Map latents (N, latent_dim) to images (N, C, H, W), nominally in [0, 1]."""

    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102 (inherited)
        return noise, self.render(noise)

    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:  # noqa: D102 (inherited)
        return self.render(latents)


class TrainingConfig(Params):
    """Fields every training recipe has; a recipe adds its architecture and its own constants."""

    image_shape: tuple[int, int, int] = Field(
        (1, 28, 28), description="(C, H, W); set from the data set when pre-training"
    )
    epochs: float = Field(10, gt=0, description="passes over the training images")
    batch_size: int = Field(64, ge=1, description="images per step")
    lr: float = Field(1e-3, gt=0, description="learning rate")


@dataclass(frozen=True)
class Networks(Generic[ConfigT]):
    """The networks of one model or classifier, and the configuration they were built with.

    A checkpoint holds all of them, under the prefixes ``generator.``, ``encoder.``, ... .
    """

    config: ConfigT
    generator: Generator | None = None
    encoder: nn.Module | None = None
    discriminator: nn.Module | None = None
    classifier: nn.Module | None = None

    def modules(self) -> dict[str, nn.Module]:
        """Return the networks that are there, by name."""
        names = ("generator", "encoder", "discriminator", "classifier")
        return {name: module for name in names if (module := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Batch:
    """One training batch.

    Attributes
    ----------
    images : (N, C, H, W) float32 in [0, 1]
    targets : (N, K) float32
        The data set's attributes, in the order of ``target_names`` (empty for a model that uses none).
    target_names : tuple of str
    """

    images: Tensor
    targets: Tensor
    target_names: tuple[str, ...] = ()


class Stateful(Protocol):
    """A module or an optimiser: anything with a state dict, to be saved and restored."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Restore the state."""


class Trainable(ABC, Generic[ConfigT]):
    """What ``bench pretrain`` and retraining need of a model or a classifier."""

    Config: ClassVar[type[Params]]

    def dataset_fields(self, dataset: Dataset) -> dict[str, Any]:
        """Return the fields of ``Config`` that follow from the data set to be trained on; a user may still set them."""
        return {"image_shape": dataset.image_shape}

    @abstractmethod
    def build(self, config: ConfigT) -> Networks[ConfigT]:
        """Build untrained networks. The engine seeds initialisation."""

    @abstractmethod
    def optimisers(self, networks: Networks[ConfigT]) -> Mapping[str, Stateful]:
        """Create what else training changes, by name: optimisers, a live copy behind an averaged generator."""

    @abstractmethod
    def training_step(
        self,
        networks: Networks[ConfigT],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        """Update the networks once.

        Parameters
        ----------
        networks, optimisers
            As built; networks are in train mode.
        batch : Batch
        rng : torch.Generator
            The only source of randomness, on the images' device.
        progress : float
            Share of the planned training that is done, in [0, 1); for schedules.

        Returns
        -------
        dict of str to scalar Tensor
            Losses to show and to watch; a non-finite one stops training.
        """

    def assess(self, networks: Networks[ConfigT], dataset: Dataset) -> dict[str, Any]:
        """Measure trained networks on held-out images of the data set; nothing by default.

        Returns
        -------
        dict
            JSON, kept in the checkpoint's description. An oracle gives ``{"accuracy": {attribute:
            {"balanced_accuracy": float or None, "rate": float, "n": int}}}``, which goes into every result.
        """
        return {}


class Model(Trainable[ConfigT]):
    """The plug-in around a generator: how it is built and how it was trained. No-argument constructor."""


# --- data ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """One split of a data set, read lazily.

    Attributes
    ----------
    attributes : DataFrame
        One row per image, in order.
    read : callable
        Maps an int64 index array (B,) to images (B, C, H, W) uint8.
    sha256 : str
        Of the image file or of what stands for it; part of the key of whatever reads training data.
    """

    attributes: pd.DataFrame
    read: Callable[[NDArray[np.int64]], Tensor]
    sha256: str

    def __len__(self) -> int:
        return len(self.attributes)


class Dataset(ABC):
    """Images with attributes. The constructor takes the folder where the user keeps data sets.

    Attributes
    ----------
    image_shape : tuple of int
        (C, H, W).
    classifier : str
        Registered name of the simulated oracle for this data set.
    features : tuple of str
        Target features that classifier can label.
    label : str
        How captions name the data ("MNIST (real)", "synthfaces (synthetic)").
    extractors : tuple of str
        Registered names of the feature extractors that FID and IS use unless a suite names others.
    feature_attributes : mapping of str to (str, bool)
        Per feature that is one of the data set's attributes: that attribute, and the value that means "has it"
        (``"beard": ("No_Beard", False)``).
    training_split : str
        The split that generators learn from, Table 1 counts and FID is against; classifiers always learn from "train".
    """

    image_shape: ClassVar[tuple[int, int, int]]
    classifier: ClassVar[str]
    features: ClassVar[tuple[str, ...]]
    label: ClassVar[str]
    extractors: ClassVar[tuple[str, ...]] = ()
    feature_attributes: ClassVar[Mapping[str, tuple[str, bool]]] = MappingProxyType({})
    training_split: ClassVar[str] = "train"

    def __init__(self, data_dir: Path | None = None) -> None:
        self.data_dir = data_dir

    @abstractmethod
    def split(self, name: str) -> Split:
        """Read a split ("train", "test"). Raises DataError naming the file, the remedy and the flag."""

    def has_feature(self, attributes: pd.DataFrame, feature: str) -> NDArray[np.bool_] | None:
        """Return which images have a feature, from a split's attributes: (N,) bool, by ``feature_attributes``.

        None if the attributes do not say; the oracle then measures the images, and its cut decides.
        """
        if feature not in self.feature_attributes:
            return None
        attribute, value = self.feature_attributes[feature]
        labels: NDArray[np.bool_] = attributes[attribute].to_numpy(dtype=bool) == value
        return labels

    def counterfactual(self, split: str, indices: NDArray[np.int64], feature: str, value: bool) -> Tensor:
        """Redraw images of a split with one feature set and everything else held: (N, C, H, W) uint8.

        Optional: a data set that knows the truth overrides it, and ``counterfactual_error`` is computed. An image that
        cannot show the value comes back without the feature.
        """
        raise NotImplementedError


# --- classifiers: oracles and extractors --------------------------------------------------------------


class Classifier(ABC):
    """A simulated feedback oracle for several attributes.

    The constructor takes the trained networks (from a checkpoint), or None for a classifier that is not trained, or
    to train or describe one that is. ``attributes`` and ``cuts`` may be instance attributes, taken from the networks'
    configuration.

    Attributes
    ----------
    attributes : tuple of str
        What it scores; each feature of the data set is one of them.
    cuts : mapping of str to float
        Per attribute, the score at and above which an image has it; also selects training images.
    top_fraction : float or None
        If given, a *target* feature is instead cut at this upper quantile of the first feedback sample
        (the paper's "top 10 %"), frozen there and stored with the feedback.
    """

    attributes: tuple[str, ...]
    cuts: Mapping[str, float]
    top_fraction: ClassVar[float | None] = None

    def __init__(self, networks: Networks[Any] | None = None) -> None:
        self.networks = networks

    def non_target(self, feature: str) -> tuple[str, ...]:
        """Return the attributes that count as others beside a target feature: by default all but the feature."""
        return tuple(name for name in self.attributes if name != feature)

    @abstractmethod
    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        """Score images; larger means more of the attribute.

        Parameters
        ----------
        images : (N, C, H, W) uint8
        attributes : sequence of str

        Returns
        -------
        (N, len(attributes)) float64, finite
        """


@dataclass(frozen=True)
class Oracle:
    """One feature of a classifier with its frozen threshold: what clicks "this one has it".

    Attributes
    ----------
    classifier : Classifier
    name : str
        Registered name of the classifier.
    feature : str
    threshold : float
    weights, sha256 : str or None
        Zoo name or file, and content hash, of a trained classifier's weights.
    """

    classifier: Classifier
    name: str
    feature: str
    threshold: float
    weights: str | None = None
    sha256: str | None = None

    def score(self, images: Tensor) -> NDArray[np.float64]:
        """Score (N, C, H, W) uint8 images; returns (N,) float64."""
        return self.classifier.scores(images, [self.feature])[:, 0]

    def label(self, images: Tensor) -> NDArray[np.bool_]:
        """Label (N, C, H, W) uint8 images; returns (N,) bool."""
        return self.score(images) >= self.threshold


class Extractor(ABC):
    """A feature extractor with disjoint classes, for FID and IS. It is no oracle.

    The constructor takes the trained networks (from a checkpoint), or None to train or describe it.

    Attributes
    ----------
    classes : tuple of str
        Names of the logits.
    class_attribute : str or None
        If given, each class also counts as an attribute ``<class_attribute>=<class>`` in ``attribute_shift``.
    """

    classes: ClassVar[tuple[str, ...]]
    class_attribute: ClassVar[str | None] = None

    def __init__(self, networks: Networks[Any] | None = None) -> None:
        self.networks = networks

    @classmethod
    def identity(cls) -> str | None:
        """Return the sha256 of weights this class finds by itself; None if they come from the zoo.

        Raises CheckpointError, with the remedy, if they are not here.
        """
        return None

    @abstractmethod
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (N, C, H, W) float32 in [0, 1] to features (N, D) and logits (N, K) float32."""


# --- methods ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unlearned:
    """What a method hands back.

    Attributes
    ----------
    generator : Generator
        The student.
    score : nn.Module or None
        The method's own feature identifier: maps latents (N, latent_dim) of the *original* to (N,), larger
        meaning more of the feature (Table 3). Its parameters and buffers are stored beside the generator's.
    """

    generator: Generator
    score: nn.Module | None = None


class Method(ABC, Generic[ConfigT]):
    """An unlearning method.

    Attributes
    ----------
    Config : type of Params
        Its hyper-parameters (``-p name=value``), each with unit and range.
    needs : frozenset of str
        Of ``training_data, oracle, encoder, discriminator``; nothing else is handed over, and every table
        prints it.
    reads_feedback : bool
        False for a method that never looks at the clicks: it is handed none, and run once for all seeds.
    """

    Config: ClassVar[type[Params]] = Params
    needs: ClassVar[frozenset[str]] = frozenset()
    reads_feedback: ClassVar[bool] = True

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    def supports(self, model: str, feature: str) -> str | None:
        """Return None, or the reason why this model or feature is outside the method."""
        return None

    def also_asks(self) -> tuple[str, ...]:
        """Return attributes that this method, as configured, wants clicked too: ``feedback.also[attribute]``."""
        return ()

    @abstractmethod
    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        """Fine-tune a copy of ``generator`` (which is frozen) until the feature is gone.

        Parameters
        ----------
        generator : Generator
            The original, in eval mode, gradients off, on ``context.device``.
        feedback : Feedback
            Which samples were shown and which were clicked.
        context : Context
            Randomness, device, progress, checkpoints, and what ``needs`` asked for.
        """

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        """Return modules of the structure ``unlearn`` returns, for stored weights to be loaded into.

        The default is a generator of the original's class and no score. A method that returns a ``score``
        or wraps the generator overrides it; sizes come from ``original`` and ``self.config``. ``oracle``
        is given if the method needs it.
        """
        from copy import deepcopy

        return Unlearned(deepcopy(original))


# --- metrics ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Value:
    """One number of a metric.

    Attributes
    ----------
    value : float
    n : int
        Samples behind it.
    higher_is_better : bool or None
        None where neither direction is better by itself.
    low, high : float or None
        95 % interval over samples, where the metric has one.
    """

    value: float
    n: int
    higher_is_better: bool | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Statistics:
    """First two moments of a feature distribution, for the Frechet distance.

    Attributes
    ----------
    mean : (D,) float64
    covariance : (D, D) float64
    n : int
    source : str
        Which data and which extractor made them.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n: int
    source: str


@dataclass(frozen=True)
class Columns:
    """What one pass over the evaluation samples gathered, in sample order; row i is sample i.

    Images g(noise_i) of the evaluated generator stand beside f(noise_i) of the original (``original_*``).

    Attributes
    ----------
    labels, original_labels : (N,) bool
        What the oracle says.
    scores, original_scores : (N,) float64
        The oracle's score.
    projection : (N,) float64 or None
        The method's own identifier on the original's latents; None if it has none.
    pixel_change : (N,) float64
        mean |g - f| over the pixels of image i, of 8-bit images scaled to [0, 1].
    counterfactual_error : (N, 2) float64 or None
        Likewise from g's image to f's image without the feature: the share of that mean where the feature can be, and
        the share elsewhere. NaN where the oracle saw none in f's image, None if the data set cannot tell.
    attributes, original_attributes : DataFrame of bool, N rows
        The non-target attributes.
    extractor : str or None
        The extractor that the following belong to, for a metric with ``per_extractor``.
    features, original_features : (N, D) float32 or None
    logits, original_logits : (N, K) float32 or None
    reference, reference_retain : Statistics or None
        Of the whole training set, and of it without the target feature.
    """

    labels: NDArray[np.bool_]
    original_labels: NDArray[np.bool_]
    scores: NDArray[np.float64]
    original_scores: NDArray[np.float64]
    projection: NDArray[np.float64] | None
    pixel_change: NDArray[np.float64]
    attributes: pd.DataFrame
    original_attributes: pd.DataFrame
    counterfactual_error: NDArray[np.float64] | None = None
    extractor: str | None = None
    features: NDArray[np.float32] | None = None
    original_features: NDArray[np.float32] | None = None
    logits: NDArray[np.float32] | None = None
    original_logits: NDArray[np.float32] | None = None
    reference: Statistics | None = None
    reference_retain: Statistics | None = None


class Metric(ABC):
    """A pure function of columns.

    Attributes
    ----------
    columns : frozenset of str
        Fields of ``Columns`` it reads. Where one of them is None, the metric is skipped and says so.
    per_extractor : bool
        True to be computed once per extractor X; its value names then end in ``[X]``.
    """

    columns: ClassVar[frozenset[str]]
    per_extractor: ClassVar[bool] = False

    @abstractmethod
    def compute(self, columns: Columns) -> dict[str, Value]:
        """Compute the values, by name (without the extractor's suffix)."""

"""Generators, and the models around them: how they are built and how they were trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.api.base import ConfigT, Params
from bench.core import randomness
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.api.data import Dataset


@dataclass(frozen=True)
class LatentLayer:
    """Position of one layer's latents in the latent vector: ``latents[:, start:stop]``.

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
        """Index after its last latent."""
        return self.start + self.channels * self.resolution**2


class Generator(nn.Module, ABC):
    """A pre-trained image generator: set the attributes below, implement ``sample`` and ``decode``.

    If the latent is the noise, derive from ``NoiseLatentGenerator`` instead and implement ``render`` alone.

    Attributes
    ----------
    image_shape : tuple of int
        (C, H, W) of one image, px.
    noise_dim : int
        Length of the noise vector.
    prior : {"normal", "uniform"}
        What the noise is drawn from: N(0, I), or each number uniform on [-1, 1). Map noise of N(0, I) to any other
        prior where ``sample`` begins.
    latent_dim : int
        Length of the latent vector, in which methods look for the feature.
    latent_layers : sequence of LatentLayer
        Position of each layer's latents in that vector; empty for a generator without layers (all but VDVAE).

    Notes
    -----
    The same noise always gives the same image; batch norm is in eval mode. Images are the mean of the output
    distribution: differentiable, unclamped, nominally in [0, 1]. The engine clamps and rounds them to 8 bits before
    any oracle, metric or file sees them.
    """

    image_shape: tuple[int, int, int]
    noise_dim: int
    prior: str = randomness.NORMAL
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
        """Render edited latents; ``noise`` supplies everything that is not edited (per-layer noise, a class).

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
    """A generator whose latent is the noise (VAE decoder, DCGAN, ProgGAN): implement ``render`` alone."""

    @abstractmethod
    def render(self, latents: Tensor) -> Tensor:
        """Map latents (N, latent_dim) to images (N, C, H, W), nominally in [0, 1]."""

    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        return noise, self.render(noise)

    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:
        return self.render(latents)


class TrainingConfig(Params):
    """Fields that every training recipe has; a recipe adds its architecture and its constants."""

    image_shape: tuple[int, int, int] = Field(
        (1, 28, 28), description="(C, H, W), px; set from the data set when pre-training"
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
        """Return the networks that are not None, by name."""
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
        """Restore the state; its tensors are on the CPU."""


class Trainable(ABC, Generic[ConfigT]):
    """The training interface of a model, classifier or extractor, for ``bench pretrain`` and the method ``retrain``."""

    Config: ClassVar[type[Params]]

    def dataset_fields(self, dataset: Dataset) -> dict[str, Any]:
        """Return the fields of ``Config`` that follow from the data set; a user may override them."""
        return {"image_shape": dataset.image_shape}

    @abstractmethod
    def build(self, config: ConfigT) -> Networks[ConfigT]:
        """Build untrained networks. The engine seeds initialisation."""

    @abstractmethod
    def optimisers(self, networks: Networks[ConfigT]) -> Mapping[str, Stateful]:
        """Create the other training state by name: optimisers, the live copy behind an averaged generator."""

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
            Losses to show; one that is not finite stops the training.
        """

    def assess(self, networks: Networks[ConfigT], dataset: Dataset) -> dict[str, Any]:
        """Measure trained networks on held-out images of the data set; nothing by default.

        Returns
        -------
        dict
            JSON, kept in the checkpoint's description. A classifier returns ``{"accuracy": {attribute:
            {"balanced_accuracy": float or None, "rate": float, "n": int}}}``, which every result includes.
        """
        return {}


class Model(Trainable[ConfigT]):
    """The plug-in around a generator: how it is built and how it was trained. No-argument constructor."""

    def batch_loss(self, networks: Networks[ConfigT], batch: Batch, rng: torch.Generator) -> Tensor:
        """Return the training loss of a batch in nats per image, for methods that differentiate it; it updates nothing.

        Optional: override it if a batch of images has a loss by itself, as the negative ELBO. It can be differentiated
        twice. Methods weigh it against terms of their own, so its unit is one for all models, whatever unit
        ``training_step`` has: the sum over an image's pixels and latents, the mean over the batch.

        Parameters
        ----------
        networks : Networks
            In the mode and with the gradients that the caller wants.
        batch : Batch
        rng : torch.Generator
            The only source of randomness, on the images' device.

        Returns
        -------
        scalar Tensor
            Nats per image, mean over the batch.

        Raises
        ------
        UsageError
            If it has none: it was trained against a discriminator, or not here.
        """
        raise UsageError(
            f"{type(self).__name__} has no loss of a batch of images; take a model that has an encoder "
            "(--model vae or --model vdvae)"
        )


class Pretrained(Model[ConfigT]):
    """A generator that comes with its weights and is never trained here: implement ``build`` alone.

    ``Config`` holds what ``build`` reads; by default it has no fields.
    """

    Config = Params

    def dataset_fields(self, dataset: Dataset) -> dict[str, Any]:
        """Return no fields: its training data is not known here."""
        return {}

    def optimisers(self, networks: Networks[ConfigT]) -> Mapping[str, Stateful]:
        """Raise UsageError."""
        raise self._untrainable()

    def training_step(
        self,
        networks: Networks[ConfigT],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        """Raise UsageError."""
        raise self._untrainable()

    def _untrainable(self) -> UsageError:
        return UsageError(f"{type(self).__name__} has no training recipe: it cannot be pre-trained or retrained")

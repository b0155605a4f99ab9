"""Layer strings: "64x11,64d2,32x20" for the encoder, "1x1,4m1,4x2,8m4" for the decoder (Child 2021, Appendix)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from bench.api import LatentLayer

TOKEN = re.compile(r"(\d+)(?:([xdm])(\d+))?")


@dataclass(frozen=True)
class Step:
    """One block.

    Attributes
    ----------
    resolution : int
        Side of the square feature map it works on, px.
    other : int or None
        Encoder: the factor by which its output is pooled. Decoder: the resolution whose features are mixed in first.
    """

    resolution: int
    other: int | None


def parse_steps(text: str, joint: str) -> tuple[Step, ...]:
    """Parse a layer string.

    Parameters
    ----------
    text : str
        Of ``RxN`` (N blocks at R px), ``R`` (one block) and ``R<joint>K``.
    joint : {"d", "m"}
        "d": a block whose output is pooled by K; "m": a block that starts with the features of K px.

    Raises
    ------
    ValueError
        If a token cannot be read; the message names it.
    """
    steps: list[Step] = []
    for token in text.split(","):
        match = TOKEN.fullmatch(token.strip())
        if match is None or match[2] not in (None, "x", joint) or 0 in (int(match[1]), int(match[3] or 1)):
            raise ValueError(
                f"'{token}' is not a layer: write 32x4, 32 or 32{joint}2 (numbers from 1), separated by commas"
            )
        resolution = int(match[1])
        steps += (
            [Step(resolution, int(match[3]))] if match[2] == joint else [Step(resolution, None)] * int(match[3] or 1)
        )
    return tuple(steps)


def parse_by_resolution(text: str) -> dict[int, float]:
    """Parse "4:128,1:192" to {4: 128.0, 1: 192.0}; the empty string to {}."""
    values: dict[int, float] = {}
    for token in filter(None, text.split(",")):
        resolution, _, number = token.partition(":")
        try:
            values[int(resolution)] = float(number)
        except ValueError:
            raise ValueError(f"'{token}' is not RESOLUTION:NUMBER, as in 4:128,1:192") from None
        if not (math.isfinite(values[int(resolution)]) and values[int(resolution)] >= 0):
            raise ValueError(f"'{token}': the number must be finite and at least 0")
    return values


@dataclass(frozen=True)
class Architecture:
    """Sizes of both networks, checked against each other.

    Attributes
    ----------
    image_size : int
        Side of the square image, px.
    encoder, decoder : tuple of Step
    width, latent_channels : int
        Channels of features and of latents at a resolution that ``widths`` and ``latents`` do not name.
    widths, latents : mapping of int to int
    """

    image_size: int
    encoder: tuple[Step, ...]
    decoder: tuple[Step, ...]
    width: int
    widths: Mapping[int, int]
    latent_channels: int
    latents: Mapping[int, int]

    def __post_init__(self) -> None:
        self._check_encoder()
        self._check_decoder()

    def width_at(self, resolution: int) -> int:
        """Return the channels of features at a resolution."""
        return self.widths.get(resolution, self.width)

    @cached_property
    def top(self) -> int:
        """Resolution of the decoder's last features, px."""
        return self.decoder[-1].resolution

    @cached_property
    def layers(self) -> tuple[LatentLayer, ...]:
        """The stochastic blocks in the order in which they are drawn."""
        layers: list[LatentLayer] = []
        for step in self.decoder:
            channels = self.latents.get(step.resolution, self.latent_channels)
            layers.append(LatentLayer(step.resolution, channels, layers[-1].stop if layers else 0))
        return tuple(layers)

    def _check_encoder(self) -> None:
        resolution = self.image_size
        for step in self.encoder:
            if step.resolution != resolution:
                raise ValueError(
                    f"enc_blocks: a block at {step.resolution} px follows features of {resolution} px "
                    f"(image_shape is {self.image_size} px wide; 64d2 leads from 64 to 32)"
                )
            if resolution % (step.other or 1):
                raise ValueError(f"enc_blocks: {resolution} px cannot be pooled by {step.other}")
            resolution //= step.other or 1

    def _check_decoder(self) -> None:
        encoded = {step.resolution // (step.other or 1) for step in self.encoder}
        known: set[int] = set()
        for step in self.decoder:
            if step.resolution not in encoded:
                raise ValueError(
                    f"dec_blocks: enc_blocks needs a block that ends at {step.resolution} px; it has them at {encoded}"
                )
            if known and step.resolution not in known and step.other is None:
                raise ValueError(
                    f"dec_blocks: the first block at {step.resolution} px must start from other features; "
                    f"write {step.resolution}m{max(known)}"
                )
            if step.other is not None and (step.other not in known or step.resolution % step.other):
                raise ValueError(
                    f"dec_blocks: {step.resolution}m{step.other} must start from features that exist there, "
                    f"{known} px, and whose resolution divides {step.resolution} px"
                )
            known.add(step.resolution)
        if self.image_size % self.top:
            raise ValueError(f"dec_blocks: the last block has {self.top} px, which must divide {self.image_size} px")
        for low, high in pairwise(sorted(known)):
            if self.width_at(low) < self.width_at(high):
                raise ValueError(
                    f"custom_widths: {low} px needs at least as many channels as {high} px, into which it is mixed "
                    f"({self.width_at(low)} < {self.width_at(high)})"
                )

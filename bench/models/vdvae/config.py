"""Sizes and training recipes of the VDVAE: lite, and the published ones (openai/vdvae hps.py, commit ea35b49, MIT)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from bench.api import TrainingConfig

from .architecture import Architecture, parse_by_resolution, parse_steps

_BY_RESOLUTION = ("custom_widths", "custom_latents", "kl_factors", "open_from")  # fields of px:number
RAMP = 0.05  # share of the training that a resolution's latents take to open

# What all published sizes have in common (hps.py, and its defaults in add_vae_arguments).
_PUBLISHED: dict[str, Any] = {
    "custom_widths": "", "latent_channels": 16, "custom_latents": "", "learned_jumps": 0, "mixtures": 10,
    "min_log_scale": -7.0, "first_log_scale": -7.0, "prior_bound": 0.0, "weight_decay": 0.01, "beta2": 0.9,
    "decay_from": 1.0, "kl_start": 1.0, "kl_end": 1.0, "kl_until": 0.0, "kl_factors": "", "open_from": "",
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    "lite": {},
    "cifar10": _PUBLISHED | {
        "image_shape": (3, 32, 32), "batch_size": 16, "lr": 2e-4, "width": 384, "average": 0.9999,
        "enc_blocks": "32x11,32d2,16x6,16d2,8x6,8d2,4x3,4d4,1x3",
        "dec_blocks": "1x1,4m1,4x2,8m4,8x5,16m8,16x10,32m16,32x21",
        "input_mean": 120.63838 / 255, "input_std": 64.16736 / 255, "grad_clip": 200.0, "skip_threshold": 400.0,
    },
    "imagenet32": _PUBLISHED | {
        "image_shape": (3, 32, 32), "batch_size": 8, "lr": 1.5e-4, "width": 512, "average": 0.999,
        "enc_blocks": "32x15,32d2,16x9,16d2,8x8,8d2,4x6,4d4,1x6",
        "dec_blocks": "1x2,4m1,4x4,8m4,8x9,16m8,16x19,32m16,32x40",
        "input_mean": 116.2373 / 255, "input_std": 69.37404 / 255, "grad_clip": 200.0, "skip_threshold": 300.0,
    },
    "imagenet64": _PUBLISHED | {
        "image_shape": (3, 64, 64), "batch_size": 4, "lr": 1.5e-4, "width": 512, "average": 0.999,
        "enc_blocks": "64x11,64d2,32x20,32d2,16x9,16d2,8x8,8d2,4x7,4d4,1x5",
        "dec_blocks": "1x2,4m1,4x3,8m4,8x7,16m8,16x15,32m16,32x31,64m32,64x12",
        "input_mean": 115.92961967 / 255, "input_std": 69.37404 / 255, "grad_clip": 220.0, "skip_threshold": 380.0,
    },
    "ffhq256": _PUBLISHED | {
        "image_shape": (3, 256, 256), "batch_size": 1, "lr": 1.5e-4, "width": 512, "average": 0.999, "bits": 5,
        "enc_blocks": "256x3,256d2,128x8,128d2,64x12,64d2,32x17,32d2,16x7,16d2,8x5,8d2,4x5,4d4,1x4",
        "dec_blocks": "1x2,4m1,4x3,8m4,8x4,16m8,16x9,32m16,32x21,64m32,64x13,128m64,128x7,256m128",
        "input_mean": 112.8666757481 / 255, "input_std": 69.84780273 / 255, "grad_clip": 130.0, "skip_threshold": 180.0,
    },
}  # fmt: skip


class VDVAEConfig(TrainingConfig):
    """Architecture and training recipe; the preset fills the fields that are not given."""

    removed_fields: ClassVar[Mapping[str, Any]] = {"kl_balance": False, "free_nats": ""}

    preset: Literal["lite", "cifar10", "imagenet32", "imagenet64", "ffhq256"] = Field(
        "lite",
        description="sizes and recipe, which other fields override: lite (ours, 64 px, for a CPU) or a published one "
        "(imagenet64 for any images of 64 px, CelebA included)",
    )
    image_shape: tuple[int, int, int] = Field((3, 64, 64), description="(C, H, W), px; C is 1 or 3, H = W")
    epochs: float = Field(40, gt=0, description="passes over the training images")
    batch_size: int = Field(16, ge=1, description="images per step (published: per GPU, on 2 to 32 GPUs)")
    lr: float = Field(1e-3, gt=0, description="AdamW's peak learning rate")
    flip: bool = Field(False, description="mirror half of the training images left to right")
    enc_blocks: str = Field(
        "64x1,64d2,32x3,32d2,16x4,16d2,8x4,8d2,4x3,4d4,1x2",
        description="encoder: RxN is N blocks at R px, RdK is one block whose output is pooled by K",
    )
    dec_blocks: str = Field(
        "1x4,4m1,4x3,8m4,8x5,16m8,16x4,32m16,32x2",
        description="decoder: RxN is N stochastic blocks at R px, RmK is one that starts from the features of K px",
    )
    width: int = Field(64, ge=4, description="channels of features at resolutions not in `custom_widths`")
    custom_widths: str = Field(
        "64:32,32:48,16:64,8:128,4:128,1:192", description="channels of features by resolution, px:channels"
    )
    bottleneck: float = Field(0.25, gt=0, le=1, description="channels of inner convolutions, share of the features'")
    latent_channels: int = Field(16, ge=1, description="channels of latents at resolutions not in `custom_latents`")
    custom_latents: str = Field("1:32,4:16,8:4,16:2,32:1", description="channels of latents by resolution, px:channels")
    no_bias_above: int = Field(64, ge=1, description="px up to which the decoder's features start from a learned bias")
    learned_jumps: int = Field(
        1,
        ge=0,
        description="pooling to, and upsampling from, resolutions up to this (px) are learned; 0: none (published)",
    )
    mixtures: int = Field(1, ge=1, le=100, description="logistics per pixel (published: 10)")
    min_log_scale: float = Field(
        -3.0, ge=-7, le=0, description="final floor of a logistic's log scale, pixels in [-1, 1] (published: -7)"
    )
    first_log_scale: float = Field(
        -2.0,
        ge=-7,
        le=0,
        description="that floor at first; it falls linearly from `fall_from` to `fall_until`, so that shapes are "
        "learned before shades",
    )
    fall_from: float = Field(0.35, ge=0, le=1, description="share of the training at which that floor starts to fall")
    fall_until: float = Field(0.6, ge=0, le=1, description="share of the training at which it is `min_log_scale`")
    prior_bound: float = Field(
        3.0,
        ge=0,
        description="bound of the prior's means (+-, by tanh) and standard deviations, so that no sample diverges (cf. "
        "NVAE, arXiv 2007.03898); 0: no bound (published)",
    )
    bits: Literal[5, 8] = Field(8, description="bits per colour that are modelled (published: 5 for FFHQ-256)")
    input_mean: float = Field(0.66, ge=0, le=1, description="subtracted from the encoder's input, image in [0, 1]")
    input_std: float = Field(0.24, gt=0, le=1, description="divides the encoder's input, after `input_mean`")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decoupled weight decay")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW's first-moment decay")
    beta2: float = Field(0.99, ge=0, lt=1, description="AdamW's second-moment decay (published: 0.9)")
    warmup_steps: int = Field(100, ge=0, description="steps during which the learning rate rises")
    decay_from: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of the training from which the learning rate falls in a cosine to 0; 1: never (published)",
    )
    grad_clip: float = Field(20.0, gt=0, description="norm to which gradients are clipped (loss in nats per dimension)")
    skip_threshold: float = Field(100.0, gt=0, description="gradient norm from which a step is skipped")
    average: float = Field(0.999, ge=0, lt=1, description="decay per step of the networks' moving average")
    kl_start: float = Field(
        0.1, gt=0, le=1, description="weight of the KL divergence at first; it rises linearly until `kl_until`"
    )
    kl_end: float = Field(
        1.0,
        gt=0,
        description="that weight at the end (1: the ELBO; less: more detail in the latents, to be followed by a last "
        "training at 1)",
    )
    kl_until: float = Field(0.3, ge=0, le=1, description="share of the training at which that weight is `kl_end`")
    kl_factors: str = Field(
        "",
        description="factors of that weight by resolution, px:factor, 1 if not named (0.1 at coarse resolutions moves "
        "details into them from the fine ones)",
    )
    open_from: str = Field(
        "4:0.2,8:0.4,16:0.55,32:0.75",
        description="share of the training until which a resolution's latents stay at the prior's mean, px:share, so "
        "that coarse latents learn first",
    )
    bfloat16: bool = Field(
        False, description="train with bfloat16 autocast, if the device supports it (sampling stays in float32)"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("preset", "lite"), str):
            return data
        return PRESETS.get(data.get("preset", "lite"), {}) | data

    @field_validator(*_BY_RESOLUTION)
    @classmethod
    def _by_resolution(cls, value: str) -> str:
        parse_by_resolution(value)
        return value

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.fall_until < self.fall_from:
            raise ValueError(f"fall_until ({self.fall_until:g}) must be at least fall_from ({self.fall_from:g})")
        channels, height, width = self.image_shape
        if channels not in (1, 3) or height != width:
            raise ValueError(f"image_shape {self.image_shape}: needs 1 or 3 channels, and H = W")
        architecture = self.architecture()
        late = {r: s for r, s in parse_by_resolution(self.open_from).items() if s > 1 - 2 * RAMP}
        if late:
            raise ValueError(f"open_from: the share must be at most {1 - 2 * RAMP:g}; got {late}")
        if architecture.decoder[0].resolution > self.no_bias_above:
            raise ValueError(
                f"no_bias_above: must be at least {architecture.decoder[0].resolution}, where the decoder starts"
            )
        return self

    def architecture(self) -> Architecture:
        """Return the sizes that the layer strings describe; raises ValueError if they do not fit together."""
        return Architecture(
            image_size=self.image_shape[1],
            encoder=parse_steps(self.enc_blocks, "d"),
            decoder=parse_steps(self.dec_blocks, "m"),
            width=self.width,
            widths={r: int(w) for r, w in parse_by_resolution(self.custom_widths).items()},
            latent_channels=self.latent_channels,
            latents={r: int(c) for r, c in parse_by_resolution(self.custom_latents).items()},
        )

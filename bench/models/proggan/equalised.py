"""Layers of the progressive GAN (Karras et al. 2018): equalised learning rate, pixel norm, minibatch deviation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2  # of the leaky ReLU (appendix A.1)
EPSILON = 1e-8  # of pixel norm (section 4.2) and, as in the authors' code, of the minibatch standard deviation


def he_constant(weight: Tensor) -> float:
    """Return sqrt(2 / fan in) (He et al. 2015), by which weights are multiplied: the c of section 4.1.

    The gain is sqrt(2) in every layer. The authors' code (tkarras/progressive_growing_of_gans, networks.py) has a gain
    of 1 in the layers that no activation follows, ``to_rgb`` and the critic's last one, and of sqrt(2) / 4 in the
    generator's dense layer, which pixel norm follows.
    """
    return math.sqrt(2 / weight[0].numel())


class EqualisedConv2d(nn.Conv2d):
    """A convolution with weights from N(0, 1), scaled at run time: equalised learning rate (section 4.1)."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]  # there is a bias
        self.scale = he_constant(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)

    def upsampled(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, 2 H, 2 W): the output of this 3x3 layer for ``upsample(x)``.

        In the upsampled image a 3x3 window covers only four different inputs, so the nine weights are summed to four
        first. This gives a transposed 4x4 convolution (``fused_scale`` in the authors' code), twice as fast.
        """
        weight = F.pad((self.weight * self.scale).flip(2, 3).transpose(0, 1), (1, 1, 1, 1))  # (inputs, outputs, 5, 5)
        weight = weight[..., 1:, 1:] + weight[..., 1:, :-1] + weight[..., :-1, 1:] + weight[..., :-1, :-1]
        return F.conv_transpose2d(x, weight, self.bias, stride=2, padding=1)


class EqualisedLinear(nn.Linear):
    """A dense layer with weights from N(0, 1), scaled at run time."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)
        self.scale = he_constant(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs) to (N, outputs)."""
        return F.linear(x, self.weight * self.scale, self.bias)


def leaky(x: Tensor) -> Tensor:
    """Apply the leaky ReLU in place: nothing else reads a layer's output, and memory traffic is the bottleneck."""
    return F.leaky_relu_(x, SLOPE)


def pixel_norm(x: Tensor) -> Tensor:
    """Scale the feature vector (N, C, ...) of each pixel to unit root mean square (section 4.2)."""
    return x * _inverse_rms(x)


def activated(x: Tensor) -> Tensor:
    """Apply the leaky ReLU and pixel norm to a layer's output (N, C, H, W), in place where no gradient is recorded."""
    x = leaky(x)
    return pixel_norm(x) if x.requires_grad else x.mul_(_inverse_rms(x))


def upsample(x: Tensor) -> Tensor:
    """Double height and width of (N, C, H, W) by repeating pixels."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def downsample(x: Tensor, by: int = 2) -> Tensor:
    """Divide height and width of (N, C, H, W) by averaging pixels."""
    return F.avg_pool2d(x, by) if by > 1 else x


def minibatch_deviation(x: Tensor, group: int) -> Tensor:
    """Append one channel: how much the samples of a group differ, averaged over features and pixels (section 3).

    Parameters
    ----------
    x : (N, C, H, W)
    group : int
        Samples per group, 4 in the authors' code: sample i belongs to group i modulo N / group. If it does not divide
        N, the batch is one group. A batch of one sample has deviation 0.

    Returns
    -------
    (N, C + 1, H, W)
    """
    count, channels, height, width = x.shape
    size = group if count % group == 0 else count
    grouped = x.float().reshape(size, count // size, channels, height, width)
    deviation = (grouped.var(0, correction=0) + EPSILON).sqrt().mean((1, 2, 3))  # (N / size,)
    statistic = deviation.to(x.dtype).repeat(size).view(count, 1, 1, 1).expand(-1, 1, height, width)
    return torch.cat([x, statistic], 1)


def _inverse_rms(x: Tensor) -> Tensor:
    """Return one over the root mean square of each pixel's features (N, C, ...), (N, 1, ...)."""
    return (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()

"""MobileNet for faces: one network scores all attributes, for oracles of every feature.

Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", arXiv 1704.04861,
as timm's ``mobilenetv1_100``.

Deviations from Moon et al. (arXiv 2303.05699, section 4.1), who train one MobileNet per target feature: one network
learns all attributes of the data set, because their changes are measured too; and it is trained twice, from different
seeds, so that the copy that clicks is not the judge. The defaults are those of the suite ``lite`` and train in about
five minutes on one core; ``width=1 depth=1`` is the published network. Training is in float32, because on a CPU
depthwise convolutions are slower in bfloat16 (1.9 ms per image instead of 1.0).
"""

from __future__ import annotations

from typing import Literal, cast

from pydantic import Field
from torch import nn

from bench.api import hookimpl

from ._attributes import AttributeClassifier, AttributesConfig


class MobileNetConfig(AttributesConfig):
    """Attributes to learn, architecture and training recipe."""

    width: float = Field(0.5, gt=0, le=2, description="channels of every layer, share of the published ones")
    depth: float = Field(0.3, gt=0, le=2, description="layers of every stage, share of the published ones")
    stem_stride: Literal[1, 2] = Field(
        2,
        description="stride of the first layer (published: 2, for 224 px); 1 sees more in 64 px, at 3.6 times the cost",
    )


class MobileNet(AttributeClassifier[MobileNetConfig]):
    """The published network at a width and a depth."""

    Config = MobileNetConfig

    def network(self, config: MobileNetConfig) -> nn.Module:
        """Build timm's mobilenetv1_100, narrowed and shortened."""
        from timm.models.efficientnet import _gen_mobilenet_v1  # the public name fixes both multipliers to 1

        net: nn.Module = _gen_mobilenet_v1(  # type: ignore[no-untyped-call]
            "mobilenetv1_100",
            channel_multiplier=config.width,
            depth_multiplier=config.depth,
            num_classes=len(config.attributes),
            in_chans=config.image_shape[0],
        )
        cast(nn.Conv2d, net.conv_stem).stride = (config.stem_stride, config.stem_stride)
        return net


@hookimpl
def register_classifiers(register):  # type: ignore[no-untyped-def]
    register(MobileNet)

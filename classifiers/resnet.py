"""Residual network for faces: a judge of another architecture than MobileNet.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, arXiv 1512.03385, as timm's ``ResNet``
with basic blocks.

Two copies of one architecture that differ in their seed can share a mistake. This network has full convolutions where
MobileNet's are depthwise, and residual connections. It learns the same attributes in the same way, so what both see
alike is less likely to be the mistake of one. The default is small, one block for each of four stages, and its first
layer halves the image once (published: stride 2 and a pooling layer, for 224 px).
"""

from __future__ import annotations

from pydantic import Field
from torch import nn

from bench.api import hookimpl

from ._attributes import AttributeClassifier, AttributesConfig


class ResNetConfig(AttributesConfig):
    """Attributes to learn, architecture and training recipe."""

    blocks: tuple[int, int, int, int] = Field((1, 1, 1, 1), description="basic blocks of each stage")
    channels: tuple[int, int, int, int] = Field((16, 32, 64, 128), description="channels of each stage")
    lr: float = Field(3e-3, gt=0, description="Adam's peak learning rate; cosine to 0")


class ResNet(AttributeClassifier[ResNetConfig]):
    """A small ResNet; its scores are MobileNet's."""

    Config = ResNetConfig

    def network(self, config: ResNetConfig) -> nn.Module:
        """Build timm's ResNet of basic blocks, without the first pooling layer."""
        from timm.models.resnet import BasicBlock
        from timm.models.resnet import ResNet as TimmResNet

        net = TimmResNet(
            BasicBlock,  # type: ignore[arg-type]  # timm names the instance where it takes the class
            config.blocks,
            num_classes=len(config.attributes),
            in_chans=config.image_shape[0],
            channels=config.channels,
            stem_type="deep",
            stem_width=config.channels[0] // 2,
        )
        net.maxpool = nn.Sequential()
        return net


@hookimpl
def register_classifiers(register):  # type: ignore[no-untyped-def]
    register(ResNet)

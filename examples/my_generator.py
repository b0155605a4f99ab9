"""Your own generator: a torch module wrapped as a plug-in. Copy this file into plugins/ and adapt it.

To try the commands without a generator, `python examples/my_generator.py mine.pt` writes weights for the network
below. It draws discs of many colours, about one in five with a scar.
"""

import sys

import torch
from pydantic import Field
from torch import nn

from bench.api import Networks, NoiseLatentGenerator, Params, Pretrained, hookimpl


class Net(nn.Module):
    """Stands for your module. Import yours instead, unchanged (from my_package.networks import Net)."""

    def __init__(self, latents, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latents, width), nn.ReLU(), nn.Linear(width, 3 * 32 * 32), nn.Tanh())

    def forward(self, z):
        """Map latents (N, latents) to images (N, 3, 32, 32) in [-1, 1]."""
        return self.layers(z).view(-1, 3, 32, 32)


class Config(Params):
    """What your module's constructor needs; `bench zoo import -p width=128` sets it."""

    latents: int = Field(8, ge=1, description="length of the latent")
    width: int = Field(32, ge=1, description="hidden units")


class Generator(NoiseLatentGenerator):
    """Draws an image from each noise vector: N(0, I) in, images in [0, 1] out."""

    # prior = "uniform"  # if your code draws z uniform on (-1, 1); map z = (z + 1) / 2 in render for (0, 1)

    def __init__(self, config):
        super().__init__()
        self.image_shape = (3, 32, 32)
        self.noise_dim = self.latent_dim = config.latents
        self.net = Net(config.latents, config.width)  # the only submodule with weights: your file has its state dict

    def render(self, latents):
        """Map latents (N, latent_dim) to images (N, C, H, W) in [0, 1]."""
        return (self.net(latents) + 1) / 2


class MyGenerator(Pretrained[Config]):
    """A generator that comes with its weights and is not trained here."""

    Config = Config

    def build(self, config):
        """Build the generator; your weights are then loaded into it."""
        return Networks(config, generator=Generator(config))


@hookimpl
def register_models(register):
    """Register the model under the file's name."""
    register(MyGenerator)


def planted():
    """Return the network with weights that draw discs, with a scar if the first latent is high."""
    net = Net(Config().latents, Config().width)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    disc, scar = (x**2 + y**2 < 0.7).float(), ((x - y / 2).abs() < 0.08) & (y.abs() < 0.5)
    grey, colours = torch.ones(3, 1, 1), 0.3 * torch.eye(3)[:, :, None, None]
    looks = [c * disc for c in colours] + [0.3 * grey * disc * x, 0.3 * grey * disc * y, 0.3 * grey * (1 - disc)]
    hidden, pixels = net.layers[0], net.layers[2]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        hidden.weight[:20, 0], hidden.bias[:20] = 1, -0.8
        pixels.weight[:, :20] = (-0.08 * grey * scar).flatten()[:, None]
        for i, look in enumerate(looks):  # a pair of units passes on one latent, positive or negative
            hidden.weight[20 + 2 * i, 1 + i], hidden.weight[21 + 2 * i, 1 + i] = 1, -1
            pixels.weight[:, 20 + 2 * i], pixels.weight[:, 21 + 2 * i] = look.flatten(), -look.flatten()
    return net


if __name__ == "__main__":
    torch.save(planted().state_dict(), sys.argv[1])

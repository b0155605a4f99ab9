"""Your own conditional generator: a torch module of a latent and a class. Copy this file into plugins/ and adapt it.

The class is part of the noise, and no method edits it. To try the commands without a generator,
`python examples/class_generator.py mine.pt` writes weights for the network below. It draws discs, squares and rings of
many colours, about one in five with a scar.
"""

import sys

import torch
from pydantic import Field
from torch import nn

from bench.api import Generator, Networks, Params, Pretrained, hookimpl


class Net(nn.Module):
    """Stands for your module. Import yours instead, unchanged (from my_package.networks import Net)."""

    def __init__(self, latents, classes, width):
        super().__init__()
        self.classes = nn.Embedding(classes, classes)
        self.layers = nn.Sequential(
            nn.Linear(latents + classes, width), nn.ReLU(), nn.Linear(width, 3 * 32 * 32), nn.Tanh()
        )

    def forward(self, z, classes):
        """Map latents (N, latents) and classes (N,) int64 to images (N, 3, 32, 32) in [-1, 1]."""
        return self.layers(torch.cat([z, self.classes(classes)], dim=1)).view(-1, 3, 32, 32)


class Config(Params):
    """What your module's constructor needs; `bench zoo import -p width=128` sets it."""

    latents: int = Field(8, ge=1, description="length of the latent")
    classes: int = Field(3, ge=2, description="number of classes")
    width: int = Field(40, ge=1, description="hidden units")


class ClassGenerator(Generator):
    """The noise is the latent, then one number for each class: the class with the largest number is drawn."""

    def __init__(self, config):
        super().__init__()
        self.image_shape = (3, 32, 32)
        self.latent_dim = config.latents
        self.noise_dim = config.latents + config.classes
        self.net = Net(config.latents, config.classes, config.width)  # your file has its state dict

    def sample(self, noise):
        """Map noise (N, noise_dim) to latents (N, latent_dim) and images (N, C, H, W) in [0, 1]."""
        latents = noise[:, : self.latent_dim]
        return latents, self.decode(latents, noise)

    def decode(self, latents, noise):
        """Map latents, which methods edit, to images; the class is that of the noise, whatever the latents are."""
        classes = noise[:, self.latent_dim :].argmax(dim=1)  # equal chances, since the numbers are alike
        return (self.net(latents, classes) + 1) / 2


class MyClassGenerator(Pretrained[Config]):
    """A generator of several classes that comes with its weights and is not trained here."""

    Config = Config

    def build(self, config):
        """Build the generator; your weights are then loaded into it."""
        return Networks(config, generator=ClassGenerator(config))


@hookimpl
def register_models(register):
    """Register the model under the file's name."""
    register(MyClassGenerator)


def planted():
    """Return the network with weights that draw a body for each class, with a scar if the first latent is high."""
    latents, classes = Config().latents, Config().classes
    net = Net(latents, classes, Config().width)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    far = (x**2 + y**2).sqrt()
    bodies = [far < 0.8, (x.abs() < 0.7) & (y.abs() < 0.7), (far < 0.9) & (far > 0.5)]
    scar, grey = ((x - y / 2).abs() < 0.08) & (y.abs() < 0.6), torch.ones(3, 1, 1)
    colours = [0.3 * colour * torch.ones(32, 32) for colour in torch.eye(3)[:, :, None, None]]
    looks = [*colours, 0.3 * grey * x, 0.3 * grey * y]
    hidden, pixels = net.layers[0], net.layers[2]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.classes.weight += torch.eye(classes)
        hidden.weight[:20, 0], hidden.bias[:20] = 1, -0.8
        pixels.weight[:, :20] = (-0.08 * grey * scar).flatten()[:, None]
        for i, body in enumerate(bodies):  # a unit passes on that the class was chosen
            hidden.weight[20 + i, latents + i] = 1
            pixels.weight[:, 20 + i] = (grey * (body.float() - 0.5)).flatten()
        for i, look in enumerate(looks):  # a pair of units passes on one latent, positive or negative
            hidden.weight[23 + 2 * i, 1 + i], hidden.weight[24 + 2 * i, 1 + i] = 1, -1
            pixels.weight[:, 23 + 2 * i], pixels.weight[:, 24 + 2 * i] = look.flatten(), -look.flatten()
    return net


if __name__ == "__main__":
    torch.save(planted().state_dict(), sys.argv[1])

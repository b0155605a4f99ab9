"""The whole module of ``forget_vae``, as its file has it, for ``bench zoo import``."""

from __future__ import annotations

from torch import Tensor, nn

from bench.api import Networks, NoiseLatentGenerator, Params, Pretrained, hookimpl

PIXELS, HIDDEN, LATENTS = 784, 400, 2


def _hidden(inputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()]


class Net(nn.Module):
    """Encoder and decoder under the names of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*_hidden(PIXELS))
        self.enc_log_sigma, self.enc_mu = nn.Linear(HIDDEN, LATENTS), nn.Linear(HIDDEN, LATENTS)
        self.decoder = nn.Sequential(*_hidden(LATENTS), nn.Linear(HIDDEN, PIXELS), nn.Sigmoid())


class Generator(NoiseLatentGenerator):
    """Draws with the decoder."""

    image_shape, noise_dim, latent_dim = (1, 28, 28), LATENTS, LATENTS

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def render(self, latents: Tensor) -> Tensor:
        images: Tensor = self.net.decoder(latents)
        return images.view(-1, 1, 28, 28)


class ForgetWhole(Pretrained[Params]):
    """The VAE as one module."""

    Config = Params

    def build(self, config: Params) -> Networks[Params]:
        return Networks(config, generator=Generator())


@hookimpl
def register_models(register):  # type: ignore[no-untyped-def]
    register(ForgetWhole)

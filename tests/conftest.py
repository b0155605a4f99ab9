"""What the tests share: the command line in-process, loose plug-ins, a tiny model with planted features."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest
import torch

BENCH_DATA = os.environ.pop("BENCH_DATA", None)  # commands under test see a data set only where a test names it
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start; this one: see one_thread

REPOSITORY = Path(__file__).parents[1]

# A bar whose width follows latent 0 and whose lean follows latent 1: what the oracle measures is planted.
BARS = '''
"""Bars: width, lean and place follow three of the latents."""

import torch
from torch import nn

from bench.api import Model, Networks, NoiseLatentGenerator, TrainingConfig, hookimpl


class Decoder(NoiseLatentGenerator):
    noise_dim = latent_dim = 6

    def __init__(self, image_shape):
        super().__init__()
        self.image_shape = image_shape
        self.layer = nn.Linear(6, 3)
        with torch.no_grad():
            self.layer.weight.zero_()
            self.layer.weight[0, 0], self.layer.weight[1, 1], self.layer.weight[2, 2] = 0.5, 0.25, 1.0
            self.layer.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))

    def render(self, latents):
        width, lean, place = self.layer(latents).unbind(1)
        y, x = torch.meshgrid(torch.arange(28.0) - 13.5, torch.arange(28.0) - 13.5, indexing="ij")
        away = (x - place[:, None, None] + lean[:, None, None] * y).abs()
        inside = torch.sigmoid(4 * (width[:, None, None] - away)) * torch.sigmoid(4 * (9 - y.abs()))
        return inside[:, None]


class Bars(Model[TrainingConfig]):
    Config = TrainingConfig

    def build(self, config):
        return Networks(config, generator=Decoder(config.image_shape), encoder=nn.Linear(784, 6))

    def optimisers(self, networks):
        return {"adam": torch.optim.Adam(networks.generator.parameters(), lr=networks.config.lr)}

    def training_step(self, networks, optimisers, batch, rng, progress):
        loss = (networks.generator(torch.randn(len(batch.images), 6, generator=rng)) - batch.images).abs().mean()
        optimisers["adam"].zero_grad()
        loss.backward()
        optimisers["adam"].step()
        return {"loss": loss.detach()}


@hookimpl
def register_models(register):
    register(Bars)
'''

# Start of a loose method; the body of unlearn(self, generator, feedback, context) follows.
METHOD = '''
"""{summary}"""

from copy import deepcopy

import torch

from bench.api import Method, Params, Unlearned, hookimpl


class Config(Params):
    pass


class Mine(Method[Config]):
    Config = Config
{attributes}

    def unlearn(self, generator, feedback, context):
{body}


@hookimpl
def register_methods(register):
    register(Mine)
'''


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


def call_cli(*argv: object, cwd: Path | None = None) -> Outcome:
    """Run ``bench ARGV...`` in this process."""
    from bench.cli import main

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["bench", *map(str, argv)]
    place = contextlib.chdir(cwd) if cwd is not None else contextlib.nullcontext()
    try:
        with place, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = before
    assert isinstance(end.value.code, int)
    return Outcome(end.value.code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def bench_cli(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Outcome]:
    """Call the command line in an empty working directory, so that nobody's ./plugins or ./results matter."""
    empty = tmp_path_factory.mktemp("cwd")
    return lambda *argv, cwd=empty: call_cli(*argv, cwd=cwd)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """Return the folder that holds the real MNIST."""
    folder = Path(BENCH_DATA or REPOSITORY.parent / "shared" / "data")
    if not (folder / "MNIST" / "raw" / "t10k-images-idx3-ubyte").is_file():
        pytest.skip(f"no MNIST under {folder} (set BENCH_DATA)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute on one thread."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def interrupts_arrive() -> Iterator[None]:
    """Let Ctrl-C through, which a shell's background job ignores, and leave its handler as it was found."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class PluginFolder:
    """A folder for ``--plugins``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, code: str) -> Path:
        """Write one loose file."""
        file = self.path / f"{name}.py"
        file.write_text(dedent(code).lstrip("\n"), encoding="utf-8")
        return file

    def method(self, name: str, body: str, attributes: str = "", summary: str = "A method of a test.") -> Path:
        """Write a loose method: class attributes, and the body of ``unlearn``."""

        def indented(text: str, by: int) -> str:
            return "\n".join(" " * by + line for line in dedent(text).strip("\n").splitlines())

        return self.write(
            name, METHOD.format(summary=summary, attributes=indented(attributes, 4), body=indented(body, 8))
        )


@pytest.fixture
def plugins(tmp_path: Path) -> PluginFolder:
    """Return a folder of loose plug-ins that already holds the model ``bars``."""
    folder = PluginFolder(tmp_path / "loose")
    folder.write("bars", BARS)
    return folder


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Return the model ``bars``: its plug-in folder, registry, original and weights file."""
    from bench.registry import Registry
    from bench.toolkit.training import build
    from bench.workspace import loading, saving

    folder = PluginFolder(tmp_path_factory.mktemp("bars"))
    folder.write("bars", BARS)
    registry = Registry(folder.path)
    model = registry.get("models", "bars")()
    weights = folder.path / "bars.safetensors"
    saving.save_networks(weights, "model", "bars", build(model, model.Config(), "test"), {"made": "by a test"})
    return SimpleNamespace(
        folder=folder, registry=registry, weights=weights, original=loading.load_original(registry, weights)
    )


@pytest.fixture
def on_bars(bars: SimpleNamespace, bench_cli: Callable[..., Outcome], tmp_path: Path) -> Callable[..., Outcome]:
    """Call ``bench run`` on the model ``bars``, small and quick, with results in ``tmp_path / "runs"``."""

    def call(method: str, *more: object, plugins: Path = bars.folder.path, feature: str = "thickness") -> Outcome:
        return bench_cli(
            "run", "--method", method, "--model", "bars", "--dataset", "mnist", "--weights", bars.weights,
            "--feature", feature, "--plugins", plugins, "--results", tmp_path / "runs", "--device", "cpu",
            "--set", "feedback.count=100", "--set", "evaluation.count=130", *more,
        )  # fmt: skip

    return call


@pytest.fixture
def workspace(bars: SimpleNamespace, tmp_path: Path):
    """Return a workspace on an empty store and the CPU, which knows the model ``bars``."""
    from bench.workspace.store import Store
    from bench.workspace.workspace import Workspace

    return Workspace(bars.registry, Store(tmp_path / "runs"), torch.device("cpu"))

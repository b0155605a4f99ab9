"""What the tests share: the command line in-process, loose plug-ins, a tiny model with planted features."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from types import SimpleNamespace

import pytest
import torch


def put_aside(variables: MutableMapping[str, str]) -> str | None:
    """Return BENCH_DATA, and hide it: commands under test see a data set only where a test names it.

    xdist's workers inherit what is left of the environment, so the folder stays there under another name.
    """
    if "BENCH_DATA" in variables:
        variables["BENCH_DATA_OF_TESTS"] = variables.pop("BENCH_DATA")
    return variables.get("BENCH_DATA_OF_TESTS")


BENCH_DATA = put_aside(os.environ)
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start; this one: see one_thread

REPOSITORY = Path(__file__).parents[1]
# fixtures of tests/support that several rooms use
pytest_plugins = ["browser", "own_generator", "processes", "trained_oracles", "wrapped_files"]

PLUGINS = REPOSITORY / "tests" / "plugins"  # loose plug-ins, which fixtures copy into a folder for --plugins


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


@pytest.fixture(scope="session")
def celeba_tables() -> Path:
    """Return the folder, or the zip, that holds CelebA's official tables."""
    folder = Path(BENCH_DATA or REPOSITORY.parent / "shared" / "data")
    for place in (folder / "celeba10k" / "tables.zip", folder / "celeba"):
        if place.is_file() or (place / "list_attr_celeba.txt").is_file():
            return place
    pytest.skip(f"no tables of CelebA under {folder} (set BENCH_DATA)")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute on one thread."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """Leave out fsync, which only a loss of power would show; the processes that tests start and kill do it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def interrupts_arrive() -> Iterator[None]:
    """Let Ctrl-C through, which a shell's background job ignores, and leave its handler as it was found."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def helpers_of_plug_ins_are_forgotten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget modules that loose plug-ins imported from a test's folder: another test's may have the same name."""
    base = f"{tmp_path_factory.getbasetemp()}{os.sep}"  # compared as text: as paths, thousands take a tenth of a second
    yield
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and file.startswith(base) and not name.startswith("bench_plugin_"):
            del sys.modules[name]
    sys.path[:] = [folder for folder in sys.path if not f"{folder}{os.sep}".startswith(base)]


@pytest.fixture(autouse=True, scope="session")
def small_cuts() -> None:
    """Take a generator's cut of few samples; commands that tests start take it of all, unless they are ``COMMAND``."""
    import small_cut  # noqa: F401


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

    def add(self, name: str, *changes: tuple[str, str], as_name: str | None = None) -> Path:
        """Copy a plug-in of ``tests/plugins``, with (old, new) pieces of text changed."""
        code = (PLUGINS / f"{name}.py").read_text(encoding="utf-8")
        for old, new in changes:
            assert code.count(old) == 1, f"{name}.py holds {old!r} {code.count(old)} times"
            code = code.replace(old, new)
        return self.write(as_name or name, code)

    def method(self, name: str, body: str, attributes: str = "") -> Path:
        """Write a one-off method: ``plain`` with other class attributes, and another body of ``unlearn``."""
        plain = (PLUGINS / "plain.py").read_text(encoding="utf-8")
        head, _, tail = plain.partition("    # attributes\n")
        declaration, _, end = re.split(r"(?m)((?:^.*# body\n)+)", tail)
        return self.write(
            name, head + indent(dedent(attributes), " " * 4) + "\n" + declaration + indent(dedent(body), " " * 8) + end
        )


@pytest.fixture
def plugins(tmp_path: Path) -> PluginFolder:
    """Return a folder of loose plug-ins that already holds the model ``bars``."""
    folder = PluginFolder(tmp_path / "loose")
    folder.add("bars")
    return folder


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Return the model ``bars``: its plug-in folder, registry, original and weights file."""
    from bench.registry import Registry
    from bench.toolkit.training import build
    from bench.workspace.weights import loading, saving

    folder = PluginFolder(tmp_path_factory.mktemp("bars"))
    folder.add("bars")
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
    from bench.workspace.store.store import Store
    from bench.workspace.workspace import Workspace

    return Workspace(bars.registry, Store(tmp_path / "runs"), torch.device("cpu"))

"""What README and CONTRIBUTING say is true: commands exist, examples run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import matplotlib
import numpy as np
import pytest

import bench.cli
from bench import hookspecs

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

ROOT = Path(__file__).parents[2]
README, CONTRIBUTING = (ROOT / name for name in ("README.md", "CONTRIBUTING.md"))
NOTEBOOK = ROOT / "examples" / "unlearn.ipynb"

SMALL = ["--set", "feedback.count=200", "--set", "evaluation.count=128", "-p", "epochs=3"]


def commands_in(path: Path) -> list[list[str]]:
    """Return the indented command lines that call bench, without comments, split at && and |."""
    lines = re.findall(r"^    (.*\bbench .*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    parts = [part.strip() for line in lines for part in line.split("  #")[0].split("&&")]
    return [shlex.split(part) for part in parts if part.startswith("bench ")]


def example(name: str) -> str:
    """Return the code of a worked example in CONTRIBUTING."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    found = re.search(rf"<!-- example: {re.escape(name)} -->\n```python\n(.*?)```", text, flags=re.DOTALL)
    assert found is not None, f"CONTRIBUTING has no example {name}"
    return found.group(1)


@pytest.mark.parametrize("words", [*commands_in(README), *commands_in(CONTRIBUTING)], ids=" ".join)
def test_every_command_in_the_docs_exists_with_its_options(words: list[str]) -> None:
    command: click.Command | None = bench.cli.cli.get_command(click.Context(bench.cli.cli), words[1])
    assert command is not None, f"there is no command {words[1]}"
    if isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words[2])
        assert command is not None, f"there is no command {words[1]} {words[2]}"
    known = {option for parameter in command.params for option in parameter.opts}
    used = {word.split("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)}
    assert used <= known, f"{sorted(used - known)} are no options of bench {words[1]}"


def test_every_command_and_hook_is_in_the_docs() -> None:
    documented = {words[1] for words in [*commands_in(README), *commands_in(CONTRIBUTING)]}
    assert set(bench.cli.COMMANDS) - documented == set()
    hooks = [name for name in vars(hookspecs) if name.startswith("register_")]
    assert len(hooks) == 5
    assert all(hook in CONTRIBUTING.read_text(encoding="utf-8") for hook in hooks)


def test_the_python_example_of_the_readme_unlearns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["images"].shape == names["after"].shape == (500, 1, 28, 28)
    assert names["labels"].shape == (500,) and names["labels"].sum() == 50
    value = names["measured"]["value"]
    assert value["target_ratio"] < value["original_target_ratio"] / 5
    assert re.search(r"^target_ratio +0\.00", capsys.readouterr().out, flags=re.MULTILINE)
    loaded = bench.load("unlearned.safetensors")
    assert np.array_equal(bench.sample(loaded, 500, stream="feedback/0"), names["after"])
    assert [path.name for path in tmp_path.iterdir()] == ["unlearned.safetensors"]


def test_the_notebook_is_small_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells in order, with smaller numbers than it shows."""
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5) and len(text) < 60_000
    assert {"cells", "metadata"} < notebook.keys()
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[\w-]{1,64}", name) for name in ids)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    pictures = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            assert cell.keys() == {"cell_type", "id", "metadata", "source"}
            continue
        assert cell.keys() == {"cell_type", "id", "metadata", "source", "outputs", "execution_count"}
        exec("".join(cell["source"]), names)
        if "parameters" in cell["metadata"].get("tags", ()):
            assert {"SHOWN", "EPOCHS", "SAMPLES"} <= names.keys()
            names |= {"SHOWN": 100, "EPOCHS": 3, "SAMPLES": 130}
        pictures += len(plt.get_fignums())
        plt.close("all")
    assert pictures == 3 and names["after"].shape == (100, 1, 28, 28) and names["measured"]["n"].max() == 130
    assert (tmp_path / "unlearned.safetensors").is_file()


def test_the_worked_method_is_checked_and_run(tmp_path: Path, bench_cli: Any) -> None:
    (tmp_path / "mirror.py").write_text(example("mirror.py"))
    assert bench_cli("check", "mirror", "--plugins", tmp_path).code == 0
    results = ["--results", tmp_path / "runs", "--plugins", tmp_path]
    ran = bench_cli("run", "--method", "mirror", "--model", "vae", "--feature", "thickness", *SMALL, *results)
    assert ran.code == 0, ran.err
    assert "mirror (epochs=3) vae thickness seed 0: share with the feature" in ran.out


@pytest.mark.mnist
def test_the_worked_model_is_checked_trained_and_unlearned(tmp_path: Path, mnist_dir: Path, bench_cli: Any) -> None:
    (tmp_path / "linear_decoder.py").write_text(example("linear_decoder.py"))
    places = ["--results", tmp_path / "runs", "--plugins", tmp_path, "--data-dir", mnist_dir]
    weights, model = tmp_path / "linear.safetensors", ["--model", "linear_decoder", "--dataset", "mnist"]
    assert bench_cli("check", "linear_decoder", "--plugins", tmp_path).code == 0
    assert bench_cli("pretrain", *model, "-p", "epochs=0.1", "--out", weights, *places).code == 0
    wanted = ["--method", "ours", *model, "--weights", weights, "--feature", "thickness"]
    ran = bench_cli("run", *wanted, *SMALL, *places)
    assert ran.code == 0, ran.err
    assert "ours (epochs=3) linear_decoder thickness seed 0: share with the feature" in ran.out

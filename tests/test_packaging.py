from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import bench

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("methods", "classifiers", "datasets")


# --- the checkout -------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_plug_in_folders_are_no_packages(folder):
    assert (REPOSITORY / folder).is_dir() and not (REPOSITORY / folder / "__init__.py").exists()


def run(code, cwd, **environment):
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_hugging_face_s_datasets_is_not_shadowed_by_the_checkout(tmp_path):
    """A regular package of that name wins over a folder without __init__.py, even for who stands in the checkout."""
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("ours = False\n")
    code = "import datasets, methods, classifiers; print(datasets.ours, methods.ours, classifiers.ours)"
    assert run(code, REPOSITORY, PYTHONPATH=str(tmp_path)) == "False False False\n"
    both = "import datasets, bench, bench.datasets.mnist as m; print(datasets.ours, m.__name__)"
    assert run(both, REPOSITORY, PYTHONPATH=str(tmp_path)) == "False bench.datasets.mnist\n"


def test_plug_ins_have_one_name_in_the_checkout():
    code = (
        "import sys, bench.methods.ours, bench.classifiers.digits, bench.datasets.mnist\n"
        "from bench.registry import Registry\n"
        "cls = Registry().get('methods', 'ours')\n"
        "assert cls is bench.methods.ours.Ours and cls.__module__ == 'bench.methods.ours'\n"
        "print(*[n for n in sys.modules if n.split('.')[0] in ('methods', 'classifiers', 'datasets')])"
    )
    assert run(code, REPOSITORY) == "\n"


def test_a_name_inside_the_plug_in_folders_survives_pickling():
    """Spawned workers import classes by name."""
    code = (
        "import pickle, bench.methods.ours as ours\n"
        "print(pickle.loads(pickle.dumps(ours.Config(alpha=2))).alpha, pickle.dumps(ours.Config).count(b'bench.methods'))"
    )
    assert run(code, REPOSITORY) == "2.0 1\n"


def test_importing_bench_is_cheap():
    code = "import sys, bench; print(sorted({'torch', 'numpy', 'pandas', 'click', 'pydantic'} & set(sys.modules)))"
    assert run(code, REPOSITORY) == "[]\n"


def test_the_plug_ins_never_import_each_other():
    from bench.hookspecs import KINDS
    from bench.registry import Registry

    folders = "|".join({kind.folder for kind in KINDS})
    registry = Registry()
    for source in registry.sources:
        if source.origin == "built-in":
            own = source.path.parent.glob("*.py") if source.path.name == "__init__.py" else [source.path]
            for path in own:
                assert not re.search(rf"^\s*(from|import) (bench\.)?({folders})\b", path.read_text(), re.M), path


# --- the wheel ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel, with what is in the checkout."""
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=REPOSITORY, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_what_is_needed(names):
    for name in (
        "bench/__init__.py", "bench/methods/ours.py", "bench/classifiers/morpho_mnist/__init__.py",
        "bench/datasets/mnist.py", "bench/datasets/_celeba/faces.py", "bench/py.typed",
        "bench/models/vae.py", "bench/weights/manifest.json", "bench/weights/vae-mnist.safetensors",
        "bench/weights/digits.safetensors", "bench/results/paper/tables.csv", "bench/suites/lite.toml",
        "bench/experiments/planning/expected_times.toml",
        "bench/authoring/templates/method.py.txt", "bench/authoring/templates/model.py.txt",
        "bench/authoring/templates/metric.py.txt",
        "bench/feedback/page/templates/images.html", "bench/feedback/page/static/grid.js",
        "bench/report/page/templates/report.html", "bench/report/page/static/report.css",
    ):  # fmt: skip
        assert name in names, name
    for folder in (*FOLDERS, "bench"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            inside = path.relative_to(REPOSITORY).as_posix()
            assert (inside if folder == "bench" else f"bench/{inside}") in names


def test_the_wheel_holds_nothing_else(names):
    tops = {name.split("/")[0] for name in names}
    assert tops == {"bench", f"feature_unlearning_bench-{bench.__version__}.dist-info"}
    for unwanted in ("tests/", "__pycache__", ".checkpoint.pt", "results/runs", ".git", "conftest"):
        assert not [name for name in names if unwanted in name], unwanted
    assert not [name for name in names if re.fullmatch(rf"bench/({'|'.join(FOLDERS)})/__init__.py", name)]
    assert len(names) == len(set(names)), "a file twice"


def test_the_wheel_tells_what_it_is(wheel, names):
    with zipfile.ZipFile(wheel) as archive:
        info = next(name.split("/")[0] for name in names if ".dist-info" in name)
        metadata = archive.read(f"{info}/METADATA").decode()
        points = archive.read(f"{info}/entry_points.txt").decode()
        assert any(name.startswith(f"{info}/licenses/") for name in names)
    assert f"Version: {bench.__version__}\n" in metadata and "License-Expression: MIT" in metadata
    assert points.strip() == "[console_scripts]\nbench = bench.cli:main"
    wanted = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    required = re.findall(r"^Requires-Dist: ([\w-]+)(?!.*extra)", metadata, re.M)
    assert set(required) == {re.match(r"[\w-]+", line).group() for line in wanted}


def test_the_wheel_works_where_no_checkout_is(wheel, tmp_path):
    """Unpacked, it finds its plug-ins, weights and published numbers, and gives the same keys as the checkout."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = """
import bench, sys
assert bench.__file__.startswith(sys.argv[1] if len(sys.argv) > 1 else ''), bench.__file__
from bench.core import code_hash
from bench.workspace.weights import loading
from bench.report.tables.published import read_published
from bench.registry import Registry
registry = Registry()
assert registry.problems() == {}, registry.problems()
assert sum(map(len, read_published(registry).rows.values())) > 50
loading.load_original(registry, "vae-mnist")
for kind, name in (("methods", "ours"), ("methods", "reject"), ("metrics", "fidelity"), ("extractors", "digits")):
    print(name, code_hash.code_of(registry.get(kind, name)))
"""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    installed = run(f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); sys.argv.append({str(tmp_path)!r})\n{code}", elsewhere)  # fmt: skip
    assert installed == run(code, REPOSITORY)
    assert installed.count("\n") == 4

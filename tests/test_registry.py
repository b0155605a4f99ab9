from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bench import hookspecs
from bench.errors import PluginError, UsageError
from bench.hookspecs import KINDS, Kind, kind_named
from bench.registry import Registry, base_of

REPOSITORY = Path(__file__).parents[1]
BUILT_IN = {
    "methods": {"ours", "original", "latent_edit", "reject", "retrain"},
    "models": {"vae", "dcgan"},
    "classifiers": {"morpho_mnist", "mobilenet", "resnet"},
    "extractors": {"digits", "faces", "imagenet", "inception"},
    "datasets": {"mnist"},
    "metrics": {"target_ratio", "roc_auc", "retain_change", "diversity", "fidelity"},
}

METRIC = '''
"""{summary}"""

from bench.api import Metric, Value, hookimpl


class Mine(Metric):
    columns = frozenset({{"labels"}})

    def compute(self, columns):
        return {{"{value}": Value(float(columns.labels.mean()), len(columns.labels), None)}}


@hookimpl
def register_metrics(register):
    register(Mine)
'''


# --- what is there ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_every_built_in_is_found_with_its_summary(kind):
    registry = Registry()
    assert BUILT_IN[kind] <= set(registry.names(kind))
    for source in registry.sources:
        if source.origin == "built-in":
            first_line = source.path.read_text().split('"""')[1].splitlines()[0]
            assert source.summary == first_line and len(first_line) > 20


def test_no_built_in_is_broken():
    assert Registry().problems() == {}


def test_files_of_the_folders_are_the_names():
    for kind, folder in (("methods", "methods"), ("models", "bench/models"), ("metrics", "bench/metrics")):
        stems = {path.stem for path in (REPOSITORY / folder).glob("*.py")}
        stems |= {path.parent.name for path in (REPOSITORY / folder).glob("*/__init__.py")}
        assert stems == set(Registry().names(kind))


def test_an_unknown_name_gets_its_nearest_match():
    with pytest.raises(UsageError) as error:
        Registry().get("methods", "orus", "--method")
    assert str(error.value).startswith("--method: unknown method 'orus'. Did you mean 'ours'? Known: ")
    with pytest.raises(UsageError) as error:
        Registry().get("methods", "xyzzy", "--method")
    assert "Did you mean" not in str(error.value)


def test_a_name_of_another_kind_is_told_which(bench_cli):
    with pytest.raises(UsageError) as error:
        Registry().get("extractors", "mobilenet", "evaluation.extractors")
    assert str(error.value) == (
        "evaluation.extractors: 'mobilenet' is a classifier, not an extractor. Known: digits, faces, imagenet, inception."
    )
    with pytest.raises(UsageError, match="unknown extractor 'digit'. Did you mean 'digits'?"):
        Registry().get("extractors", "digit")
    with pytest.raises(
        UsageError,
        match="'digits' is an extractor, not a classifier. Known: digit_reader, mobilenet, morpho_mnist, resnet",
    ):
        Registry().get("classifiers", "digits")


def test_classifiers_and_extractors_share_a_folder_and_are_told_apart(bench_cli):
    registry = Registry()
    found = {kind: {s.path.parent for s in registry.sources if s.kind.name == kind and s.path.stem != "__init__"}
             for kind in ("classifiers", "extractors")}  # fmt: skip
    assert found["classifiers"] == found["extractors"] == {REPOSITORY / "classifiers"}
    assert not set(registry.names("classifiers")) & set(registry.names("extractors"))
    listed = bench_cli("list", "extractors").out.splitlines()
    assert [line.split()[0] for line in listed] == ["extractors", "digits", "faces", "imagenet", "inception"]


def test_a_further_kind_is_one_row(plugins, monkeypatch):
    """As attacks will be: its hook, its group and its names follow from the row."""
    attacks = Kind("attacks", "attack", "attack", "Metric", "attacks")
    kinds = (*KINDS, attacks)
    monkeypatch.setattr("bench.core.sources.KINDS", kinds)
    monkeypatch.setattr("bench.hookspecs.KINDS", kinds)
    monkeypatch.setattr("bench.hookspecs.register_attacks", hookspecs._specification(attacks), raising=False)
    plugins.write(
        "storm", METRIC.format(summary="An attack.", value="v").replace("register_metrics", "register_attacks")
    )
    registry = Registry(plugins.path)
    assert registry.names("attacks") == ["storm"] and registry.get("attacks", "storm").__name__ == "Mine"
    with pytest.raises(UsageError, match="unknown attack 'strom'. Did you mean 'storm'"):
        registry.get("attacks", "strom")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_row_is_complete(kind):
    assert kind_named(kind.name) is kind_named(kind.singular) is kind
    assert kind.name == f"{kind.singular}s" and kind.hook in vars(hookspecs)
    assert base_of(kind).__name__ == kind.base and base_of(kind).__module__.startswith("bench.api")


def test_an_underscore_hides_a_file(plugins):
    plugins.method("_draft", "return Unlearned(deepcopy(generator))")
    assert "_draft" not in Registry(plugins.path).names("methods")


def test_a_loose_file_imports_what_lies_beside_it_and_where_one_stands(plugins, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net_of_mine.py").write_text("WIDTH = 3\n")
    plugins.write("_beside_it", "DEPTH = 2\n")
    deep = plugins.method("deep", "return None")
    deep.write_text(f"{deep.read_text()}\nfrom _beside_it import DEPTH\nfrom net_of_mine import WIDTH\n")
    module = sys.modules[Registry(plugins.path).get("methods", "deep").__module__]
    assert (module.DEPTH, module.WIDTH) == (2, 3)


def test_one_file_may_register_two_kinds(plugins):
    plugins.method("both", "return Unlearned(deepcopy(generator))")
    file = plugins.path / "both.py"
    file.write_text(file.read_text() + METRIC.format(summary="", value="both").replace("Mine", "AMetric"))
    registry = Registry(plugins.path)
    assert registry.get("methods", "both").__name__ == "Plain"
    assert registry.get("metrics", "both").__name__ == "AMetric"


# --- what is refused ----------------------------------------------------------------------------------


def test_a_duplicate_is_refused_naming_both_sources(plugins, bench_cli):
    file = plugins.method("ours", "return Unlearned(deepcopy(generator))")
    with pytest.raises(PluginError, match="method 'ours' is registered twice") as error:
        Registry(plugins.path).get("methods", "ours")
    assert str(file) in str(error.value) and str(REPOSITORY / "methods" / "ours.py") in str(error.value)
    assert Registry(plugins.path).names("methods").count("ours") == 1
    assert bench_cli("list", "methods", "--plugins", plugins.path).code == 0
    checked = bench_cli("list", "--check", "--plugins", plugins.path)
    assert checked.code == 3 and checked.out.count("BROKEN: method 'ours' is registered twice") == 2


HEAD = "from bench.api import *\nfrom bench.api import Method, Metric, hookimpl\n"
GOOD = "class Good(Method):\n    def unlearn(self, generator, feedback, context): ...\n"
REFUSED = {
    "unmarked": (GOOD + "def register_methods(register):\n    register(Good)\n", "is not marked with @bench.api.hookimpl"),
    "wrong_base": ("@hookimpl\ndef register_methods(register):\n    register(int)\n", "<class 'int'>, which is not a subclass of bench.api.Method"),
    "no_class": ("@hookimpl\ndef register_methods(register):\n    register('ours')\n", "'ours', which is not a subclass"),
    "other_kind": (
        "class M(Metric):\n    def compute(self, columns): ...\n@hookimpl\ndef register_methods(register):\n    register(M)\n",
        "not a subclass of bench.api.Method. Register a bench.api.Metric with register_metrics",
    ),
    "abstract": ("class A(Method): ...\n@hookimpl\ndef register_methods(register):\n    register(A)\n", "does not implement unlearn"),
    "two": (GOOD + "@hookimpl\ndef register_methods(register):\n    register(Good)\n    register(Good)\n", "registers 2 classes; one is expected"),
    "none": ("@hookimpl\ndef register_methods(register): ...\n", "registers 0 classes; one is expected"),
    "argument": (GOOD + "@hookimpl\ndef register_methods(registry):\n    registry(Good)\n", "Argument(s) {'registry'} are declared in the hookimpl but can not be found"),
    "extra_hook": (GOOD + "@hookimpl\ndef register_methods(register):\n    register(Good)\n@hookimpl\ndef register_method(register): ...\n", "unknown hook 'register_method'"),
    "raises": (
        "@hookimpl\ndef register_methods(register):\n    raise KeyError('lost')\n",
        f"cannot be loaded: KeyError: 'lost' (line {HEAD.count(chr(10)) + 3})",
    ),
    "no_package": ("import no_such_package\n" + GOOD + "@hookimpl\ndef register_methods(register):\n    register(Good)\n", "ModuleNotFoundError: No module named 'no_such_package'"),
    "extractor_as_classifier": (
        "from bench.api import Extractor\nclass E(Extractor):\n    def outputs(self, images): ...\n"
        "@hookimpl\ndef register_methods(register):\n    register(E)\n",
        "not a subclass of bench.api.Method. Register a bench.api.Extractor with register_extractors",
    ),
    "exits": ("import sys\nsys.exit(7)\n@hookimpl\ndef register_methods(register): ...\n", "SystemExit: 7"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_plug_in_says_why_and_blocks_nobody(name, plugins):
    code, reason = REFUSED[name]
    file = plugins.write(name, HEAD + code)
    registry = Registry(plugins.path)
    with pytest.raises(PluginError) as error:
        registry.get("methods", name)
    assert reason in str(error.value) and str(file) in str(error.value) and name in str(error.value)
    assert set(registry.problems()) == {("methods", name)}
    assert registry.get("methods", "ours").__name__ == "Ours"


def test_the_line_is_told_of_a_plugin_in_the_default_folder_too(bench_cli, tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "broke.py").write_text("1 / 0\n\n\ndef register_methods(register): ...\n")
    done = bench_cli("check", "broke", cwd=tmp_path)
    assert done.code == 3 and "ZeroDivisionError: division by zero (line 1)" in done.out + done.err


SYNTAX = "@hookimpl\ndef register_models(register:\n"


def test_a_file_that_does_not_parse_is_listed_as_what_it_wants_to_be(plugins):
    plugins.write("half", SYNTAX)
    plugins.write("garbage", "}{")
    registry = Registry(plugins.path)
    assert [s.kind.name for s in registry.sources if s.name == "half"] == ["models"]
    with pytest.raises(PluginError, match="model 'half' .* cannot be loaded: SyntaxError"):
        registry.get("models", "half", "--model")
    with pytest.raises(PluginError, match="'garbage' .* cannot be loaded: SyntaxError"):
        registry.get("methods", "garbage")


def test_broken_plug_ins_take_neither_the_list_nor_another_run_down(plugins, on_bars, bench_cli):
    plugins.write("half", SYNTAX)
    plugins.write("binary", "pass").write_bytes(b"\xff\xfe\x00")
    plugins.write("no_package", HEAD + REFUSED["no_package"][0])
    plugins.write("bad_metric", "import no_such_package\n" + METRIC.format(summary="M", value="v"))
    plugins.write("bad_data", "import no_such_package\n@hookimpl\ndef register_datasets(register): ...\n")
    listed = bench_cli("list", "--plugins", plugins.path)
    assert listed.code == 0 and "no_package" in listed.out and "BROKEN" not in listed.out
    checked = bench_cli("list", "--check", "--plugins", plugins.path)
    assert checked.code == 3 and checked.out.count("BROKEN") == 5
    assert "No module named 'no_such_package'" in checked.out and "SyntaxError" in checked.out

    run = on_bars("original", plugins=plugins.path)
    assert run.code == 0, run.err
    assert "not computed: bad_metric: " in run.out and "No module named 'no_such_package'" in run.out


def test_what_other_programs_leave_in_a_folder_is_not_a_plug_in(plugins, bench_cli):
    """Files of macOS, Emacs, vim, Jupyter and Python; pipes, sockets, devices and folders, which no command waits for."""
    mine = METRIC.format(summary="Mine.", value="v")
    plugins.write("mine", mine)
    for name in ("._mine.py", ".#mine.py", ".mine.py.swp", "mine.py~", "#mine.py#", "mine.py.orig", ".swp.py"):
        (plugins.path / name).write_text(mine)
    for name in ("__pycache__", ".ipynb_checkpoints", ".hidden", "folder.py"):
        (plugins.path / name).mkdir()
        (plugins.path / name / "__init__.py").write_text(mine)
    os.mkfifo(plugins.path / "pipe.py")
    (plugins.path / "package").mkdir()
    os.mkfifo(plugins.path / "package" / "__init__.py")
    with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(plugins.path):
        listening.bind("listens.py")
    (plugins.path / "zero.py").symlink_to("/dev/zero")
    names = [source.name for source in Registry(plugins.path).sources if source.origin != "built-in"]
    assert names == ["bars", "folder.py", "mine"]  # a package may have any name
    listed = bench_cli("list", "--check", "--plugins", plugins.path)
    assert "mine           Mine." in listed.out


def test_a_link_that_leads_nowhere_is_told(plugins):
    (plugins.path / "gone.py").symlink_to("nowhere.py")
    with pytest.raises(PluginError, match=r"gone\.py\) cannot be loaded: FileNotFoundError"):
        Registry(plugins.path).get("methods", "gone")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"# coding: latin-1\n"])
def test_a_file_may_begin_with_a_byte_order_mark_or_name_its_encoding(mark, plugins):
    encoding = "utf-8" if mark.startswith(b"\xef") else "latin-1"
    file = plugins.write("mine", "")
    file.write_bytes(mark + METRIC.format(summary="Größe", value="v").lstrip().encode(encoding))
    plugins.write("helper", "").write_bytes(mark + b"X = 1\n")
    registry = Registry(plugins.path)
    assert {source.name: source.summary for source in registry.sources}["mine"] == "Größe"
    assert registry.get("metrics", "mine").__name__ == "Mine" and "helper" not in {s.name for s in registry.sources}


@pytest.mark.parametrize(
    ("hook", "kind"),
    [
        ("@hookimpl\ndef register_metrix(register)", "metrics"),
        ("@hookimpl\ndef register_metric(register)", "metrics"),
        ("def register_metric(register)", "metrics"),
        ("import bench.api\n@bench.api.hookimpl\ndef metrics(register)", "metrics"),
        ("@hookimpl\ndef add(register)", "methods"),
    ],
)
def test_a_misspelt_hook_is_told(hook, kind, plugins):
    text = METRIC.format(summary="Mine.", value="v")
    plugins.write("mine", text.replace("@hookimpl\ndef register_metrics(register)", hook))
    assert [source.kind.name for source in Registry(plugins.path).sources if source.name == "mine"] == [kind]
    with pytest.raises(PluginError, match=f"'mine' has no register_{kind}\\(register\\) hook"):
        Registry(plugins.path).get(kind, "mine")


def test_a_function_that_is_only_like_a_hook_makes_no_plug_in(plugins):
    plugins.write("helper", "def register_hooks(model): ...\ndef register_modules(model): ...\n")
    assert "helper" not in {source.name for source in Registry(plugins.path).sources}


def test_a_misspelt_method_is_told(plugins):
    plugins.method("mine", "return Unlearned(deepcopy(generator))")
    file = plugins.path / "mine.py"
    file.write_text(file.read_text().replace("def unlearn(", "def unlern("))
    with pytest.raises(PluginError, match="does not implement unlearn. Did you mean 'unlearn' where it says 'unlern'"):
        Registry(plugins.path).get("methods", "mine")


def test_all_leaves_broken_methods_out_and_says_so(plugins, on_bars):
    plugins.write("no_package", HEAD + REFUSED["no_package"][0])
    planned = on_bars("all", "--dry-run", plugins=plugins.path)
    assert planned.code == 0, planned.err
    assert "ours-bars-" in planned.out and "no_package" not in planned.out
    assert "No module named 'no_such_package'" in planned.err


# --- entry points -------------------------------------------------------------------------------------


@pytest.fixture
def stranger(tmp_path, plugins, monkeypatch):
    """Install a package by hand: a method, the model ``bars`` under another name, and a metric."""
    site = tmp_path / "site"
    package = site / "stranger_package"
    package.mkdir(parents=True)
    plugins.method("installed", "return Unlearned(deepcopy(generator))")
    (package / "__init__.py").write_text("")
    (package / "method.py").write_text((plugins.path / "installed.py").read_text())
    (package / "model.py").write_text((plugins.path / "bars.py").read_text())
    (package / "metric.py").write_text(METRIC.format(summary="A stranger's metric.", value="their_share"))
    info = site / "stranger_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[bench.methods]\ntheir_method = stranger_package.method\nmissing = stranger_package.missing\n"
        "no_module = stranger_package.method:Plain\n"
        "[bench.models]\ntheir_model = stranger_package.model\n"
        "[bench.metrics]\ntheir_metric = stranger_package.metric\n"
    )
    files = [*package.iterdir(), *info.iterdir()]
    (info / "RECORD").write_text("".join(f"{file.relative_to(site)},,\n" for file in files))
    monkeypatch.syspath_prepend(site)
    yield package
    for name in [name for name in sys.modules if name.startswith("stranger_package")]:
        del sys.modules[name]


def test_an_installed_package_is_found_run_and_checked(stranger, bars, bench_cli, tmp_path):
    from bench.toolkit.training import build
    from bench.workspace.weights import saving

    registry = Registry()
    listed = bench_cli("list")
    assert listed.code == 0
    for summary in ("A method that changes nothing.", "Bars: width", "A stranger's metric."):
        assert summary in listed.out
    assert "[package stranger-package]" in listed.out
    assert "stranger_package" not in sys.modules, "bench list imported it"

    model = registry.get("models", "their_model")()
    weights = tmp_path / "weights.safetensors"
    saving.save_networks(weights, "model", "their_model", build(model, model.Config(), "test"), {})
    run = bench_cli(
        "run", "--method", "their_method", "--model", "their_model", "--dataset", "mnist", "--feature", "slant",
        "--weights", weights, "--results", tmp_path / "runs", "--set", "feedback.count=60",
        "--set", "evaluation.count=80",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert "their_share 0." in run.out
    for name in ("their_method", "their_model", "their_metric"):
        checked = bench_cli("check", name)
        assert checked.code == 0, checked.out


def test_a_broken_entry_point_blocks_nobody(stranger):
    problems = Registry().problems()
    assert set(problems) == {("methods", "missing"), ("methods", "no_module")}
    assert "ModuleNotFoundError" in problems["methods", "missing"]
    assert "must name a module" in problems["methods", "no_module"]
    assert "package stranger-package" in problems["methods", "no_module"]


# --- finding is cheap ---------------------------------------------------------------------------------

SPY = """
import sys, bench.cli
sys.argv = ["bench", *{argv!r}]
try:
    bench.cli.main()
except SystemExit as end:
    assert end.code == 0, end.code
heavy = {{"torch", "numpy", "pandas", "pydantic", "rich", "scipy", "sklearn"}} & set(sys.modules)
plugins = [n for n in sys.modules if n.startswith(("bench.methods.", "bench.models.", "bench.metrics.", "bench_plugin_"))]
assert not heavy and not plugins, (heavy, plugins)
"""  # noqa: E501


@pytest.mark.parametrize("argv", [["list"], ["--help"], ["run", "--help"], ["list", "methods", "--plugins", "{loose}"]])
def test_list_and_help_import_nothing_heavy(argv, plugins):
    argv = [part.format(loose=plugins.path) for part in argv]
    code = SPY.format(argv=argv)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    assert "Usage: bench" in done.stdout or "ours" in done.stdout or "bars" in done.stdout

"""Every function that runs in a cell counts in the key of its stage: watched, not listed."""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from here import Here

from bench.core import code_hash, code_meaning, code_modules, code_places
from bench.experiments.cells import keys
from bench.experiments.cells.resolve import Resolved, resolve
from bench.experiments.planning import grid
from bench.experiments.stages.run import run_cell
from bench.registry import Registry
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]
# What prepares, loads and stores around the stages; whatever it hands to a stage is in the key by content.
AROUND = {
    "bench.api.base",
    "bench.evaluation.metric_plugins",
    "bench.evaluation.images",
    "bench.evaluation.references",
    "bench.experiments.cells.cell",
    "bench.experiments.stages.cuts",
    "bench.experiments.stages.evaluating",
    "bench.experiments.cells.from_where",
    "bench.experiments.stages.method_runner",
    "bench.experiments.cells.judgement",
    "bench.experiments.cells.keys",
    "bench.experiments.stages.losses",
    "bench.experiments.stages.measured",
    "bench.experiments.cells.parts",
    "bench.experiments.cells.plugin_code",
    "bench.experiments.cells.resolve",
    "bench.experiments.stages.run",
    "bench.experiments.stages.first_stages",
    "bench.experiments.stages.training",
    "bench.workspace.weights.extractor_names",
    "bench.workspace.store.record",
    "bench.workspace.weights.checkpoint",
    "bench.workspace.pictures",
    "bench.workspace.settings.suites",
    "bench.workspace.workspace",
    "bench.workspace.weights.loading",
    "bench.workspace.weights.networks",
    "bench.workspace.weights.observers",
    "bench.workspace.weights.oracles",
    "bench.workspace.manifest",
    "bench.workspace.weights.saving",
}
BY_VALUE = {  # what they return is in the key
    "stream_of", "Method.also_asks", "Ours.also_asks", "LatentEdit.also_asks", "has_counterfactuals", "identity",
    "remover_for", "source_of", "clashes", "Metric.looks",
}  # fmt: skip
STAGES = {"feedback_stage": "feedback", "train": "unlearn", "evaluate_stage": "original"}  # the last one that began


def watched(resolved: Resolved) -> dict[str, set[tuple[Path, str]]]:
    """Run a cell's stages; return the functions that ran in each, by file and name."""
    found: dict[str, set[tuple[Path, str]]] = {"": set()} | {stage: set() for stage in STAGES.values()}
    now = [""]

    def watch(frame, event, argument):
        code = frame.f_code
        if event != "call" or "site-packages" in code.co_filename:
            return
        name = code.co_qualname.split(".<locals>")[0]
        if code.co_filename.endswith(("stages.py", "evaluating.py", "experiments/stages/training.py")):
            now[0] = STAGES.get(name, now[0])
        if name == "load_unlearned":  # what is evaluated is what was stored
            now[0] = "original"
        if "<" not in name:
            found[now[0]].add((Path(code.co_filename), name))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        record = run_cell(resolved, Here())
    finally:
        sys.setprofile(before)
    assert record.status == "ok", record.reason
    return found


def code_roots(resolved: Resolved) -> dict[str, list[object]]:
    """Return what each stage's key was told to begin with."""
    asked: dict[str, list[object]] = {}
    with pytest.MonkeyPatch().context() as patch:
        for stage, function in (("feedback", "_feedback"), ("unlearn", "_unlearn"), ("original", "_seen")):
            rest = {"feedback": (None,), "unlearn": ("", None), "original": ()}[stage]
            roots: list[object] = []
            patch.setattr(keys, "code_of", lambda *found, roots=roots: roots.extend(found) or "")
            getattr(keys, function)(resolved, *rest)
            if stage == "feedback":
                keys._cut(resolved)
            asked[stage] = roots
        everything: list[object] = []
        patch.setattr(keys, "code_of", lambda *found: everything.extend(found) or "")
        keys.keys_of(resolved, keys.shared_keys_of(resolved))
        asked[""] = everything
    return asked


@pytest.mark.parametrize("method", ["ours", "probe", "latent_edit", "reject", "original"])
def test_all_code_that_runs_in_a_cell_is_in_its_key(method, bars, workspace):
    request = grid.Request(
        methods=[method], models=["bars"], features=["slant"], dataset="mnist", weights=str(bars.weights),
        params=["epochs=3"] if method in ("ours", "probe") else [],
        overrides=("feedback.count=60", "evaluation.count=70"),
    )  # fmt: skip
    (cell,) = grid.cells(request, workspace)
    roots = code_roots(resolve(cell, workspace))
    whole = {(s.module.path, s.name) for s in code_hash.reached(*roots[""])}
    ran = watched(resolve(cell, workspace))
    assert len(ran["unlearn"]) > 4 and len(ran["original"]) > 20
    for stage in STAGES.values():
        functions, counted = ran[stage], {(s.module.path, s.name) for s in code_hash.reached(*roots[stage])}
        if stage == "original":
            counted |= whole  # metrics follow the pass
        if stage == "unlearn":  # reads the clicks again, from their file
            counted |= {(s.module.path, s.name) for s in code_hash.reached(*roots["feedback"])}
        for path, name in sorted(functions):
            module = module_name(path)
            if module and module not in AROUND | code_hash.NUMBERLESS and name not in BY_VALUE:
                assert (path, name) in counted, f"{module}: {name} ran in stage '{stage}' and is not in its key"


def module_name(path: Path) -> str | None:
    """Return the dotted name of a module of ours; None for others."""
    if not path.is_relative_to(REPOSITORY) or path.is_relative_to(REPOSITORY / "tests"):
        return None
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts if parts[0] == "bench" else ("bench", *parts))


# --- one operator changed, in every function that a key reaches -----------------------------------------


SWAPPED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And, ast.MatMult: ast.Mult,
}  # fmt: skip


def mutants(node: ast.stmt) -> Iterator[ast.stmt]:
    """Yield a function with one operator changed, for each of its operators; else with another last statement."""
    count = 0
    for i, inner in enumerate(_computing(node)):
        for attribute in ("op", "ops"):
            old = getattr(inner, attribute, None)
            first = old[0] if isinstance(old, list) else old
            if type(first) in SWAPPED:
                mutant = copy.deepcopy(node)
                new = SWAPPED[type(first)]()
                setattr(list(_computing(mutant))[i], attribute, [new, *old[1:]] if isinstance(old, list) else new)
                count += 1
                yield mutant
    if not count and isinstance(node, ast.FunctionDef):
        mutant = copy.deepcopy(node)
        mutant.body.append(ast.parse("pass").body[0] if len(mutant.body) == 1 else ast.parse("0 + 1").body[0])
        mutant.body.append(ast.parse("x = 1").body[0])
        yield mutant


def _computing(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a function without what it says when it raises, and without type hints."""
    if isinstance(node, (ast.Raise, ast.arg)):
        return
    yield node
    returned = getattr(node, "returns", None)
    for child in ast.iter_child_nodes(node):
        if child is not returned and not (isinstance(node, ast.Assert) and child is node.msg):
            yield from _computing(child)


def test_a_changed_operator_changes_what_the_definition_means():
    registry, count = Registry(), 0
    roots = [registry.get("methods", name).unlearn for name in registry.names("methods")]
    roots += [*keys.FEEDBACK, *keys.UNLEARN, *keys.SEEN, *keys.EVALUATE, *keys.METRIC]
    roots += [registry.get("metrics", name).compute for name in registry.names("metrics")]
    roots += [registry.get("models", name).build for name in registry.names("models")]
    for symbol in code_hash.reached(*roots):
        for node in symbol.module.nodes(symbol.name):
            if isinstance(node, (ast.FunctionDef, ast.Assign)):
                for mutant in mutants(node):
                    count += 1
                    assert code_meaning.meaning([mutant]) != code_meaning.meaning([node]), (
                        f"{symbol.module.name}: {symbol.name}"
                    )
    assert count > 400


def forget_code():
    """Clear what is kept of files that have been read."""
    kept = (code_hash.code_of, code_hash._text, code_hash._own_meaning, code_hash._references, code_hash._attributes)
    for cached in kept:
        cached.cache_clear()


@pytest.fixture(scope="module")
def keyed(bars, tmp_path_factory):
    """Return a cell, and a function that computes its keys from the code as it is now."""
    workspace = Workspace(bars.registry, Store(tmp_path_factory.mktemp("runs")), torch.device("cpu"))
    request = grid.Request(
        methods=["ours"], models=["bars"], features=["slant"], dataset="mnist", weights=str(bars.weights)
    )
    (cell,) = grid.cells(request, workspace)

    def keys_now():
        forget_code()
        resolved = resolve(cell, workspace)
        return {**vars(resolved.keys), "metrics": resolved.metric_keys}

    yield SimpleNamespace(now=keys_now, before=keys_now())
    forget_code()


@pytest.mark.parametrize(
    ("path", "old", "new", "changed"),
    [
        ("feedback/oracle.py", "keep = max(1, round(fraction * len(scores)))", "keep = max(2, round(fraction * len(scores)))", {"cut", "feedback", "unlearn", "evaluate", "columns"}),
        ("feedback/oracle.py", "scores[:, 0] >= threshold", "scores[:, 0] > threshold", {"feedback", "unlearn", "evaluate", "columns"}),
        ("core/randomness.py", "torch.randn", "torch.rand", {"cut", "feedback", "unlearn", "original", "evaluate", "columns", "metrics"}),
        ("core/rendering.py", "* 255", "* 254", {"cut", "feedback", "unlearn", "original", "evaluate", "columns", "metrics"}),
        ("toolkit/latent.py", "self(latents) - self.landing", "self(latents) + self.landing", {"unlearn", "evaluate", "columns"}),
        ("toolkit/losses.py", "1 -", "2 -", {"unlearn", "evaluate", "columns"}),
        ("api/models.py", "return noise, self.render(noise)", "return noise, self.render(-noise)", {"cut", "feedback", "unlearn", "original", "evaluate", "columns"}),
        ("evaluation/passes.py", "own_scores >= float(threshold)", "own_scores > float(threshold)", {"original", "evaluate", "columns"}),
        ("evaluation/metrics.py", "scores >= oracle.threshold", "scores > oracle.threshold", {"metrics"}),
        ("evaluation/looks.py", "rows_of(metric, f_images[start:stop], g_images[start:stop])", "rows_of(metric, g_images[start:stop], f_images[start:stop])", {"original", "evaluate", "columns", "metrics"}),
        ("evaluation/counterfactual.py", "4 * e**2", "5 * e**2", set()),
        ("workspace/weights/oracles.py", "top_fraction is not None else", "top_fraction is None else", {"evaluate", "columns"}),
        ("experiments/stages/first_stages.py", 'stream, count = f"feedback/{cell.seed}"', 'stream, count = f"feedback/{cell.seed + 1}"', {"feedback", "unlearn", "evaluate", "columns"}),
        ("experiments/stages/training.py", "stream_of(method.reads_feedback, method.trainings, cell.seed)", "stream_of(method.reads_feedback, method.trainings, 0)", {"unlearn", "evaluate", "columns"}),
        ("workspace/weights/checkpoint.py", '{name}": tensor.detach()', '{name}": tensor.half()', {"unlearn", "evaluate", "columns"}),
        ("experiments/execution/isolated.py", "noise.detach().cpu()", "noise.detach().half().cpu()", {"original", "evaluate", "columns"}),
        ("experiments/stages/evaluating.py", "asked.count, same", "asked.count - 1, same", {"original", "evaluate", "columns"}),
        ("evaluation/references.py", 'moments.get(f"without {feature}")', 'moments.get("all")', {"metrics"}),
        ("errors.py", "training diverged", "the training diverged", set()),
        ("core/progress.py", "} left {", "} more {", set()),
    ],
)  # fmt: skip
def test_a_changed_operator_reaches_the_keys_of_its_stages(path, old, new, changed, keyed, monkeypatch):
    """End to end: the file on disk changes, and the cell's keys with it."""
    plain, file = code_modules.source_of, code_places.ENGINE.folder / path
    code = plain(file)
    assert old in code
    monkeypatch.setattr(code_modules, "source_of", lambda p: code.replace(old, new) if p == file else plain(p))
    assert {stage for stage, key in keyed.now().items() if key != keyed.before[stage]} == changed


@pytest.mark.parametrize(
    ("path", "old", "new", "changed"),
    [
        ("bench/models/vae.py", "torch.sigmoid(self.logits(latents))", "torch.tanh(self.logits(latents))", {"cut", "feedback", "unlearn", "original", "evaluate", "columns"}),
        ("bench/models/vae.py", "generator=Decoder(config)", "generator=Decoder(config.model_copy())", {"cut", "feedback", "unlearn", "original", "evaluate", "columns"}),
        ("bench/models/vae.py", "networks.config.lr", "networks.config.lr / 2", {"unlearn", "evaluate", "columns"}),
        ("bench/toolkit/training.py", "batch_size", "batch_size  + 0", {"unlearn", "evaluate", "columns"}),
        ("methods/retrain.py", "deepcopy(data.networks)", "deepcopy(deepcopy(data.networks))", {"unlearn", "evaluate", "columns"}),
        ("datasets/mnist.py", "images[:, None]", "images[:, None] + 0", {"unlearn", "evaluate", "columns"}),
        ("bench/models/dcgan.py", "torch.sigmoid", "torch.tanh", set()),
    ],
)  # fmt: skip
def test_the_code_of_a_built_in_model_and_of_its_recipe_counts(path, old, new, changed, tmp_path, monkeypatch):
    workspace = Workspace(Registry(), Store(tmp_path), torch.device("cpu"))
    (cell,) = grid.cells(grid.Request(methods=["retrain"], models=["vae"], features=["thickness"]), workspace)
    forget_code()
    before = vars(resolve(cell, workspace).keys)
    plain, file = code_modules.source_of, REPOSITORY / path
    code = plain(file)
    assert old in code
    monkeypatch.setattr(code_modules, "source_of", lambda p: code.replace(old, new, 1) if p == file else plain(p))
    forget_code()
    after = vars(resolve(cell, workspace).keys)
    forget_code()
    assert {stage for stage in after if after[stage] != before[stage]} == changed


def test_what_counts_by_itself_is_there():
    for places in keys.GLUE.values():
        for file, names in places.items():
            module = code_places.module_named(f"bench.{file}", code_places.ENGINE)
            assert module is not None and all(module.nodes(name) for name in names), file

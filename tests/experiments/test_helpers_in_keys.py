"""A helper counts in the keys of the plug-in that imports it, whatever kind of plug-in that is."""

from __future__ import annotations

import pytest
import torch
from fresh_imports import fresh_imports, write_modules

from bench.experiments.cells.resolve import resolve
from bench.experiments.planning import grid
from bench.registry import Registry
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace
from tests.conftest import PLUGINS

EYE = """
    import torch
    from bench.api import Extractor, hookimpl
    from _help import FACTOR

    class Eye(Extractor):
        classes = ()
        @classmethod
        def identity(cls):
            return "0" * 64
        def outputs(self, images):
            seen = images.flatten(1)[:, :8] * FACTOR
            return seen, seen

    @hookimpl
    def register_extractors(register):
        register(Eye)
"""
SPREAD = """
    from bench.api import Metric, Value, hookimpl
    from _help import FACTOR

    class Spread(Metric):
        columns = frozenset({"pixel_change"})
        values = frozenset({"spread"})
        def compute(self, columns):
            return {"spread": Value(FACTOR * float(columns.pixel_change.std()), len(columns.pixel_change), None)}

    @hookimpl
    def register_metrics(register):
        register(Spread)
"""


def with_helper(name, old, new):
    """Return a plug-in of the tests that takes a number from a helper."""
    code = (PLUGINS / f"{name}.py").read_text()
    assert old in code
    future = "from __future__ import annotations\n"
    return code.replace(future, f"{future}from _help import FACTOR\n", 1).replace(old, new)


ALL = {"feedback", "unlearn", "original", "evaluate", "columns"}
KINDS = {
    "method": ("plain", "return Unlearned(deepcopy(generator))", "return Unlearned(deepcopy(generator), FACTOR)", {"unlearn", "evaluate", "columns"}),
    "model": ("bars", "return inside[:, None]", "return inside[:, None] * FACTOR", ALL),
    "model, as it builds": ("bars", "generator=Decoder(config.image_shape)", "generator=Decoder(config.image_shape[:int(3 * FACTOR)])", ALL),
    "oracle": ("level", "- learnt(self.networks).level.double()", "- FACTOR * learnt(self.networks).level.double()", ALL),
    "data set": ("strips", "images[torch.from_numpy(indices)]", "images[torch.from_numpy(indices)] * FACTOR", {"metric fidelity"}),
    "extractor": ("eye", EYE, None, {"original", "evaluate", "columns", "metric fidelity"}),
    "metric": ("spread", SPREAD, None, {"metric spread"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_helper_counts(kind, world, bars, tmp_path):
    name, old, new, changed = KINDS[kind]
    files = {plugin: (PLUGINS / f"{plugin}.py").read_text() for plugin in ("bars", "level", "strips", "plain")}
    files |= {"eye": EYE.replace("from _help import FACTOR", "FACTOR = 1"), "spread": SPREAD.replace("from _help import FACTOR", "FACTOR = 1")}  # fmt: skip  # noqa: E501
    files[name] = old if new is None else with_helper(name, old, new)

    def keys(factor):
        place = tmp_path / f"at{factor}"
        write_modules(place / "plugins", {**files, "_help": f"FACTOR = {factor}"})
        with fresh_imports(place):
            workspace = Workspace(Registry(place / "plugins"), Store(tmp_path / "runs"), torch.device("cpu"))
            request = grid.Request(
                methods=["plain"], models=["bars"], features=["light"], dataset="strips", weights=str(bars.weights),
                overrides=(
                    f"oracle.feedback={world.a}", f"oracle.evaluation={world.b}", "evaluation.extractors=eye",
                    "evaluation.metrics=fidelity,spread,target_ratio",
                ),
            )  # fmt: skip
            (cell,) = grid.cells(request, workspace)
            found = resolve(cell, workspace)
            return {**vars(found.keys), **{f"metric {name}": key for name, key in found.metric_keys.items()}}

    first, second = keys(1), keys(2)
    assert {stage for stage in first if first[stage] != second[stage]} == changed

"""What changes while cells run: a later process imports the new code, whose results have other keys."""

from __future__ import annotations

import pytest
from small_cells import records

EDITING = """
from pathlib import Path
file = Path(__file__).with_name("_help.py")
file.write_text({new!r})
import _help
return Unlearned(deepcopy(generator))
"""


@pytest.mark.parametrize(
    ("new", "kept"), [("SHIFT = 1.0\n", False), ("# a remark\nSHIFT = 0.0\n", True)], ids=["code", "remark"]
)
@pytest.mark.usefixtures("apart")
def test_a_helper_that_changes_while_cells_run(new, kept, plugins, on_bars, tmp_path):
    helper = plugins.write("_help", "SHIFT = 0.0\n")
    plugins.method("mine", EDITING.format(new=new))
    plugins.method("yours", "import _help\nreturn Unlearned(deepcopy(generator))")
    done = on_bars("mine,yours", "--json", plugins=plugins.path)
    if kept:
        assert done.code == 0 and [r["status"] for r in records(done)] == ["ok", "ok"]
        return
    assert done.code == 1 and done.out == ""
    again = f"{helper}: changed while cells ran, so nothing is stored of this one. Run the same command again"
    assert done.err.count(again) >= 2, "of both, whose keys were made from the old code"
    assert not list((tmp_path / "runs").glob("*/result.json"))
    assert not list((tmp_path / "runs").glob(".stages/unlearn-*/sealed.json"))
    plugins.method("mine", "import _help\nreturn Unlearned(deepcopy(generator))")
    assert on_bars("mine,yours", plugins=plugins.path).code == 0

"""What counts as a change of code."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.core import code_meaning, code_modules, code_places

CODE = '''
"""A file."""

from bench.api import Method, Params, Unlearned, hookimpl
from bench.errors import UsageError
from pydantic import Field

SHARE = 0.5


class Config(Params):
    """Settings."""

    lr: float = Field(1e-3, gt=0, description="learning rate")


class Mine(Method):
    """A class."""

    def unlearn(self, generator: int, feedback, context) -> Unlearned:
        """A function."""
        from bench.toolkit.losses import l1

        context.progress.note("begins")
        if feedback is None:
            raise UsageError("--feedback: is missing")
        assert l1, "a loss"
        return Unlearned(generator, 1 + 1)
'''


def meaning(code):
    module = code_modules._parsed(Path("code.py"), "code", code_places.ENGINE, code)
    names = [*module.definitions, *(f"{name}.{m}" for name in module.definitions for m in module.methods(name)), ""]
    return [code_meaning.meaning(module.nodes(name)) for name in names]


# --- what counts as a change of code ------------------------------------------------------------------


@pytest.mark.parametrize(
    "same",
    [
        CODE.replace('"""A file."""', '"""Another text,\n\nlonger."""'),
        CODE.replace('"""A file."""\n', ""),
        CODE.replace('"""A class."""', "# none"),
        CODE.replace('    """A class."""\n\n', ""),
        CODE.replace('"""A function."""', "'''Another.'''"),
        CODE.replace("1 + 1)", "(1 +\n        1))  # two"),
        CODE.replace("\n\n\n", "\n"),
        "# a comment\n" + CODE,
        CODE.replace("learning rate", "step size of Adam"),
        CODE.replace("--feedback: is missing", "--feedback: name a file"),
        CODE.replace('UsageError("--feedback: is missing")', 'UsageError("no " + "file") from None'),
        CODE.replace('"begins"', '"starts", 3'),
        CODE.replace('"a loss"', '"another"'),
        CODE.replace("from bench.errors import UsageError\n", "from bench.elsewhere import UsageError\n"),
        CODE.replace("        from bench.toolkit.losses import l1\n", "        from bench.elsewhere import l1\n"),
        CODE.replace("generator: int", "generator: Generator").replace(" -> Unlearned", ""),
    ],
)
def test_wording_formatting_imports_and_hints_do_not_count(same):
    assert same != CODE
    assert meaning(same) == meaning(CODE)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("1 + 1", "1 + 2"),
        CODE.replace("1 + 1", "2"),
        CODE.replace("class Mine", "class Yours"),
        CODE.replace("Unlearned(generator, 1 + 1)", "Unlearned(generator, '# no comment')"),
        CODE + "x = 1\n",
        CODE + "print()\n",
        CODE.replace("        return", "        'not the docstring'\n        return"),
        CODE.replace("1e-3", "2e-3"),
        CODE.replace("gt=0", "ge=0"),
        CODE.replace("lr: float", "lr: int"),
        CODE.replace("is None", "is not None"),
        CODE.replace("context.progress.note(", "context.tally.note("),
        CODE.replace("UsageError(", "Found("),
        CODE.replace("assert l1", "assert not l1"),
        CODE.replace("SHARE = 0.5", "SHARE = 0.25"),
    ],
)
def test_code_counts(other):
    assert other != CODE
    assert meaning(other) != meaning(CODE)


@pytest.mark.parametrize("carried", ["context.tally.note({})", "raise Found({})"])
def test_what_carries_a_value_counts(carried):
    """A stranger's ``note`` may compute, and an exception may carry a result out of a loop."""
    first, second = (CODE.replace('context.progress.note("begins")', carried.format(value)) for value in ("1", "2"))
    assert meaning(first) != meaning(second)

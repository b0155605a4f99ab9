"""What a user types: every text is read, or refused by an error that says what to type."""

from __future__ import annotations

import errno
from pathlib import Path

import click
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from near import near_text

from bench.api import Params
from bench.cli import lists
from bench.cli.executing import SIZES, TIMES, Jobs, Quantity
from bench.errors import BenchError
from bench.feedback.clicked import lists_of
from bench.methods.ours import Ours
from bench.workspace.foreign.places import state_at
from bench.workspace.settings.asked_methods import read_method, split_methods
from bench.workspace.settings.names import require_feature_name
from bench.workspace.settings.settings import method_params, model_settings
from bench.workspace.settings.suite_files import content_of
from bench.workspace.settings.suites import load_suite
from bench.workspace.settings.values import assignments, grid_of, read_assignments, values_of

OPTIONS = {
    "seeds": (lists.Seeds(), ["0", "0,1,2", "0-4", "0-4,7", "100-104"]),
    "methods": (lists.Names("methods"), ["ours", "ours,original", "ours -p alpha=1", "a, b -p c=1,2 -p d=3"]),
    "features": (lists.Names("features"), ["all", "thickness", "bang, beard"]),
    "folders": (lists.Folders(), ["runs", "a,b", "/tmp", "a b, c"]),
    "time": (Quantity("TIME", TIMES, "30 s"), ["30", "30 s", "1.5h", "2d", "10min"]),
    "size": (Quantity("SIZE", SIZES, "2 GB"), ["2GB", "500 MB", "1.5T"]),
    "jobs": (Jobs(), ["1", "auto", "9999"]),
}
TYPED = [
    "alpha=3",
    "alpha=1//3//5",
    "epochs=20",
    "lr=1e-3",
    "keep=Male,Young",
    'keep=["Male"]',
    "threshold=none",
    "a=",
    "=b",
]
SET = ["feedback.count=300", "evaluation.extractors=digits,faces", "oracle.cut=shown", "student.lr=0.1", "pretrain={a = 1}", "methods.ours.alpha=3", "evaluation=3", "weights=x", "a.b.c.d=1"]  # fmt: skip


def refused_or(read, *arguments):
    """Return what a reader returns, or None if it refuses in a way that the user can mend."""
    try:
        return read(*arguments)
    except (BenchError, click.UsageError) as error:
        assert 0 < len(str(error)) < 3000, str(error)
    except OSError as error:  # the command line says so: which file, and why
        assert error.errno == errno.ENAMETOOLONG and error.filename
    return None


@pytest.mark.parametrize("name", OPTIONS)
def test_options(name):
    option, samples = OPTIONS[name]

    @given(near_text(samples))
    def check(text):
        found = refused_or(option.convert, text, None, None)
        if name in ("time", "size") and found is not None:
            assert 0 < found < 1e22

    check()


@given(near_text(["ours", "ours -p alpha=1", "mine -p mix=0.5 -p keep='a b'", "-p a=1", 'x -p "']))
def test_methods_with_parameters(text):
    for each in split_methods(text):
        refused_or(read_method, each)


@given(st.lists(near_text(TYPED), max_size=4))
def test_parameters(texts):
    if (typed := refused_or(read_assignments, texts, "-p")) is not None:
        refused_or(values_of, Ours.Config, typed, "-p")
        for each in refused_or(grid_of, Ours.Config, typed, "-p") or ():
            refused_or(method_params, Ours.Config, {}, each, "ours")


class Anything(Params):
    """A field of each sort."""

    text: str = ""
    texts: tuple[str, ...] = ()
    number: float | None = None
    table: dict[str, float] = {}
    pairs: tuple[tuple[int, str], ...] = ()
    yes: bool = False


@given(
    st.builds(
        Anything,
        text=st.text(), texts=st.lists(st.text(), max_size=3).map(tuple), number=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        table=st.dictionaries(st.text(max_size=4), st.floats(allow_nan=False, allow_infinity=False), max_size=2), yes=st.booleans(),
        pairs=st.lists(st.tuples(st.integers(), st.text(max_size=4)), max_size=2).map(tuple),
    )
)  # fmt: skip
def test_what_is_written_is_read_again(config):
    """``assignments`` writes what ``-p`` reads."""
    texts = read_assignments(assignments(config.model_dump()), "-p")
    assert Anything(**values_of(Anything, texts, "-p")) == config


@given(st.lists(near_text(SET), max_size=3), st.sampled_from(["vae", "proggan", "unknown"]))
def test_settings(texts, model):
    suite = load_suite("lite")
    refused_or(model_settings, suite, model, None, texts)


@given(near_text(["lite", "mine.toml", "/tmp/a.toml", "../lite.toml"]))
def test_names_of_suites(text):
    refused_or(content_of, text)


@given(st.lists(near_text(["Male=male.txt", "Male=", "=x"]), max_size=3))
def test_lists_of_further_clicks(texts):
    refused_or(lists_of, texts)


@given(near_text(["thickness", "all", "a.b-c"]))
def test_names_of_features(text):
    refused_or(require_feature_name, text)


CONTENT = st.recursive(
    st.just(torch.ones(2)) | st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ema", "net.weight", "a/b", "", 3, None]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(CONTENT, near_text(["ema", "nets/0", "", "ema/net.", "a/b/3", "/", "."]))
def test_places_in_a_foreign_file(content, at):
    refused_or(state_at, content, at, Path("net.pth"))

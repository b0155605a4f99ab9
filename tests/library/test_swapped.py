"""``bench.evaluate`` with the two generators in the wrong order: refused where it is known which was made of which."""

from __future__ import annotations

from copy import deepcopy

import pytest

import bench
from bench.errors import UsageError

SMALL = {"epochs": 2, "batch_size": 8}
SWAPPED = r"^evaluate: the two are swapped, original= was unlearned from unlearned=\. Give the unlearned one first"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return pairs of an unlearned generator and its original, however they came."""
    folder = tmp_path_factory.mktemp("made")
    original = bench.load("vae-mnist")
    clicks = bench.make_feedback([True, False] * 20, stream="feedback/0")
    unlearned, edited = bench.unlearn(original, clicks, **SMALL), bench.unlearn(original, clicks, "latent_edit")
    files = [bench.save(each, folder / f"{i}.safetensors") for i, each in enumerate((unlearned, edited))]
    stored, wrapped = (bench.load(file) for file in files)
    plain = deepcopy(original.generator)
    return {
        "in memory": (unlearned, original),
        "by another method": (edited, original),
        "from a file": (stored, bench.load("vae-mnist")),
        "of another structure, from a file": (wrapped, original),
        "of a plain generator": (bench.unlearn(plain, clicks, **SMALL), plain),
        "a copy": (deepcopy(unlearned), deepcopy(original)),
        "a second time": (bench.unlearn(stored, clicks, **SMALL), stored),
    }


CASES = [
    "in memory", "by another method", "from a file", "of another structure, from a file", "of a plain generator",
    "a copy", "a second time",
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_swapped_pair_is_refused_and_the_right_one_measured(case, made):
    unlearned, original = made[case]
    assert len(bench.evaluate(unlearned, original, count=64)) > 2
    with pytest.raises(UsageError, match=SWAPPED):
        bench.evaluate(original, unlearned, count=64)


def test_what_is_not_known_to_be_swapped_is_measured(made):
    unlearned, original = made["in memory"]
    for pair in ((unlearned, unlearned), (original, original), (made["from a file"][0], unlearned), (made["a second time"][0], original)):  # fmt: skip
        assert len(bench.evaluate(*pair, count=64)) > 2

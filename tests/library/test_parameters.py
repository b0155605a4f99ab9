"""Every parameter of a method can be set, whatever its name."""

from __future__ import annotations

from copy import deepcopy
from inspect import signature

import pytest
import torch
from pydantic import create_model

import bench
from bench.api import Method, Params, Unlearned
from bench.errors import UsageError

OURS = set(signature(bench.unlearn).parameters) - {"more"}
FREE = {"feature", "dataset", "threshold", "oracle", "results", "count", "lr"}


class Namesake(Method):
    """A method whose parameters are called like those of the library."""

    Config = create_model("Config", __base__=Params, **dict.fromkeys(sorted(OURS | FREE), (str, "default")))

    def unlearn(self, generator, feedback, context):
        student = deepcopy(generator)
        with torch.no_grad():
            student.layer.bias[0] = int(context.stream.removeprefix("unlearn/"))
        return Unlearned(student)


@pytest.mark.parametrize("name", sorted(OURS | FREE))
def test_a_method_s_parameter_can_be_set_in_a_dict(name, original, clicked):
    unlearned = bench.unlearn(original, clicked[0], Namesake, params={name: "given"}, seed=5, suite="lite")
    assert unlearned.params == Namesake.Config(**{name: "given"})
    assert unlearned.generator.layer.bias[0] == 5, "the seed is the call's, not the method's"


@pytest.mark.parametrize("name", sorted(FREE))
def test_as_a_keyword_where_the_library_has_no_such_argument(name, original, clicked):
    assert getattr(bench.unlearn(original, clicked[0], Namesake, **{name: "given"}).params, name) == "given"


def test_threshold_is_that_of_the_method(original, clicked):
    """Once the score from which was clicked took its name."""
    small = {"epochs": 2, "batch_size": 8}
    plain, midpoint = (bench.unlearn(original, clicked[0], **small, **more) for more in ({}, {"threshold": "midpoint"}))
    assert (plain.params.threshold, midpoint.params.threshold) == ("mean", "midpoint")
    assert not torch.equal(plain.identifier.threshold, midpoint.identifier.threshold)
    as_dict = bench.unlearn(original, clicked[0], params={**small, "threshold": "midpoint"})
    assert torch.equal(as_dict.generator.layer.bias, midpoint.generator.layer.bias)


def test_what_is_said_twice_or_in_the_wrong_place_is_refused(original, clicked):
    with pytest.raises(UsageError, match="^unlearn: lr: given in params= and as a keyword; give it once$"):
        bench.unlearn(original, clicked[0], params={"lr": 0.1}, lr=0.2)
    with pytest.raises(UsageError, match=r"^unlearn\(params\): is a list; expected a dict"):
        bench.unlearn(original, clicked[0], params=["lr"])
    for method in "ours", "reject":
        with pytest.raises(UsageError, match=r"has no parameter feature and no dataset\. .* give task=bench\.Task\("):
            bench.unlearn(original, clicked[0], method, feature="thickness", dataset="mnist")

"""An option that has an effect only with another one is refused without it."""

import pytest
from pydantic import TypeAdapter, ValidationError

from bench.api import Params
from bench.registry import Registry

REGISTRY = Registry()
CONFIGS = {
    f"{kind}-{name}": REGISTRY.get(kind, name).Config for kind in ("methods", "models") for name in REGISTRY.names(kind)
}


class Base(Params):
    only_with = {"penalty": "rule=ridge"}

    rule: str = "none"
    penalty: float = 0.5


class Config(Base):
    only_with = {"every": "share or rule=ridge"}

    share: float = 0.0
    every: int = 10


@pytest.mark.parametrize("fields", [{"penalty": 1.0}, {"every": 3}, {"rule": "lasso", "penalty": 0.1}])
def test_a_value_without_effect_is_refused(fields):
    name, value = list(fields.items())[-1]
    with pytest.raises(ValidationError, match=f"{name}={value} has no effect without .*, or leave {name} out"):
        Config(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"penalty": 0.5},
        {"rule": "ridge", "penalty": 1.0},
        {"share": 0.1, "every": 3},
        {"rule": "ridge", "every": 3},
    ],
)
def test_a_default_and_a_value_with_an_effect_are_taken(fields):
    assert Config(**fields).model_dump(include=set(fields)) == fields


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({"penalty": 1.0, "share": 0.1, "every": 3}, {"penalty": 0.5, "share": 0.1, "every": 3}),
        ({"rule": "ridge", "penalty": 1.0}, {"rule": "ridge", "penalty": 1.0}),
        ({"every": 3, "rule": "lasso"}, {"every": 10, "rule": "lasso"}),
    ],
)
def test_a_file_of_earlier_versions_is_read_without_what_had_no_effect(fields, read):
    assert Config.from_stored(fields).model_dump(include=set(read)) == read


def test_what_is_read_is_checked_otherwise():
    for fields in ({"unknown": 1}, {"every": "often", "share": 0.1}, [1]):
        with pytest.raises(ValidationError):
            Config.from_stored(fields)
    surrogate = CONFIGS["methods-surrogate"]
    fields = {**surrogate().model_dump(mode="json"), "direction": "logistic", "penalty": 0.5, "look_every": 3}
    assert surrogate.from_stored(fields) == surrogate(), "a condition that falls takes what rested on it along"


@pytest.mark.parametrize("wrong", [{"penalti": "rule"}, {"penalty": "rule=ridge or rul"}])
def test_a_misspelt_field_is_named(wrong):
    with pytest.raises(TypeError, match="Misspelt.only_with names '(penalti|rul)', which is not a field of it"):
        type("Misspelt", (Base,), {"only_with": wrong, "__module__": __name__})


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_conditions_name_fields_and_values_that_are_there(config):
    for base in config.__mro__:
        for name, condition in vars(base).get("only_with", {}).items():
            assert name in config.model_fields
            for part in condition.split(" or "):
                other, _, value = part.partition("=")
                annotation = config.model_fields[other].annotation
                assert not value or TypeAdapter(annotation).validate_python(value) == value


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("ours", {"penalty": 0.1}),
        ("ours", {"lora_layers": 2}),
        ("surrogate", {"look_every": 5}),
        ("surrogate", {"shrink": True}),
        ("surrogate", {"threshold": "midpoint"}),
        ("gradient_surgery", {"weight": 3.0}),
        ("adapt_then_unlearn", {"repulsion": "nl2", "sharpness": 2.0}),
        ("selective_amnesia", {"surrogate": "noise", "landing": "reflect"}),
    ],
)
def test_an_idle_option_of_a_built_in_is_refused(method, fields):
    with pytest.raises(ValidationError, match="has no effect without"):
        CONFIGS[f"methods-{method}"](**fields)

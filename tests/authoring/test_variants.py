from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bench.api import Params
from bench.authoring.conformance.variants import changed, quick, variants


class Config(Params):
    epochs: int = Field(200, ge=1)
    batch_size: int | None = None
    hidden: int = Field(64, ge=32)
    members: int = Field(1, ge=1)
    full: int = Field(1, ge=1, le=1)
    lr: float = Field(0.6, gt=0.5, lt=1)
    chosen: Literal["a", "b", "c"] = "b"
    on: bool = True
    keep: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()
    note: str = "free text"

    @model_validator(mode="after")
    def _c_goes_with_on_alone(self) -> Self:
        if self.chosen == "c":
            raise ValueError("never")
        return self


def test_quick_is_little_work_within_the_bounds():
    found = quick(Config)
    assert (found.epochs, found.batch_size, found.hidden, found.members) == (3, 16, 64, 1)
    assert found.model_copy(update={"epochs": 200, "batch_size": None}) == Config()


def test_every_training_of_a_method_is_short_and_none_is_made_longer():
    class Trainings(Params):
        probe_steps: int = Field(400, ge=1)
        adapt_epochs: int = Field(50, ge=1)
        warmup_steps: int = Field(0, ge=0)
        steps_shown: int = 10

    found = quick(Trainings)
    assert (found.probe_steps, found.adapt_epochs, found.warmup_steps, found.steps_shown) == (3, 3, 0, 10)


def test_every_field_with_another_choice_is_changed_alone():
    tried = dict(variants(Config()))
    assert list(tried) == [
        "-p epochs=199", "-p batch_size=2", "-p hidden=63", "-p members=2", "-p lr=0.7", "-p chosen=a", "-p on=false",
        "-p keep=other", "-p layers=1",
    ]  # fmt: skip
    for setting, config in tried.items():
        name = setting.removeprefix("-p ").partition("=")[0]
        assert [field for field in Config.model_fields if getattr(config, field) != getattr(Config(), field)] == [name]


def test_a_change_that_is_refused_or_none_at_all_is_none():
    assert changed(Config(), "lr", 2.0) is None and changed(Config(), "lr", 0.6) is None
    assert changed(Config(), "lr", 0.9) == Config(lr=0.9)

"""The hook marker, and the base class of every configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar

import pluggy
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

hookimpl = pluggy.HookimplMarker("bench")

NEEDS = frozenset({"training_data", "oracle", "encoder", "discriminator", "recipe"})


class Params(BaseModel):
    """Base of every ``Config``: immutable; an unknown name, NaN or infinity is an error.

    Attributes
    ----------
    removed_fields : mapping of str to Any
        Fields that earlier versions wrote into weights files, each with its value for "off". A file with that value
        loads without the field; a file with another value is refused, as for any unknown field.
    unkeyed : frozenset of str
        Fields that do not count in a cell's key, such as the path of a file whose hash is another field.
    only_with : mapping of str to str
        Fields that have an effect only with another one, each with that condition: "direction=logistic", or "lora_rank"
        for a value that is not 0, or several with " or " between them. Any value but the default is refused where the
        condition does not hold. Those of base classes hold too. TypeError if a name is not a field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    removed_fields: ClassVar[Mapping[str, Any]] = {}
    unkeyed: ClassVar[frozenset[str]] = frozenset()
    only_with: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        for name, condition in cls.only_with.items():
            for field in (name, *(part.partition("=")[0] for part in condition.split(" or "))):
                if field not in cls.model_fields:
                    raise TypeError(f"{cls.__name__}.only_with names '{field}', which is not a field of it")

    @model_validator(mode="before")
    @classmethod
    def _without_removed_fields(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping):
            return fields
        off = cls.removed_fields
        return {name: value for name, value in fields.items() if not (name in off and value == off[name])}

    @model_validator(mode="after")
    def _with_an_effect(self) -> Self:
        for name, condition in self._idle(vars(self)):
            idle = f"{name}={getattr(self, name)} has no effect without {condition}"
            raise ValueError(f"{idle}: set that too, or leave {name} out")
        return self

    @classmethod
    def from_stored(cls, fields: Any) -> Self:
        """Return the configuration that a file holds; a value without effect, as earlier versions took, is left out."""
        if not isinstance(fields, Mapping):
            return cls.model_validate(fields)
        defaults = {name: field.get_default(call_default_factory=True) for name, field in cls.model_fields.items()}
        given = dict(fields)
        while idle := [name for name, _ in cls._idle({**defaults, **given})]:
            del given[idle[0]]
        return cls.model_validate(given)

    @classmethod
    def _idle(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the fields that are not at their default and have no effect, each with its condition."""
        for base in cls.__mro__:
            for name, condition in vars(base).get("only_with", {}).items():
                default = cls.model_fields[name].get_default(call_default_factory=True)
                if not _alike(values[name], default) and not _holds(condition, values):
                    yield name, condition


def _alike(value: Any, default: Any) -> bool:
    return bool(value == default or (isinstance(default, tuple) and value == [*default]))  # as JSON holds it


def _holds(condition: str, values: Mapping[str, Any]) -> bool:
    parts = (part.partition("=") for part in condition.split(" or "))
    return any(str(values[name]) == wanted if wanted else bool(values[name]) for name, _, wanted in parts)


ConfigT = TypeVar("ConfigT", bound=Params)


def each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values of a field; raises ValueError if one occurs twice."""
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"names {value} twice")
    return values


EachOnce = AfterValidator(each_once)
Names = Annotated[tuple[str, ...], EachOnce]  # a field that lists names, each once

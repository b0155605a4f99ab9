"""Suites: per model its data set, weights, sample counts and hyper-parameters; and what overrides them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from bench.api import Params
from bench.errors import UsageError, unknown

ParamsT = TypeVar("ParamsT", bound=Params)

NO_DATASET = "own"  # what a model that is in no suite learnt from is not known
SUITES = Path(__file__).parents[1] / "suites"


class FeedbackSettings(Params):
    """How feedback is simulated."""

    count: int = Field(500, ge=2, description="samples shown to the oracle")


class EvaluationSettings(Params):
    """What is measured, and on how many samples."""

    count: int = Field(10_000, ge=2, description="samples of the evaluation stream")
    extractors: tuple[str, ...] | None = Field(
        None, description="feature extractors for FID and IS; the data set's by default"
    )
    metrics: tuple[str, ...] | None = Field(None, description="metric plug-ins; all by default")


class OracleSettings(Params):
    """Which two copies of a trained classifier click and judge; one that is not trained does both and has no weights.

    The copies are trained independently, so that no method wins by fooling its own teacher. The paper used one for
    both; a suite may too, by naming it twice.
    """

    feedback: str | None = Field(
        None, description="zoo name or file of the copy that clicks; <classifier>-<dataset>-a by default"
    )
    evaluation: str | None = Field(
        None, description="zoo name or file of the copy that judges; <classifier>-<dataset>-b by default"
    )
    pretrain: dict[str, Any] = Field(
        {}, description="fields of the classifier's Config in the command that trains a copy which is not there"
    )


class ModelSettings(Params):
    """One model of a suite."""

    dataset: str
    weights: str | None = Field(None, description="zoo name or file; pre-trained on the data set if absent")
    features: tuple[str, ...] | None = Field(None, description="target features; the data set's by default")
    oracle: OracleSettings = OracleSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    pretrain: dict[str, Any] = Field({}, description="fields of the model's Config")
    methods: dict[str, dict[str, Any]] = Field({}, description="per method, fields of its Config")


class VariantSettings(Params):
    """A method with parameters of its own for one model: a further row of table 2."""

    label: str
    method: str
    model: str
    features: tuple[str, ...] | None = Field(None, description="target features; the model's by default")
    params: dict[str, Any] = Field({}, description="fields of the method's Config")


class Suite(Params):
    """A suite file."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", description="part of every result's folder name")
    description: str = ""
    models: dict[str, ModelSettings]
    variants: tuple[VariantSettings, ...] = ()

    @model_validator(mode="after")
    def _variants_of_known_models(self) -> Self:
        for variant in self.variants:
            if variant.model not in self.models:
                known = ", ".join(self.models)
                raise ValueError(f"variant '{variant.label}': no model '{variant.model}' in this suite ({known})")
        return self


def suite_names() -> list[str]:
    """Return the names of the built-in suites."""
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def load_suite(name: str) -> Suite:
    """Load a built-in suite by name, or a suite file by path.

    Raises
    ------
    UsageError
        Naming ``--suite``: unknown name, unreadable file, wrong fields.
    """
    path = Path(name) if name.endswith(".toml") else SUITES / f"{name}.toml"
    if not path.is_file():
        if name.endswith(".toml"):
            raise UsageError(f"--suite {name}: there is no such file")
        raise unknown("suite", name, suite_names(), "--suite")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"--suite {path}: cannot be read ({error})") from error
    return validated(Suite, {"name": path.stem, **content}, f"--suite {path}")


def model_settings(suite: Suite, model: str, dataset: str | None, overrides: Iterable[str]) -> ModelSettings:
    """Return a suite's settings for a model with ``--dataset`` and ``--set key=value`` applied."""
    if model in suite.models:
        content = suite.models[model].model_dump(mode="python", exclude_unset=True)
        if dataset is not None and dataset != content["dataset"]:
            content = {"dataset": dataset}  # weights, features and sizes belong to the other data set
    else:
        content = {"dataset": dataset or NO_DATASET}
    for assignment in overrides:
        keys, value = _assignment(assignment, "--set")
        inner = content
        for key in keys[:-1]:
            if not isinstance(inner.get(key, {}), dict):
                raise UsageError(f"--set {assignment}: '{key}' is one value, with no fields of its own")
            inner[key] = dict(inner.get(key, {}))
            inner = inner[key]
        inner[keys[-1]] = value
    return validated(ModelSettings, content, "--set")


def method_params(
    config: type[Params], defaults: Mapping[str, Any], assignments: Mapping[str, Any], method: str
) -> Params:
    """Build a method's configuration from the suite's values and ``-p``; reports every wrong one at once."""
    return validated(config, {**defaults, **assignments}, f"-p (method '{method}')")


def parse_assignments(assignments: Iterable[str], flag: str = "-p") -> dict[str, list[Any]]:
    """Parse ``name=value`` and ``name=v1,v2`` into name to list of values (a grid)."""
    parsed: dict[str, list[Any]] = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator or not name:
            raise UsageError(f"{flag} {assignment}: expected name=value")
        if name in parsed:
            raise UsageError(f"{flag} {name}: is given twice; a grid is {flag} {name}=1,2")
        parsed[name] = [_value(part) for part in text.split(",")]
    return parsed


def assignments(fields: Mapping[str, Any]) -> list[str]:
    """Write fields as ``-p`` takes them: name=value."""
    return [f"{name}={_typed(value)}" for name, value in fields.items()]


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def validated(kind: type[ParamsT], content: Mapping[str, Any], flag: str) -> ParamsT:
    """Validate content, turning every error pydantic finds into one message with the known fields."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or '(all)'}: {_explain(e, kind)}" for e in error.errors()]
        raise UsageError(f"{flag}: {error.error_count()} wrong value(s)\n" + "\n".join(lines)) from error


def _explain(error: Any, kind: type[Params]) -> str:
    if error["type"] == "extra_forbidden":
        *path, name = error["loc"]
        return f"there is no such field. {unknown('field', str(name), _fields_at(kind, path), 'Here')}"
    given = f" (got {error['input']!r})" if not isinstance(error["input"], dict) else ""
    return f"{error['msg']}{given}"


def _fields_at(kind: type[Params], path: Iterable[Any]) -> Iterable[str]:
    """Return the fields a user may write at a place inside a model's content."""
    inner: Any = kind
    for step in path:
        field = inner.model_fields.get(step) if hasattr(inner, "model_fields") else None
        if field is not None:
            inner = field.annotation
            if getattr(inner, "__args__", None):
                inner = inner.__args__[-1]  # the values of a mapping
    fields: Iterable[str] = getattr(inner, "model_fields", {})
    return fields


def _assignment(text: str, flag: str) -> tuple[list[str], Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise UsageError(f"{flag} {text}: expected key=value, for instance {flag} feedback.count=4000")
    values = [_value(part) for part in value.split(",")]
    return name.split("."), values if len(values) > 1 or name.endswith(
        ("extractors", "metrics", "features")
    ) else values[0]


def _value(text: str) -> Any:
    """Read a number or a truth value as TOML does; anything else is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text

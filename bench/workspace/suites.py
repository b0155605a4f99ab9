"""Suites: each model's data set, weights, sample counts and hyper-parameters, and what overrides them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from bench.api import Params
from bench.errors import UsageError, reason_of, suggestion, unknown
from bench.workspace.typed_text import DEEPEST, type_at
from bench.workspace.values import one_value, read_assignments, shown

ParamsT = TypeVar("ParamsT", bound=Params)

NO_DATASET = "own"  # the training data of a model outside every suite is unknown
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
    """The copies of a trained classifier that click and judge; an untrained classifier does both and has no weights.

    The copies are trained independently, so that no method wins by fooling its own oracle. The paper used one copy
    for both; a suite may too, by naming it twice.
    """

    feedback: str | None = Field(
        None, description="zoo name or file of the copy that clicks; <classifier>-<dataset>-a by default"
    )
    evaluation: str | None = Field(
        None, description="zoo name or file of the copy that judges; <classifier>-<dataset>-b by default"
    )
    pretrain: dict[str, Any] = Field(
        {}, description="fields of the classifier's Config in the command that trains a missing copy"
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
    """A method with other parameters for one model: an extra row of table 2."""

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
            raise UsageError(f"--suite {name}: no such file")
        raise unknown("suite", name, suite_names(), "--suite")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"--suite {path}: cannot be read ({error})") from error
    return validated(Suite, {"name": path.stem, **content}, f"--suite {path}")


def model_settings(
    suite: Suite,
    model: str,
    dataset: str | None,
    overrides: Sequence[str],
    settings: Mapping[str, Any] | None = None,
) -> ModelSettings:
    """Return a suite's settings for a model, with all overrides applied.

    Parameters
    ----------
    suite : Suite
    model : str
        A model that is not in the suite gets the defaults.
    dataset : str, optional
        ``--dataset``; if the suite names another one, its settings for the model are ignored.
    overrides : sequence of str
        ``--set``: "feedback.count=4000", applied last.
    settings : mapping, optional
        The same overrides as nested values: ``{"feedback": {"count": 4000}}``.

    Raises
    ------
    UsageError
        Naming all wrong fields and values.
    """
    content: dict[str, Any] = {"dataset": dataset or NO_DATASET}
    if model in suite.models and dataset in (None, suite.models[model].dataset):
        content = suite.models[model].model_dump(mode="python", exclude_unset=True)
    content = _merged(content, settings or {})
    for path, text in read_assignments(overrides, "--set").items():
        _set(content, path, text)
    return validated(ModelSettings, content, "--set")


def _merged(content: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return content with the values of ``over``; a mapping in both is merged."""
    both = {
        name: _merged(content[name], value)
        for name, value in over.items()
        if isinstance(value, Mapping) and isinstance(content.get(name), Mapping)
    }
    return {**content, **over, **both}


def _set(content: dict[str, Any], path: str, text: str) -> None:
    """Set the field at a path ("feedback.count") to what a text means; raises UsageError for an impossible path."""
    keys = path.split(".")
    if not all(keys) or len(keys) > DEEPEST:
        raise UsageError(f"--set {shown(path)}: expected a path of fields such as feedback.count")
    kind: Any = ModelSettings
    for key, below in pairwise(keys):
        kind = type_at(kind, key)
        inner = content.get(key, {})
        if type_at(kind, below) is None or not isinstance(inner, Mapping):
            raise UsageError(f"--set {shown(path)}: '{key}' is a single value and has no fields")
        content[key] = dict(inner)  # a copy, so that the caller's mappings stay unchanged
        content = content[key]
    content[keys[-1]] = one_value(type_at(kind, keys[-1]), path, text, "--set")


def method_params(
    config: type[Params], defaults: Mapping[str, Any], assignments: Mapping[str, Any], method: str
) -> Params:
    """Build a method's configuration from the suite's values and ``-p``; reports all wrong ones at once."""
    return validated(config, {**defaults, **assignments}, f"-p (method '{method}')")


def validated(kind: type[ParamsT], content: Mapping[str, Any], flag: str) -> ParamsT:
    """Validate content; raises one UsageError for all that is wrong."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        lines = [f"  {shown('.'.join(map(str, e['loc']))) or '(all)'}: {_explain(e, kind)}" for e in error.errors()]
        raise UsageError(f"{flag}: {error.error_count()} wrong value(s)\n" + "\n".join(lines)) from error


def _explain(error: Any, kind: type[Params]) -> str:
    if error["type"] == "extra_forbidden":
        *path, name = error["loc"]
        return f"unknown field. {suggestion(shown(str(name)), _fields_at(kind, path))}"
    given = "" if isinstance(error["input"], Mapping) else f" (got {shown(repr(error['input']))})"
    if error["type"] in ("tuple_type", "list_type") and isinstance(error["input"], str):
        return f"should be a list of values, not a single text{given}"
    return f"{reason_of(error)}{given}"


def _fields_at(kind: type[Params], path: Iterable[Any]) -> Iterable[str]:
    """Return the fields that a user may set at a path inside a model."""
    inner: Any = kind
    for step in path:
        field = inner.model_fields.get(step) if hasattr(inner, "model_fields") else None
        if field is not None:
            inner = field.annotation
            if getattr(inner, "__args__", None):
                inner = inner.__args__[-1]  # the values of a mapping
    fields: Iterable[str] = getattr(inner, "model_fields", {})
    return fields

"""Suites: each model's data set, weights, sample counts and hyper-parameters. What overrides them: settings.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from bench.api import Params
from bench.api.base import Names
from bench.core import limits
from bench.errors import wrong_fields
from bench.toolkit.student import StudentParams
from bench.workspace.settings.suite_files import content_of
from bench.workspace.settings.validation import validated

NO_DATASET = "own"  # the training data of a model outside every suite is unknown


class FeedbackSettings(Params):
    """Settings of the simulated feedback."""

    count: int = Field(500, ge=2, le=limits.SAMPLES, description="samples shown to the oracle")


class EvaluationSettings(Params):
    """Settings of the evaluation: metrics, extractors, number of samples."""

    count: int = Field(
        10_000, ge=2, le=limits.SAMPLES, description="samples that are drawn with and without the feature"
    )
    stream: Literal["evaluation", "selection"] = Field(
        "evaluation",
        description='which noise they are drawn from; recipes are chosen on "selection" and reported on "evaluation"',
    )
    extractors: Names | None = Field(
        None,
        description="feature extractors for FID and IS, the data set's by default; faces-celeba is faces, trained on "
        "celeba here",
    )
    pretrain: dict[str, Any] = Field(
        {}, description="fields of the Config of an extractor that is trained here, such as faces-celeba"
    )
    metrics: Names | None = Field(None, description="metric plug-ins; all by default")


class OracleSettings(Params):
    """The clicking and the judging oracle; by default two independently trained copies of the data set's oracle.

    Each is named by a classifier, by an extractor (its classes are what it knows), or by the weights of either: a zoo
    name or a file. Two copies, so that no method wins by fooling its own oracle. The paper used one copy for both; a
    suite may too, by naming it twice.
    """

    feedback: str | None = Field(
        None,
        description="oracle that clicks: a classifier, an extractor, or weights; <classifier>-<dataset>-a by default",
    )
    evaluation: str | None = Field(
        None,
        description="oracle that judges: a classifier, an extractor, or weights; <classifier>-<dataset>-b by default",
    )
    cut: str = Field(
        "generator",
        description="where an oracle clicks a top share, of which samples: generator (10,000 of the generator, once "
        "for all seeds), shown (the samples shown, anew for each seed), or weights (10,000 samples of that generator, "
        "such as the first original of several unlearnings)",
    )
    pretrain: dict[str, Any] = Field(
        {}, description="fields of the classifier's Config for the training of a missing copy"
    )


class ModelSettings(Params):
    """One model of a suite."""

    dataset: str
    weights: str | None = Field(None, description="zoo name or file; pre-trained on the data set if absent")
    features: Names | None = Field(None, description="target features; the data set's by default")
    oracle: OracleSettings = OracleSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    pretrain: dict[str, Any] = Field({}, description="fields of the model's Config")
    student: dict[str, Any] = Field(
        {}, description="how the student is trained, for every method whose Config has these fields (StudentParams)"
    )
    methods: dict[str, dict[str, Any]] = Field({}, description="per method, fields of its Config; these win")

    @field_validator("weights")
    @classmethod
    def _weights_that_have_a_name(cls, weights: str | None) -> str | None:
        if weights is not None and not weights.strip():
            raise ValueError("is empty. Name a zoo name or a file, or leave it out")
        return weights

    @field_validator("student")
    @classmethod
    def _fields_of_the_student(cls, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            StudentParams.model_validate(fields)
        except ValidationError as error:
            raise ValueError(wrong_fields(error)) from error
        return fields

    def params_for(self, method: str | None, config: type[Params]) -> dict[str, Any]:
        """Return the hyper-parameters that the suite sets for a method of this ``Config``; None if it has no name."""
        shared = self.student if issubclass(config, StudentParams) else {}
        return {**shared, **self.methods.get(method or "", {})}


class VariantSettings(Params):
    """A method with other parameters for one model: an extra row of table 2."""

    label: str
    method: str
    model: str
    features: Names | None = Field(None, description="target features; the model's by default")
    params: dict[str, Any] = Field({}, description="fields of the method's Config")


class Suite(Params):
    """A suite file."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", description="in records and captions; the file's by default")
    description: str = ""
    extends: str | None = Field(None, description="parent suite: a built-in name, or a file in the same folder")
    models: dict[str, ModelSettings]
    variants: tuple[VariantSettings, ...] = ()
    sweeps: dict[str, dict[str, tuple[Any, ...]]] = Field(
        {}, description="per method, the parameter and its values that make its curve in tables tradeoff and damage"
    )

    @model_validator(mode="after")
    def _variants_of_known_models(self) -> Self:
        for variant in self.variants:
            if variant.model not in self.models:
                known = ", ".join(self.models)
                raise ValueError(f"variant '{variant.label}': no model '{variant.model}' in this suite ({known})")
        return self


def load_suite(name: str) -> Suite:
    """Load a built-in suite by name, or a suite file by path.

    Raises
    ------
    UsageError
        Naming ``--suite``: unknown name, unreadable file, wrong fields.
    """
    return validated(Suite, content_of(name), f"--suite {name}")

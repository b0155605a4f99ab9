"""A stored result, which ``bench run --json`` prints. The file ``result.json`` also holds the sha256 of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench.api import Value
from bench.core.code_hash import digest
from bench.workspace.settings.suites import ModelSettings

FORMAT: Literal[3] = 3  # a record of another format is named and left as it is
CLICKS_AFTER = "clicks after"  # the metric that `bench feedback --cell` adds to a record; no cell computes it
Status = Literal["ok", "failed", "diverged", "killed", "timeout", "skipped"]


class Stored(BaseModel):
    """Part of a record. Unlike ``Params`` it looks for no removed fields: thousands of records are read at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measurement(Stored):
    """One number of a metric, with its interval and its source."""

    value: float
    n: int = Field(description="number of samples")
    higher_is_better: bool | None = Field(description="null if neither direction is better by itself")
    low: float | None = Field(None, description="95 % interval, if the metric has one")
    high: float | None = None
    covers: str = Field(Value.covers, description="what varies in the interval")
    source: str = Field(description="data, judge or extractor, samples")
    metric: str = Field(description="the metric plug-in that computed it")


class Cost(Stored):
    """Time and memory of a stage."""

    seconds: float
    peak_memory_mb: float = Field(description="of the whole process")
    processes: int = Field(1, description="of torchrun that computed the training's batches together")


class Artefact(Stored):
    """A file in the cell's folder."""

    file: str
    sha256: str


class Weights(Stored):
    """The original's weights."""

    path: str = Field(description="zoo name or file, as named")
    sha256: str = Field(description="of the content")


class OracleCopy(Stored):
    """One oracle: the one that clicked, or the one that judged."""

    name: str | None = Field(None, description="classifier or extractor; null in earlier records, where both are one")
    weights: str | None = Field(description="zoo name or file; null for one that is not trained")
    sha256: str | None
    threshold: float = Field(description="an image has the feature from this score on")
    balanced_accuracy: dict[str, float | None] = Field(description="per attribute, on held-out images of the data set")


class OraclePair(Stored):
    """The oracle that clicked and the oracle that judged."""

    name: str = Field(description="the judge's")
    threshold: float = Field(description="the judge's")
    feedback: OracleCopy | None = Field(description="null if no oracle was asked: a person clicked")
    evaluation: OracleCopy


class Repeats(Stored):
    """Samples that were shown twice: how consistent the clicks are."""

    pairs: int = Field(ge=1, description="samples that were looked at twice")
    agreeing: int = Field(ge=0, description="of them, those with the same click both times")

    @model_validator(mode="after")
    def _agree_at_most_always(self) -> Self:
        if self.agreeing > self.pairs:
            raise ValueError("agreeing should be at most pairs")
        return self


class Clicks(Stored):
    """Numbers of samples shown and clicked."""

    count: int = Field(description="samples shown")
    positives: int
    noise_sha256: str | None = Field(None, description="of the first noise vector; null in earlier records")
    repeats: Repeats | None = Field(None, description="null if no sample was shown twice, or that is unknown")


class StageKeys(Stored):
    """The keys of a cell's stages; ``evaluate`` is the cell's own."""

    feedback: str
    unlearn: str
    original: str
    evaluate: str
    columns: str = Field(description="what was seen of both generators' samples, whatever the weights")
    cut: str | None = Field(None, description="where an oracle clicks a top share of the generator's samples")

    def stages(self, weights: str | None) -> dict[str, str]:
        """Return the key of every stage by its name; ``weights``, the sha256 of the evaluated ones."""
        found = {"cut": self.cut, "feedback": self.feedback, "unlearn": self.unlearn, "original": self.original}
        columns = {"columns": digest([self.columns, weights])} if weights else {}
        return {name: key for name, key in found.items() if key is not None} | columns


class MachineFacts(Stored):
    """Software and machine."""

    bench: str
    git_commit: str | None
    python: str
    packages: dict[str, str | None]
    device: str
    threads: int
    bfloat16: bool
    command: str | None

    @property
    def software(self) -> dict[str, Any]:
        """The facts that may change a number: all except the command."""
        return self.model_dump(exclude={"command"})


class PluginFile(Stored):
    """The origin of a plug-in."""

    origin: str = Field(description='"built-in", "package NAME", or the path of a loose file')
    sha256: str | None = Field(description="of its file; of a package of files, of all of them")


class CellLimits(Stored):
    """The limits of a cell."""

    seconds: float | None = Field(description="wall time (--time-limit)")
    memory_gb: float | None = Field(description="of all its processes together (--memory-limit)")


class MetricRun(Stored):
    """The computation of a metric: every metric of a record has its own key, and may be added later."""

    key: str = Field(description="of the metric's code and of what it reads besides the cell's samples")
    machine: MachineFacts | None = Field(None, description="if it was computed later, where something had changed")


class Provenance(Stored):
    """The origin of a result. The machine is not part of any key."""

    machine: MachineFacts
    limits: CellLimits | None = Field(None, description="what the cell was allowed to use, if that was limited")
    stage_machines: dict[str, MachineFacts] = Field({}, description="of stages that were made where something differed")
    settings: ModelSettings
    data: str
    images: str | None = Field(None, description="identity of the training images, if any were read")
    weights: Weights
    extractors: dict[str, str | None] = Field(description="name to the weights' sha256")
    stages: StageKeys
    seen: dict[str, str] = Field({}, description="keys of what judge and extractors said of blocks of images")
    oracle: OraclePair | None = Field(None, description="null without an oracle, or if the cell failed")
    feedback: Clicks | None = None
    feedback_file: str | None = Field(None, description="of --feedback, as named")
    plugins: dict[str, PluginFile] = Field({}, description="every plug-in of the cell, such as methods/ours")
    others_code: dict[str, str] = Field({}, description="files of others' code, with a hash of what it means")


def readable_name(method: str, model: str, feature: str, seed: int, step: int | None = None) -> str:
    """Return the start of the name of a cell's folder; the suite is left out: a cell counts for every suite."""
    at = "" if step is None else f"-at{step}"
    return f"{method}-{model}-{feature}-s{seed}{at}"


class Record(Stored):
    """A stored result."""

    format: Literal[3] = FORMAT
    key: str
    status: Status
    reason: str | None = None
    suite: str
    method: str
    model: str
    dataset: str
    feature: str
    seed: int
    params: dict[str, Any] = Field(description="the method's whole Config")
    step: int | None = Field(None, description="after which step of its run it was evaluated; None: the last one")
    needs: list[str] = []
    metrics: dict[str, Measurement] = {}
    skipped_metrics: dict[str, str] = Field({}, description="metric to why it was not computed")
    metric_runs: dict[str, MetricRun] = Field({}, description="by metric plug-in: key and machine")
    provenance: Provenance
    timings: dict[str, Cost] = Field({}, description="feedback, unlearn, evaluate")
    artefacts: dict[str, Artefact] = Field({}, description="weights, picture, losses")

    @property
    def readable(self) -> str:
        """Start of the folder's name."""
        return readable_name(self.method, self.model, self.feature, self.seed, self.step)

    @property
    def told_apart_by(self) -> dict[str, Any]:
        """The hyper-parameters, and the step of a run that was evaluated before its end, as the option is called."""
        return self.params if self.step is None else {**self.params, "evaluate_at": self.step}

    @property
    def outcome(self) -> str:
        """Status, and the first line of the reason if there is one."""
        first = (self.reason or "").partition("\n")[0]
        return f"{self.status}: {first}" if first else self.status

    @property
    def machines(self) -> list[MachineFacts]:
        """All software and machines behind the numbers: of the cell, of its stages, of metrics that came later."""
        later = (run.machine for run in self.metric_runs.values() if run.machine is not None)
        return [self.provenance.machine, *self.provenance.stage_machines.values(), *later]

    def value(self, metric: str) -> float | None:
        """Return a metric's value, or None."""
        found = self.metrics.get(metric)
        return None if found is None else found.value

    def lacking(self, keys: Mapping[str, str]) -> list[str]:
        """Return the metrics of ``keys`` that it was not measured with, or with another code."""
        return [name for name, key in keys.items() if not self._has(name, key)]

    def showing(self, keys: Mapping[str, str], missing: Mapping[str, str]) -> Record:
        """Return it with the metrics of ``keys`` and clicks alone, and why others cannot be computed now."""
        current = {CLICKS_AFTER, *(name for name, key in keys.items() if self._has(name, key))}
        metrics = {name: value for name, value in self.metrics.items() if value.metric in current}
        unsettled = keys.keys() - self.metric_runs.keys()
        skipped = {n: why for n, why in self.skipped_metrics.items() if n.partition("[")[0] in current | unsettled}
        return self.model_copy(update={"metrics": metrics, "skipped_metrics": {**missing, **skipped}})

    @property
    def stages(self) -> dict[str, str]:
        """The keys of the stages behind it, by name."""
        weights = self.artefacts.get("weights")
        return self.provenance.stages.stages(None if weights is None else weights.sha256)

    def _has(self, metric: str, key: str) -> bool:
        return metric in self.metric_runs and self.metric_runs[metric].key == key

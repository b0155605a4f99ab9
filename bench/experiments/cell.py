"""One cell: feedback -> unlearn -> evaluate -> store. Each stage is kept, so that a stopped cell goes on."""

from __future__ import annotations

import json
import os
import traceback
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from typing import Any
from zipfile import BadZipFile, ZipFile

from bench.api import Method, Metric, Oracle, Params, Unlearned
from bench.api.context import Context, TrainingData
from bench.api.feedback import Feedback
from bench.core import machine
from bench.core.files import file_sha256, write_bytes
from bench.errors import BenchError, CheckpointError, Diverged, UsageError, unknown
from bench.evaluation import removers, without_oracle
from bench.evaluation.metrics import columns_of, compute_metrics, load_metrics, source_of
from bench.evaluation.passes import Described, Observers, Pass, Truth, run_pass
from bench.evaluation.references import references
from bench.evaluation.targets import target_mask
from bench.experiments import method_run
from bench.experiments.keys import CellKeys, keys_of
from bench.feedback import file as feedback_module
from bench.feedback.file import FeedbackFile
from bench.feedback.oracle import ask_oracle
from bench.workspace import checkpoint, loading, pictures, saving
from bench.workspace.store import Record
from bench.workspace.suites import ModelSettings
from bench.workspace.workspace import Oracles, Workspace


@dataclass(frozen=True)
class Cell:
    """What is to be run, fully resolved; the file names are ``--feedback`` and ``--weights``."""

    suite: str
    method: str
    model: str
    feature: str
    seed: int
    params: Params
    settings: ModelSettings
    weights: str
    feedback_file: Path | None = None

    @property
    def readable(self) -> str:
        """Start of the folder's name."""
        return f"{self.suite}-{self.method}-{self.model}-{self.feature}-s{self.seed}"


class Run:
    """One run of one cell.

    Parameters
    ----------
    cell : Cell
    workspace : Workspace
    """

    def __init__(self, cell: Cell, workspace: Workspace) -> None:
        self.cell, self.workspace = cell, workspace
        self.dataset = workspace.dataset(cell.settings.dataset)
        self.method_class: type[Method[Any]] = workspace.registry.get("methods", cell.method, "--method")
        without_oracle.require_feature(self.dataset, cell.settings.dataset, cell.feature)
        self.oracles = self._oracles()
        self.also = self._also_asked()
        self.metrics, self.missing_metrics = self._metrics()
        self.extractors = {name: workspace.extractor(name) for name in cell.settings.evaluation.extractors or ()}

    @property
    def judged(self) -> bool:
        """Whether there is an oracle; without one a person's clicks are all that is known of the feature."""
        return self.dataset.classifier is not None

    def _oracles(self) -> Oracles:
        """Return the copies of the oracle that click and judge; without an oracle, clicks must have been given."""
        cell = self.cell
        if self.judged:
            return self.workspace.oracles(cell.settings.dataset, cell.settings.oracle)
        if cell.feedback_file is None:
            raise UsageError(
                f"--feedback: data set '{cell.settings.dataset}' has no oracle that could click on samples of "
                f"'{cell.model}'. Click yourself (bench sample, bench feedback) and give the file: --feedback FILE; or "
                "name a data set with an oracle: --dataset NAME."
            )
        nobody = loading.LoadedClassifier("none", without_oracle.NoOracle(cell.feature))
        return Oracles(nobody, nobody)

    def _also_asked(self) -> tuple[str, ...]:
        """Return the attributes that the method wants clicked beside the feature."""
        asked = self.method_class(self.cell.params).also_asks()
        if not self.judged:
            return asked  # the feedback file has them, or is refused
        known = self.oracles.feedback.classifier.non_target(self.cell.feature)
        for name in asked:
            if name not in known:
                raise unknown("attribute", name, known, f"-p keep={name} (beside '{self.cell.feature}')")
        return asked

    def _metrics(self) -> tuple[dict[str, Metric], dict[str, str]]:
        """Return the metrics by name, and why others are missing: broken though nobody asked, or nothing to read."""
        metrics, missing = load_metrics(self.workspace.registry, self.cell.settings.evaluation.metrics)
        if not self.judged:
            missing |= without_oracle.left_out(metrics)
        return {name: metric for name, metric in metrics.items() if name not in missing}, missing

    @cached_property
    def original(self) -> loading.Original:
        """The generator to be unlearned."""
        return self.workspace.original(self.cell.model, self.cell.weights)

    @cached_property
    def keys(self) -> CellKeys:
        """Keys of all stages, from what each of them reads."""
        return keys_of(self)

    @property
    def stream(self) -> str:
        """Random stream of the unlearning stage."""
        return method_run.stream_of(self.method_class, self.cell.seed)

    @property
    def folder(self) -> Path:
        """The cell's folder in the store."""
        return self.workspace.store.folder(self.cell.readable, self.keys.evaluate)

    def declined(self) -> str | None:
        """Return why the method cannot work on this cell, or None."""
        reason = None if self.judged else without_oracle.why_skipped(self.method_class.needs)
        reason = reason or loading.lacking(self.original.networks, self.method_class.needs, self.original.model)
        return reason or self.method_class(self.cell.params).supports(self.cell.model, self.cell.feature)

    # --- stages -------------------------------------------------------------------------------------

    def run(self) -> Record:
        """Run what is not yet there, and store the record; every outcome but an interruption is one.

        Raises
        ------
        BenchError
            If something is to be mended before this cell can run; nothing is stored.
        """
        began = self.folder.exists()
        with self.workspace.store.locked(self.folder):
            try:
                record = self._outcome()
            except BenchError:
                if not began:
                    rmtree(self.folder, ignore_errors=True)  # else `bench status` would call it resumable
                raise
            self.workspace.store.write(self.folder, record)
            return record

    def _outcome(self) -> Record:
        timings: dict[str, dict[str, float]] = {}
        try:
            if (reason := self.declined()) is not None:
                return self._record("skipped", reason=reason)
            return self._record("ok", **self._stages(timings), timings=timings)
        except Diverged as error:
            return self._record("diverged", reason=str(error), timings=timings)
        except BenchError:
            raise
        except (Exception, SystemExit) as error:  # whatever a stranger's method does
            details = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
            return self._record("failed", reason=details, timings=timings)

    def _stages(self, timings: dict[str, dict[str, float]]) -> dict[str, Any]:
        with machine.measured() as timings["feedback"]:
            feedback, threshold = self._feedback()
        clicker, judge = self.oracles.of(self.cell.feature, threshold)
        unlearned, path, timings["unlearn"] = self._unlearn(feedback, clicker)
        with machine.measured() as timings["evaluate"]:
            result = self._evaluate(unlearned, judge)
            extractors = {name: extractor for name, (extractor, _) in self.extractors.items()}
            columns = columns_of(result, judge, extractors)
            judged_by = self.extractors if self.judged else ()  # else there is no training set to compare with
            against = references(self.workspace, self.cell.settings.dataset, judged_by, self.cell.feature)
            values, skipped = compute_metrics(self.metrics, columns, result, against)
        if not self.judged:
            values |= without_oracle.known(result, unlearned.score)
        metrics = {name: {**vars(value), "source": self._source(name)} for name, value in sorted(values.items())}
        about = {
            "oracle": self._about_oracle(clicker, judge) if self.judged else None,
            "feedback": {"count": len(feedback), "positives": feedback.positives},
        }
        skipped = {**self.missing_metrics, **skipped}
        artefacts = self._artefacts(unlearned, path, columns.original_labels, feedback)
        return {"metrics": metrics, "skipped_metrics": skipped, "artefacts": artefacts, "about": about}

    def _about_oracle(self, clicker: Oracle, judge: Oracle) -> dict[str, Any]:
        return {
            "name": judge.name,
            "threshold": judge.threshold,
            "feedback": self.oracles.feedback.about(clicker),
            "evaluation": self.oracles.evaluation.about(judge),
        }

    def given_feedback(self) -> tuple[Feedback, FeedbackFile] | None:
        """Read the feedback file that was named, if one was; raises UsageError unless it is for this cell."""
        cell = self.cell
        if cell.feedback_file is None:
            return None
        given = feedback_module.from_file(cell.feedback_file, self.original.sha256, self.original.generator)
        clicker = self.oracles.feedback.name if self.judged else given[1].oracle  # who clicked, where nobody judges
        feedback_module.require_task(cell.feedback_file, given[1], cell.model, cell.feature, clicker, self.also)
        return given

    def _feedback(self) -> tuple[Feedback, float]:
        """Return the feedback, with the further clicks that the method asks for, and the threshold behind it."""
        cell, generator, oracle = self.cell, self.original.generator, self.oracles.feedback
        given = self.given_feedback()
        if given is not None:
            feedback, stored = given
            threshold = stored.threshold
            if threshold is None:
                threshold = oracle.classifier.cuts[cell.feature]
            if stored.threshold is None and self.judged:
                self.workspace.progress.note(
                    f"{cell.feedback_file} holds no threshold: the oracle judges by the default cut, {threshold:.4g}"
                )
            return replace(feedback, also={name: feedback.also[name] for name in self.also}), threshold
        folder = self.workspace.store.stage("feedback", self.keys.feedback)
        path = folder / "feedback.json"
        with self.workspace.store.locked(folder):
            try:
                feedback, stored = feedback_module.from_file(path, self.original.sha256, generator)
            except UsageError:  # not there yet, or damaged
                self._ask_oracle(path)
                feedback, stored = feedback_module.from_file(path, self.original.sha256, generator)
        assert stored.threshold is not None
        return feedback, stored.threshold

    def _ask_oracle(self, path: Path) -> None:
        """Let the feedback oracle click, and store the clicks."""
        cell, original = self.cell, self.original
        feedback, threshold = ask_oracle(
            original.generator,
            self.oracles.feedback.classifier,
            (cell.feature, *self.also),
            f"feedback/{cell.seed}",
            cell.settings.feedback.count,
        )
        feedback.require_both_classes()
        oracle = self.oracles.feedback.oracle(cell.feature, threshold)
        described = feedback_module.to_file(
            path, feedback, cell.model, original.sha256, original.generator, oracle, cell.feature
        )
        write_bytes(path, described.model_dump_json(indent=1).encode())

    def _unlearn(self, feedback: Feedback, oracle: Oracle) -> tuple[Unlearned, Path, dict[str, float]]:
        folder = self.workspace.store.stage("unlearn", self.keys.unlearn)
        path, timing_path = folder / "unlearned.safetensors", folder / "timing.json"
        with self.workspace.store.locked(folder):
            if not (timing_path.exists() and self._is_sound(path)):
                try:
                    with machine.measured() as timing:
                        unlearned, seconds_before = self._train(feedback, oracle, folder / "checkpoint.pt")
                except Diverged:
                    (folder / "checkpoint.pt").unlink(missing_ok=True)  # nothing of it is reused
                    raise
                timing["seconds"] = round(timing["seconds"] + seconds_before, 3)
                write_bytes(timing_path, json.dumps(timing).encode())
                method = self.method_class
                kept_oracle = oracle if "oracle" in method.needs else None
                saving.save_unlearned(path, self.original, unlearned, self.cell.method, self.cell.params, kept_oracle)
                (folder / "checkpoint.pt").unlink(missing_ok=True)
        unlearned = loading.load_unlearned(self.workspace.registry, path)  # what is measured is what was stored
        for module in (unlearned.generator, unlearned.score):
            if module is not None:
                module.to(self.workspace.device)
        return unlearned, path, json.loads(timing_path.read_text())

    def _is_sound(self, path: Path) -> bool:
        """Say whether stored weights are there and as they were written."""
        try:
            return path.exists() and bool(checkpoint.read(path))
        except CheckpointError as error:
            self.workspace.progress.note(f"{error} It is made again.")
            return False

    def _train(self, feedback: Feedback, oracle: Oracle, checkpoint_path: Path) -> tuple[Unlearned, float]:
        context = Context(
            stream=self.stream,
            device=self.workspace.device,
            checkpoint=checkpoint_path,
            progress=self.workspace.progress,
            label=f"unlearn ({self.cell.method})",
        )
        unlearned = method_run.run_method(
            self.cell.method,
            self.method_class(self.cell.params),
            self.original.networks,
            feedback,
            context,
            oracle=oracle,
            training_data=self._training_data,
        )
        return unlearned, context.seconds_before

    def _training_data(self) -> TrainingData:
        split = self.dataset.split(self.dataset.training_split)
        target = target_mask(self.workspace, self.cell.settings.dataset, split, self.cell.feature)
        return TrainingData(split, target, self.original.model, self.original.networks)

    def _evaluate(self, unlearned: Unlearned, judge: Oracle) -> Pass:
        folder = self.workspace.store.stage("original", self.keys.original)
        path = folder / "columns.npz"
        observers = Observers(
            self.oracles.evaluation.classifier, {name: extractor for name, (extractor, _) in self.extractors.items()}
        )
        remover = removers.remover_for(self.workspace, self.cell.settings.dataset, self.cell.feature)
        truth = None if remover is None else Truth(remover, judge)
        with self.workspace.store.locked(folder):
            cached = Described.load(path) if _is_sound_archive(path) else None
            result = run_pass(
                self.original.generator,
                unlearned.generator,
                unlearned.score,
                observers,
                self.cell.settings.evaluation.count,
                self.workspace.progress,
                cached,
                truth=truth,
            )
            if cached is None:
                result.original.save(path)
        return result

    def _artefacts(
        self, unlearned: Unlearned, weights: Path, original_labels: Any, feedback: Feedback
    ) -> dict[str, dict[str, str]]:
        target = self.folder / "unlearned.safetensors"
        target.unlink(missing_ok=True)
        try:
            os.link(weights, target)
        except OSError:  # a file system without hard links
            write_bytes(target, weights.read_bytes())
        picture = self.folder / "before-after.png"
        generators = self.original.generator, unlearned.generator
        if self.judged:
            pictures.before_after(*generators, original_labels, picture)
        else:
            pictures.before_after(*generators, feedback.labels, picture, feedback)  # all that is known to have it
        return {
            "weights": {"file": target.name, "sha256": checkpoint.read(target).sha256},
            "picture": {"file": picture.name, "sha256": file_sha256(picture)},
        }

    # --- the record ---------------------------------------------------------------------------------

    def _source(self, metric: str) -> str:
        """Say which data and which judge stood behind a number."""
        oracle = f"oracle {self.oracles.evaluation.label}" if self.judged else "no oracle"
        behind = source_of(metric, self.extractors, oracle)
        return f"{self.dataset.label}; {behind}; {self.cell.settings.evaluation.count} samples of {self.cell.model}"

    def _record(self, status: Any, *, about: dict[str, Any] | None = None, **parts: Any) -> Record:
        cell = self.cell
        return Record(
            key=self.keys.evaluate,
            status=status,
            suite=cell.suite,
            method=cell.method,
            model=cell.model,
            dataset=cell.settings.dataset,
            feature=cell.feature,
            seed=cell.seed,
            params=cell.params.model_dump(mode="json"),
            needs=sorted(self.method_class.needs),
            provenance={
                **machine.provenance(self.workspace.device),
                "settings": cell.settings.model_dump(mode="json"),
                "data": self.dataset.label,
                "weights": {"path": str(cell.weights), "sha256": self.original.sha256},
                "extractors": {name: sha for name, (_, sha) in self.extractors.items()},
                "stages": vars(self.keys),
                **(about or {}),
            },
            **parts,
        )


def _is_sound_archive(path: Path) -> bool:
    """Say whether a zip file is there and every checksum in it holds."""
    try:
        with ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, BadZipFile):
        return False

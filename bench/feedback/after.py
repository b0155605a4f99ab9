"""Clicks on samples of an unlearned generator: how many still have the feature, stored in the record of the cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.api import Value
from bench.core import sealed
from bench.core.code_hash import digest
from bench.core.files import file_sha256
from bench.errors import StoreError, UsageError
from bench.feedback.clicked import clicked_numbers
from bench.feedback.file import FeedbackFile
from bench.feedback.folder import SamplesFile, read_samples_file
from bench.toolkit.intervals import wilson
from bench.workspace.store.record import CLICKS_AFTER, Artefact, Measurement, MetricRun, Record
from bench.workspace.store.store import Store

FILE = "clicks-after.json"


def click_left(folder: Path, clicked: Path, cell: Path, feature: str | None = None) -> Record:
    """Store in a cell which samples of its unlearned generator still have the feature; earlier clicks are replaced.

    Parameters
    ----------
    folder : Path
        Samples of the unlearned weights, in a folder that ``show_samples`` wrote.
    clicked : Path
        Text file or folder, see ``bench.feedback.clicked``. None may be clicked, or all.
    cell : Path
        The folder of a stored cell.
    feature : str, optional
        If it is given, it must be the cell's.

    Returns
    -------
    Record
        With the metrics ``clicked_ratio`` and, if a person's clicks were what the method learnt from,
        ``original_clicked_ratio``.

    Raises
    ------
    UsageError
        If the samples are not the cell's, or are those whose clicks the method learnt from; for a wrong list.
    StoreError
        If the folder holds no result, or cannot be written.
    """
    cell = cell if cell.name not in ("", "..") else cell.resolve()  # whose name ends in the key
    shown, record = read_samples_file(folder), _stored(Store(cell.parent), cell)
    if feature not in (None, record.feature):
        raise UsageError(f"--feature {feature}: the cell {cell} is about '{record.feature}'")
    _require_fresh(shown, str(folder), record, cell)
    return store_left(shown, clicked_numbers(clicked, folder, shown.count), cell, str(folder))


def store_left(shown: SamplesFile, numbers: Sequence[int], cell: Path, where: str) -> Record:
    """Store in a cell which samples of its unlearned generator still have the feature; earlier clicks are replaced.

    Parameters
    ----------
    shown : SamplesFile
        What the samples are.
    numbers : sequence of int
        The clicked ones, ascending.
    cell : Path
        The folder of a stored cell.
    where : str
        Where the samples were shown, for errors.

    Raises
    ------
    UsageError
        If the samples are not the cell's, or are those whose clicks the method learnt from.
    StoreError
        If the folder holds no result, or cannot be written.
    """
    store = Store(cell.parent)
    record = _stored(store, cell)
    _require_fresh(shown, where, record, cell)
    made = FeedbackFile(**shown.model_dump(exclude={"format"}), feature=record.feature, positive=list(numbers))
    try:
        with store.locked(cell):
            sealed.write(cell / FILE, made.model_dump(mode="json"))
            record = _with_clicks(_stored(store, cell), made, file_sha256(cell / FILE))
            store.write(cell, record)
    except OSError as error:
        raise StoreError(f"--cell {cell}: cannot be written ({error.strerror})") from error
    return record


def _stored(store: Store, cell: Path) -> Record:
    record = store.read(cell)
    if record is None or record.status != "ok":
        how = "holds no result" if record is None else f"ended as {record.status}"
        raise StoreError(f"--cell {cell}: {how}. Name the folder of a stored cell, as `bench status` lists them")
    return record


def _require_fresh(shown: SamplesFile, folder: str, record: Record, cell: Path) -> None:
    """Raise UsageError unless samples come from a cell's unlearned weights, and the method did not learn from them."""
    weights, feedback = record.artefacts["weights"], record.provenance.feedback
    again = f"bench sample --weights {cell / weights.file} --stream after --count 300 --out NEW_FOLDER"
    if shown.weights_sha256 != weights.sha256:
        raise UsageError(
            f"{folder}: holds samples of weights {shown.weights_sha256[:12]}, but the unlearned weights of --cell "
            f"{cell} are {weights.sha256[:12]}. Draw samples of these: {again}"
        )
    if feedback is not None and feedback.noise_sha256 == shown.noise_sha256:
        raise UsageError(
            f"{folder}: holds samples of the noise that was clicked before unlearning, on which the method does better "
            f"than on others. Draw others: {again}"
        )
    if shown.count < 2:
        raise UsageError(f"{folder}: holds one sample. Draw more: {again}")


def _with_clicks(record: Record, made: FeedbackFile, sha256: str) -> Record:
    """Return a record with the shares of samples that were clicked, before and after."""
    data, metrics = record.provenance.data, dict(record.metrics)
    about = f"{data}; clicks on samples after unlearning; {made.count} samples of {made.model}, stream '{made.stream}'"
    metrics["clicked_ratio"] = _share(len(made.positive), made.count, about)
    oracle, before = record.provenance.oracle, record.provenance.feedback
    if before is not None and (oracle is None or oracle.feedback is None):
        about = f"{data}; clicks on samples before unlearning; {before.count} samples of {made.model}"
        metrics["original_clicked_ratio"] = _share(before.positives, before.count, about)
    return record.model_copy(
        update={
            "metrics": dict(sorted(metrics.items())),
            "metric_runs": record.metric_runs | {CLICKS_AFTER: MetricRun(key=digest(made.model_dump(mode="json")))},
            "artefacts": record.artefacts | {"clicks_after": Artefact(file=FILE, sha256=sha256)},
        }
    )


def _share(positives: int, n: int, source: str) -> Measurement:
    low, high = wilson(positives, n)
    return Measurement(**vars(Value(positives / n, n, False, low, high)), source=source, metric=CLICKS_AFTER)

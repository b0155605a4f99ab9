"""A person's clicks: samples drawn into a folder, and a feedback file from a list of the clicked ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import Field, ValidationError

from bench.api import Params
from bench.api.noise import stream_noise
from bench.core import limits, sealed
from bench.core.reading import read_json
from bench.errors import UsageError, wrong_fields
from bench.feedback.clicked import clicked_of_both_kinds
from bench.feedback.file import FeedbackFile, noise_hash
from bench.registry import Registry
from bench.workspace.new_file import require_new
from bench.workspace.pictures import sample_to_folder
from bench.workspace.settings.names import require_feature_name, require_name
from bench.workspace.store.store import Store
from bench.workspace.weights import loading

SAMPLES = "samples.json"
BEGUN = "samples.begun.json"  # the same, while they are drawn: after a stop the same command draws them all
FORMAT = "bench-samples/1"


class SamplesFile(Params):
    """The content of ``samples.json``: the origin of the pictures in its folder."""

    format: str = FORMAT
    model: str
    weights_sha256: str
    noise_sha256: str = Field(description="of the first noise vector")
    stream: str
    count: int = Field(ge=1, le=limits.SAMPLES)


def show_samples(registry: Registry, weights: str, count: int, folder: Path, stream: str) -> None:
    """Draw ``count`` images of a random stream into a folder, with a file that says where they came from.

    Raises
    ------
    UsageError
        If the folder holds other samples, or more, which would mix with the new ones.
    StoreError
        If it cannot be written.
    """
    stored, loaded = loading.load_either(registry, weights)
    generator = loaded.generator
    shown = SamplesFile(
        model=stored.name,
        weights_sha256=stored.sha256,
        noise_sha256=noise_hash(stream_noise(generator, stream, 0, 1)[0]),
        stream=stream,
        count=count,
    )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder}: is a file. Name a folder")
    Store(folder).require_writable("--out")
    for name in (SAMPLES, BEGUN):
        if (folder / name).exists():
            _require_same(folder, read_samples_file(folder, name), shown)
    if not any((folder / name).exists() for name in (SAMPLES, BEGUN)) and any(folder.glob("[0-9]*.png")):
        raise UsageError(
            f"--out {folder}: holds pictures but no {SAMPLES}, and they would mix with the new ones. Name another "
            "folder, or remove this one"
        )
    content = shown.model_dump(mode="json")
    sealed.write(folder / BEGUN, content)
    sample_to_folder(generator, count, folder, stream)
    sealed.write(folder / SAMPLES, content)
    (folder / BEGUN).unlink()


def _require_same(folder: Path, before: SamplesFile, shown: SamplesFile) -> None:
    """Raise UsageError if a folder holds other samples than those that are to be drawn, or more of them."""
    if before.model_copy(update={"count": shown.count}) != shown or before.count > shown.count:
        raise UsageError(
            f"--out {folder}: holds {before.count} samples of the stream '{before.stream}' of weights "
            f"{before.weights_sha256[:12]}, which would mix with the new ones. Name another folder, or remove this one"
        )


def click_samples(
    folder: Path, clicked: Path, feature: str, out: Path, also: Mapping[str, Path] = MappingProxyType({})
) -> FeedbackFile:
    """Write the feedback file that says which samples of a folder have a feature.

    Parameters
    ----------
    folder : Path
        A folder that ``show_samples`` wrote.
    clicked : Path
        Text file or folder, see ``bench.feedback.clicked``.
    feature : str
    out : Path
        The file to write; it must not exist.
    also : mapping of str to Path
        Clicks on other attributes of the same samples, by attribute: lists like ``clicked``.

    Raises
    ------
    UsageError
        Naming file and line or picture: not a sample, or listed twice; none clicked, or all.
    StoreError
        If the folder of ``out`` cannot be written.
    """
    require_new(out)
    require_feature_name(feature)
    for name in also:
        require_name(name, "--also")
    if feature in also:
        raise UsageError(f"--also {feature}: is the feature itself; its clicks belong in --clicked")
    shown = read_samples_file(folder)
    numbers = clicked_of_both_kinds(clicked, folder, shown.count)
    others = {name: clicked_of_both_kinds(path, folder, shown.count, f"--also {name}=") for name, path in also.items()}
    about = shown.model_dump(exclude={"format"})
    made = FeedbackFile(**about, feature=feature, positive=numbers, also=others)
    sealed.write(out, made.model_dump(mode="json"))
    return made


def read_samples_file(folder: Path, name: str = SAMPLES) -> SamplesFile:
    """Read the origin of the pictures in a folder; raises UsageError if ``samples.json`` is missing or wrong."""
    path = folder / name
    try:
        shown = SamplesFile.model_validate(sealed.unsealed(read_json(path)))
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: no such file. FOLDER must be one that `bench sample --out {folder}` wrote"
        ) from error
    except (OSError, ValueError) as error:  # a ValidationError is a ValueError
        reason = wrong_fields(error) if isinstance(error, ValidationError) else error
        raise UsageError(
            f"{path}: does not say what the samples are ({reason}). Remove the folder and draw them again"
        ) from error
    if shown.format != FORMAT:
        raise UsageError(
            f"{path}: has format '{shown.format}', expected '{FORMAT}'. Remove the folder and draw them again"
        )
    return shown

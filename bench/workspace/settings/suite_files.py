"""Read suite files, built-in or a user's, merged over the suite that they extend (``extends``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.core.reading import read_toml
from bench.errors import UsageError, shown, unknown

SUITES = Path(__file__).parents[2] / "suites"


def suite_names() -> list[str]:
    """Return the names of the built-in suites."""
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def content_of(name: str) -> dict[str, Any]:
    """Return a suite's content, merged with its parent suites; raises UsageError naming ``--suite``."""
    path = _path_of(name, Path(), f"--suite {shown(name)}", "--suite")
    return {"name": path.stem, **_read(path, (path,))}


def merged(content: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return content with the values of ``over``; a mapping in both is merged."""
    both = {
        name: merged(content[name], value)
        for name, value in over.items()
        if isinstance(value, Mapping) and isinstance(content.get(name), Mapping)
    }
    return {**content, **over, **both}


def _path_of(name: str, folder: Path, place: str, flag: str) -> Path:
    """Return the file of a built-in suite, or of one named by its path from a folder."""
    path = folder / name if name.endswith(".toml") else SUITES / f"{name}.toml"
    try:
        if path.is_file():
            return path.resolve()
    except OSError as error:  # a name that is too long
        raise UsageError(f"{place}: cannot be read ({error.strerror})") from error
    if name.endswith(".toml"):
        raise UsageError(f"{place}: no such file")
    raise unknown("suite", name, suite_names(), flag)


def _read(path: Path, chain: tuple[Path, ...]) -> dict[str, Any]:
    """Read a file and the one that it extends; ``chain``: the files from the first one read to this one, inclusive."""
    flag = f"--suite {path}"
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{flag}: cannot be read ({error})") from error
    if "extends" not in content:
        return content
    if not isinstance(content["extends"], str):
        raise UsageError(f'{flag}: extends should be the name of a suite or a TOML file, such as extends = "lite"')
    place = f'{flag}: extends = "{shown(content["extends"])}"'
    base = _path_of(content["extends"], path.parent, place, place)
    if base in chain:
        raise UsageError(f"{place}: extends itself ({' -> '.join(each.name for each in (*chain, base))})")
    taken = _read(base, (*chain, base))
    taken.pop("name", None)
    return _extended(taken, content)


def _extended(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Merge a suite over the one that it extends.

    A model with another data set takes nothing over, since counts and hyper-parameters were chosen for the first one.
    Variants are added; one of the same label takes the place of the other.
    """
    models, others = _tables(base.get("models")), _tables(own.get("models"))
    kept = {
        name: fields
        for name, fields in models.items()
        if "dataset" not in others.get(name, {}) or others[name]["dataset"] == fields.get("dataset")
    }
    found = merged({**base, "models": kept}, own)
    variants, further = base.get("variants", []), own.get("variants", [])
    if isinstance(variants, list) and isinstance(further, list):  # anything else is left to the validation of the whole
        found["variants"] = [*_others(variants, further), *further]
    return found


def _tables(content: Any) -> dict[str, dict[str, Any]]:
    """Return the tables of a table; anything else is left to the validation of the whole."""
    return {k: v for k, v in content.items() if isinstance(v, dict)} if isinstance(content, dict) else {}


def _others(variants: list[Any], own: list[Any]) -> list[Any]:
    """Return the parent's variants whose labels the suite does not define again."""
    labels = [each.get("label") for each in own if isinstance(each, dict)]
    return [each for each in variants if not (isinstance(each, dict) and each.get("label") in labels)]

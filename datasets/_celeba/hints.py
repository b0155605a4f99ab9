"""What to do where CelebA is here, but not where it is looked for. Nothing here decides what is read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import Path as ZipPath

TABLES = tuple(f"{stem}.{end}" for stem in ("list_attr_celeba", "list_eval_partition") for end in ("txt", "csv"))
PHOTOGRAPHS = "img_align_celeba"
FILES = (*TABLES, PHOTOGRAPHS, f"{PHOTOGRAPHS}.zip", "Img", "Anno", "Eval")
COPY = r"( ?\(\d+\))?"  # what a browser appends to the name of a file that is there already
WHOLE = re.compile(rf"(archive|celeba-dataset|celeba){COPY}(\.zip)?", re.IGNORECASE)  # Kaggle's names, and ours
PICTURES = (".jpg", ".jpeg", ".png")


def misplaced(missing: Path | ZipPath) -> str:
    """Return what to move, to rename or to pass instead, where files of CelebA lie near the missing one; else ""."""
    above = () if not isinstance(missing, Path) else (missing, *missing.parents)
    root = next((each for each in above if each.name == "celeba"), None)
    if root is None or not isinstance(missing, Path):
        return ""
    data = root.parent.absolute()  # "." has no name
    found = [name for name in FILES if (data / name).exists()]
    if found and data.name == "celeba" and not root.exists():
        return f"{found[0]} lies in {data} itself: pass its parent folder, --data-dir {data.parent}."
    if whole := next((each for place in (data, root) for each in _whole(place, root)), None):
        target = data / "celeba.zip" if whole.suffix == ".zip" else data / "celeba"
        also = f", and take the folder {root} away" if root.is_dir() else ""  # a folder counts more than an archive
        if also and target == data / "celeba":
            return f"Move what is in {whole} to {root}."
        return f"Rename {whole} to {target}{also}."
    if found:
        lie, them = ("lies", "it") if len(found) == 1 else ("lie", "them")
        return f"{_listed(found)} {lie} in {data}, one folder too high: move {them} to {root}."
    if missing.name in (PHOTOGRAPHS, *TABLES) and (renamed := next(_renamed(missing, root), None)):
        return renamed
    if root.is_dir() and next(root.glob("[0-9]*.jpg"), None) is not None:
        return f"Photographs lie in {root} itself: move them to {root / PHOTOGRAPHS}."
    return ""


def _whole(place: Path, root: Path) -> Iterator[Path]:
    """Yield archives and folders that may hold all of CelebA, but have another name than ``root``."""
    for each in sorted(place.iterdir()) if place.is_dir() else ():
        looked_for = place != root and each.name in ("celeba", "celeba.zip")
        if looked_for or not WHOLE.fullmatch(each.name) or _same(each, root):
            continue
        if each.suffix.lower() == ".zip" or any((each / name).exists() for name in FILES):
            yield each


def _same(one: Path, other: Path) -> bool:
    """Say whether two paths are the same folder, as "CelebA" and "celeba" are on some systems."""
    return other.exists() and one.samefile(other)


def _renamed(missing: Path, root: Path) -> Iterator[str]:
    """Yield what to do with a file next to the missing one that a browser or Kaggle has given another name."""
    places = [place for place in (missing.parent, root, root / "Img") if place.is_dir()]
    stem = re.escape(missing.stem)
    for each in (each for place in dict.fromkeys(places) for each in sorted(place.iterdir())):
        if missing.name == PHOTOGRAPHS and re.fullmatch(rf"{stem} ?\(\d+\)\.zip", each.name):
            yield f"Rename {each} to {each.with_name(f'{PHOTOGRAPHS}.zip').name}."
        elif missing.name != PHOTOGRAPHS and re.fullmatch(rf"{stem}\.(txt|csv){COPY}\.zip|{stem}\.zip", each.name):
            yield f"{each} holds the table: unpack it in {each.parent}."
        elif missing.name != PHOTOGRAPHS and (copy := re.fullmatch(rf"{stem} ?\(\d+\)\.(txt|csv)", each.name)):
            yield f"Rename {each} to {missing.stem}.{copy[1]}."


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def without_photographs(folder: Path | ZipPath) -> str:
    """Return what a folder holds instead of photographs, and what to do; "" if that is not known."""
    if not isinstance(folder, Path):
        return ""
    if (archive := folder.with_name(f"{folder.name}.zip")).is_file():
        return f"{archive} is read once the folder next to it is gone: remove {folder}."
    with os.scandir(folder) as files:
        found = next((each.name for each in files if Path(each.name).suffix.lower() in PICTURES), None)
    if found is None:
        return ""
    return (
        f"It holds {found}, but CelebA's aligned photographs are JPEG files with names such as 000001.jpg: rename "
        "them, or get img_align_celeba again."
    )

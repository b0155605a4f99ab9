"""What to do where CelebA is here, but not where it is looked for. Nothing here decides what is read."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import Path as ZipPath

FILES = (
    "list_attr_celeba.txt", "list_attr_celeba.csv", "list_eval_partition.txt", "list_eval_partition.csv",
    "img_align_celeba", "img_align_celeba.zip", "Img", "Anno", "Eval",
)  # fmt: skip
PICTURES = (".jpg", ".jpeg", ".png")


def misplaced(missing: Path | ZipPath) -> str:
    """Return what to move or to pass instead, where files of CelebA lie near the one that is missing; else ""."""
    above = () if not isinstance(missing, Path) else (missing, *missing.parents)
    root = next((each for each in above if each.name == "celeba"), None)
    if root is None:
        return ""
    data = root.parent.absolute()  # "." has no name
    for archive in (data / "archive.zip", root / "archive.zip"):
        if archive.is_file():  # Kaggle's, and a folder counts more than an archive
            also = f", and take the folder {root} away" if root.is_dir() else ""
            return f"Rename {archive} to {data / 'celeba.zip'}{also}."
    if found := next((name for name in FILES if (data / name).exists()), None):
        if data.name == "celeba" and not root.exists():
            return f"{found} lies in {data} itself: pass its parent folder, --data-dir {data.parent}."
        return f"{found} lies in {data}, one folder too high: move it to {root}."
    if root.is_dir() and next(root.glob("[0-9]*.jpg"), None) is not None:
        return f"Photographs lie in {root} itself: move them to {root / 'img_align_celeba'}."
    return ""


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

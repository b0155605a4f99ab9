"""What MkDocs does beyond its plug-ins: runs the tutorial notebook, and shows the pictures of results/reference."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "examples" / "unlearn.ipynb"
PAGE = "tutorials/notebook.md"
REFERENCE = "results/reference"
LINK = re.compile(r"\]\((?:\.\./)+results/reference/([\w./-]+)\)")
SECONDS = 900  # that a cell of the notebook may take

serving = False


def on_startup(command: str, **_: Any) -> None:
    """Remember whether pages are served while they are written; then the notebook is shown but not run."""
    global serving  # noqa: PLW0603 (MkDocs gives hooks no other place)
    serving = command == "serve"


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add the notebook's page, and the files of results/reference under their own path."""
    for name, content in notebook(run=not serving).items():
        files.append(File.generated(config, posixpath.join("tutorials", name), content=content))
    for path in sorted((ROOT / REFERENCE).rglob("*.png")):
        name = posixpath.join(REFERENCE, path.relative_to(ROOT / REFERENCE).as_posix())
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to results/reference, which are relative to the repository, to the copies in the site."""
    depth = page.file.src_uri.count("/")
    return LINK.sub(lambda found: f"]({'../' * depth}{REFERENCE}/{found[1]})", markdown)


def notebook(*, run: bool) -> dict[str, str | bytes]:
    """Return the notebook as a page, ``notebook.md``, and the pictures it draws, by file name."""
    import nbformat
    from nbconvert import MarkdownExporter
    from nbconvert.preprocessors import ExecutePreprocessor

    content = nbformat.read(NOTEBOOK, as_version=4)
    if run:
        with TemporaryDirectory() as folder:
            ExecutePreprocessor(timeout=SECONDS).preprocess(content, {"metadata": {"path": folder}})
    text, resources = MarkdownExporter().from_notebook_node(content)
    source = "\n*This page is the notebook `examples/unlearn.ipynb`, run when the documentation was built.*\n"
    first, rest = text.lstrip().split("\n", 1)
    return {"notebook.md": f"{first}\n{source}{rest}", **resources.get("outputs", {})}

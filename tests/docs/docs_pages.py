"""The pages that readers see, and what stands in them: commands, code blocks, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
FENCED = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", flags=re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """Return every page: the four at the top, and those of the site."""
    top = [README, CONTRIBUTING, ROOT / "AGENTS.md", ROOT / "CHANGELOG.md"]
    return [*top, *sorted(DOCS.rglob("*.md"))]


def named(page: Path) -> str:
    """Return a page's path in the repository, for a test's name."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    found = FENCED.findall(page.read_text(encoding="utf-8"))
    return [code for _, written, code in found if written == language]


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of every bench command in a page's shell blocks and indented lines."""
    text = page.read_text(encoding="utf-8")
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    lines += re.findall(r"^    (.*)$", FENCED.sub("", text), flags=re.MULTILINE)
    for line in lines:
        for part in re.split(r"&&|\|", re.split(r"\s#", line)[0]):
            if part.strip().startswith("bench "):
                yield shlex.split(part)


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures that lead to files, without their anchors."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link.split("#")[0] for link in found if not re.match(r"https?:|#", link)]


def example(name: str) -> str:
    """Return the code of a worked example under docs/extend."""
    for page in sorted((DOCS / "extend").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        found = re.search(rf"<!-- example: {re.escape(name)} -->\n```python\n(.*?)```", text, flags=re.DOTALL)
        if found is not None:
            return found.group(1)
    raise AssertionError(f"docs/extend has no example {name}")

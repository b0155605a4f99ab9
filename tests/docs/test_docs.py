"""What README and the documentation say is true: commands, hooks, exit codes and links exist; formats are read."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from textwrap import dedent
from typing import Any

import click
import pytest
from docs_pages import CONTRIBUTING, DOCS, README, ROOT, blocks, commands, links, named, pages

import bench.cli
from bench import errors, hookspecs
from bench.api import Columns
from bench.hookspecs import KINDS
from bench.registry import Registry
from bench.report.tables.value_names import TIMINGS, value_names

# Plug-ins and suites of the pages themselves.
INVENTED = {
    "my_data",
    "my_extractor",
    "my_idea",
    "my_generator",
    "class_generator",
    "mirror",
    "linear_decoder",
    "small_digits",
    "mine.toml",
    "newly_appeared",
    "all",
}
TYPED = sorted({shlex.join(words) for page in pages() for words in commands(page)})


def command_of(words: list[str]) -> click.Command:
    """Return the command that words call, groups included."""
    command = bench.cli.cli.get_command(click.Context(bench.cli.cli), words[1])
    assert command is not None, f"there is no command {words[1]}"
    if isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), words[2])
        assert inner is not None, f"there is no command {words[1]} {words[2]}"
        return inner
    return command


@pytest.mark.parametrize("typed", TYPED)
def test_every_command_exists_with_its_options(typed: str) -> None:
    words = shlex.split(typed)
    command = command_of(words)
    known = {option for parameter in command.params for option in parameter.opts}
    used = {word.split("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)}
    assert used - {"-h"} <= known, f"{sorted(used - known)} are not options of {command.name}"


@pytest.mark.parametrize("typed", TYPED)
def test_every_name_after_an_option_is_registered(typed: str) -> None:
    registry, suites = Registry(), {path.stem for path in (ROOT / "bench" / "suites").glob("*.toml")}
    suites |= {f"benchmarks/{path.name}" for path in (ROOT / "benchmarks").glob("*.toml")}  # a file is a suite too
    known = {f"--{kind.singular}": {*registry.names(kind.name), *INVENTED} for kind in KINDS} | {
        "--suite": suites | INVENTED
    }
    known["--metric"] |= {*value_names(registry).owners, *TIMINGS}
    words = shlex.split(typed)
    for option, value in zip(words, words[1:], strict=False):
        if option in known:
            assert set(value.split(" -p ")[0].split(",")) <= known[option], f"{option} {value}"


def test_every_command_is_in_the_reference_and_in_an_example() -> None:
    reference = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    assert re.findall(r":module: bench\.cli\.(\w+)", reference) == list(bench.cli.COMMANDS)
    assert set(bench.cli.COMMANDS) == {typed.split()[1] for typed in TYPED}


def test_every_module_of_the_toolkit_is_in_the_reference() -> None:
    reference = (DOCS / "reference" / "toolkit.md").read_text(encoding="utf-8")
    modules = {path.stem for path in (ROOT / "bench" / "toolkit").glob("*.py")} - {"__init__"}
    assert set(re.findall(r"^::: bench\.toolkit\.(\w+)", reference, flags=re.MULTILINE)) == modules


def test_every_hook_and_kind_is_in_the_docs() -> None:
    text = (DOCS / "extend" / "index.md").read_text(encoding="utf-8")
    hooks = {name for name in vars(hookspecs) if name.startswith("register_")}
    assert set(re.findall(r"`(register_\w+)`", text)) == hooks == {kind.hook for kind in KINDS}


def test_every_kind_has_a_page_that_begins_with_a_template() -> None:
    pages_of = {page.stem: page for page in (DOCS / "extend").glob("*.md")}
    for kind in KINDS:
        page = pages_of["oracle" if kind.singular == "classifier" else kind.singular]
        assert ["bench", "new", kind.singular] in [words[:3] for words in commands(page)]


def test_every_exit_code_is_in_the_docs() -> None:
    text = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert {int(code) for code in re.findall(r"^\| (\d) \|", text, flags=re.MULTILINE)} == codes


def test_the_error_in_the_docs_is_what_bench_prints(bench_cli: Callable[..., Any]) -> None:
    (written,) = blocks(DOCS / "reference" / "errors.md", "text")
    refused = bench_cli("run", "--method", "our", "--model", "vae", "--feature", "slant")
    assert (refused.code, refused.err) == (errors.EXIT_USAGE, written)


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r"([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    written = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert sorted(listed) == sorted({*written, "tutorials/notebook.md"})  # the notebook's page is made with the site


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_link_leads_to_a_file(page: Path) -> None:
    # the notebook's page is made when the site is built
    missing = [link for link in links(page) if "notebook.md" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", pages(), ids=named)
def test_python_in_the_docs_can_be_parsed_and_imports_what_exists(page: Path) -> None:
    for code in blocks(page, "python"):
        for node in ast.walk(ast.parse(dedent(code))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "bench":
                module = importlib.import_module(str(node.module))
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def test_the_suite_in_the_docs_is_a_suite() -> None:
    from bench.workspace.settings.suites import Suite

    (written,) = blocks(DOCS / "reference" / "file-formats.md", "toml")
    assert set(Suite.model_validate(tomllib.loads(written)).models) == {"vae"}


def test_the_feedback_file_in_the_docs_is_one() -> None:
    from bench.feedback.file import FORMAT, FeedbackFile

    (written,) = blocks(DOCS / "reference" / "file-formats.md", "json")
    stored = FeedbackFile.model_validate_json(written)
    assert (stored.format, stored.positive, stored.also) == (FORMAT, [3, 17, 41], {"Male": [0, 3]})
    assert all(
        f"`{name}`" in (DOCS / "reference" / "file-formats.md").read_text() for name in ("weights_sha256", "also")
    )


def test_the_record_in_the_docs_names_every_field() -> None:
    from bench.workspace.store.record import Provenance, Record

    text = (
        (DOCS / "reference" / "file-formats.md")
        .read_text(encoding="utf-8")
        .partition("## Record")[2]
        .partition("## ")[0]
    )
    assert {*Record.model_fields, *Provenance.model_fields} <= set(re.findall(r"`(\w+)`", text))


def test_every_column_that_a_metric_can_read_is_in_the_docs() -> None:
    text = (
        (DOCS / "extend" / "metric.md").read_text(encoding="utf-8").partition("## What it reads")[2].partition("## ")[0]
    )
    rows = re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == {field.name for field in fields(Columns)} - {"extractor"}


def test_the_package_in_the_docs_names_known_groups() -> None:
    written: dict[str, Any] = tomllib.loads(blocks(DOCS / "extend" / "publish.md", "toml")[0])
    assert set(written["project"]["entry-points"]) <= {kind.group for kind in KINDS}
    text = (DOCS / "extend" / "publish.md").read_text(encoding="utf-8")
    assert all(f"`{kind.group}`" in text for kind in KINDS)


def test_the_first_pages_are_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150
    assert len(CONTRIBUTING.read_text(encoding="utf-8").splitlines()) <= 80

"""``bench show`` of what plug-ins are written with: what is ours, and nothing that torch or pydantic add."""

from __future__ import annotations

import inspect

import pytest

from bench import api
from bench.authoring.reference import reference_of
from bench.toolkit import latent

CLASSES = [name for name, value in vars(api).items() if isinstance(value, type) and not name.startswith("_")]


@pytest.mark.parametrize("name", [*CLASSES, "Editor", "Direction", "DirectionParams", "StudentParams", "Described"])
def test_a_class_is_described_in_a_screen_or_two(name):
    text = reference_of(name)
    if name == "Described":  # of no plug-in's surface
        assert text is None
        return
    assert text is not None and text.startswith(f"class {name}(") and len(text.splitlines()) < 120
    own = ("state_dict",) if name == "Stateful" else ()
    for inherited in ("state_dict", "named_parameters", "model_dump", "model_validate", "with_traceback"):
        assert inherited in own or f"{inherited}(" not in text


def test_what_must_be_written_is_said_and_comes_first():
    text = reference_of("Method")
    assert (
        "unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned   (to be written)"
        in text
    )
    assert text.index("unlearn(self") < text.index("supports(self") and text.count("(to be written)") == 1
    abstract = sorted(latent.Editor.__abstractmethods__)
    editor = reference_of("Editor")
    assert abstract and editor.count("(to be written)") == len(abstract)
    assert "(classmethod)" in text and "(property)" in reference_of("Feedback")


def test_fields_come_with_default_bounds_and_meaning():
    text = reference_of("StudentParams")
    assert "epochs               = 200                  int >= 1" in text and "epochs of unlearning" in text


def test_modules_and_functions(bench_cli):
    assert reference_of("bench.api") == f"bench.api\n\n{inspect.getdoc(api)}"
    text = reference_of("bench.toolkit.latent")
    assert text.startswith("bench.toolkit.latent\n") and "class Direction(" in text and "fit_direction(" in text
    assert reference_of("to_uint8").startswith("to_uint8(")
    assert reference_of("bench.api.Context") == reference_of("Context")
    done = bench_cli("show", "Context")
    assert done.code == 0 and done.out.startswith("class Context(") and "noise(self, step" in done.out
    unknown = bench_cli("show", "Contxt")
    assert unknown.code == 4 and "unknown plug-in 'Contxt'" in unknown.err
    assert bench_cli("show", "ours").out.startswith("method ours "), "a plug-in wins"

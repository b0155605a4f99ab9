from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import Field, ValidationError

from bench.api import Params
from bench.api.base import EachOnce, Names
from bench.errors import UsageError
from bench.registry import Registry
from bench.workspace.settings import typed_text
from bench.workspace.settings.suite_files import suite_names
from bench.workspace.settings.suites import Suite, load_suite
from bench.workspace.settings.values import assignments, grid_of, read_assignments, values_of

KINDS = ("methods", "models", "classifiers")
REGISTRY = Registry()
CONFIGS = {
    f"{kind}/{name}": REGISTRY.get(kind, name).Config
    for kind in KINDS
    for name in REGISTRY.names(kind)
    if hasattr(REGISTRY.get(kind, name), "Config")
}


class Inner(Params):
    a: int = 1
    b: tuple[str, ...] = ()


class Every(Params):
    """A field of every type that can be typed."""

    number: float = Field(3.0, gt=0)
    count: Annotated[int, Field(ge=0)] = 2
    switch: bool = False
    text: str = "word"
    choice: Literal["a,b", "c", 5, True, None] = "c"
    names: tuple[str, ...] = ()
    items: list[float] = [1.0]
    shape: tuple[int, int, str] = (1, 2, "x")
    pairs: tuple[tuple[int, str], ...] = ()
    maybe: int | None = None
    maybe_names: tuple[str, ...] | None = None
    maybe_text: str | None = None
    number_or_word: int | Literal["auto"] = "auto"
    table: dict[str, Any] = {}
    flags: dict[str, tuple[str, bool]] = {}
    inner: Inner = Inner()
    anything: Any = 0


def one(text):
    return values_of(Every, read_assignments([text], "-p"), "-p")[text.partition("=")[0]]


def refused(*texts, read=grid_of, config=Every, flag="-p"):
    with pytest.raises(UsageError) as error:
        read(config, read_assignments(texts, flag), flag)
    return str(error.value)


# --- the type decides ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("number=5e-4", 0.0005),
        ("number=3", 3.0),
        ("number= 3 ", 3.0),
        ("count=1e3", 1000.0),
        ("switch=true", True),
        ("switch=False", False),
        ("text=64x1,64d2", "64x1,64d2"),
        ("text=", ""),
        ("text=3", "3"),
        ("text=none", "none"),
        ("text= a = b ", " a = b "),
        (r"text=http:\//x/y\/z", r"http://x/y\/z"),
        ("choice=c", "c"),
        ("choice=a,b", "a,b"),
        ("choice=5", 5),
        ("choice=true", True),
        ("choice=none", None),
        ("names=Male,Eyeglasses", ("Male", "Eyeglasses")),
        ("names=Male", ("Male",)),
        ("names=3, none ,true", ("3", "none", "true")),
        ("names=", ()),
        ("names=[]", ()),
        ('names=["a", "b"]', ("a", "b")),
        ('names=["a,b", "c"]', ("a,b", "c")),
        ("names=[a, b]", ("a", "b")),
        ("names=[7]", ("7",)),
        ("names=7", ("7",)),
        ("names=1.5,true,nan,1e3,2020-01-01,0x1F,1_0", ("1.5", "true", "nan", "1e3", "2020-01-01", "0x1F", "1_0")),
        ('names=["7", "true"]', ("7", "true")),
        ("items=[]", []),
        ("items=[1, 2.5]", [1, 2.5]),
        ("maybe_names=[]", ()),
        ('maybe_names=["a"]', ("a",)),
        ("items=1,2.5", [1.0, 2.5]),
        ("items=", []),
        ("shape=3,64,64", (3, 64, "64")),
        ('pairs=[[1, "a"], [2, "b"]]', ([1, "a"], [2, "b"])),
        ("pairs=", ()),
        ("maybe=none", None),
        ("maybe=null", None),
        ("maybe=7", 7),
        ("maybe_names=", ()),
        ("maybe_names=none", None),
        ("maybe_names=a,b", ("a", "b")),
        ("maybe_text=a,b", "a,b"),
        ("number_or_word=3", 3),
        ("number_or_word=auto", "auto"),
        ('table={a = [1, "x"], b = {c = true}}', {"a": [1, "x"], "b": {"c": True}}),
        ("anything=3", 3),
        ("anything=word", "word"),
    ],
)
def test_the_field_s_type_decides_how_text_is_read(text, value):
    assert one(text) == value and type(one(text)) is type(value)
    Every.model_validate({text.partition("=")[0]: one(text)})


def test_two_slashes_make_a_grid_of_every_combination():
    typed = read_assignments(["number=1//3//5", "names=a//a,b//", r"text=x\//y//z"], "-p")
    found = grid_of(Every, typed, "-p")
    assert len(found) == 3 * 3 * 2 and [type(values["number"]) for values in found] == [float] * 18
    assert found[0] == {"number": 1.0, "names": ("a",), "text": "x//y"}
    assert found[-1] == {"number": 5.0, "names": (), "text": "z"}
    assert len({str(values) for values in found}) == 18
    assert grid_of(Every, {}, "-p") == [{}]


def test_the_rule_loads_no_torch():
    code = "import sys, bench.workspace.settings.values; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- errors -------------------------------------------------------------------------------------------


def test_the_old_grid_is_refused_with_the_new_spelling():
    assert refused("number=1,3,5") == (
        "-p number: '1,3,5' is read as one value, and should be a valid number. For a grid write -p number=1//3//5"
    )
    assert refused("switch=true, false").endswith("For a grid write -p switch=true//false")
    assert "For a grid write -p number=1//2" in refused("number=1,2", flag="-p (method 'ours')")
    assert "grid" not in refused("number=1,3,5", read=values_of), "where there is no grid none is proposed"


def test_everything_that_is_wrong_is_said_at_once():
    text = refused("number=0//x//2", "count=1.5", "nmes=a", "shape=1", "choice=d", "maybe=x", "items=1,x,y", "table=x")
    assert text.splitlines() == [
        "-p number: '0' should be greater than 0. For instance: -p number=3.0",
        "-p number: 'x' should be a valid number. For instance: -p number=3.0",
        "-p count: '1.5' should be a valid integer, got a number with a fractional part. For instance: -p count=2",
        f"-p: unknown field 'nmes'. Did you mean 'names'? Known: {', '.join(sorted(Every.model_fields))}.",
        "-p shape: '1' has too few elements. For instance: -p shape=1,2,x",
        "-p choice: 'd' should be 'a,b', 'c', 5, True or None. For instance: -p choice=c",
        "-p maybe: 'x' should be a valid integer",
        "-p items: 'x' should be a valid number; 'y' should be a valid number. For instance: -p items=1.0",
        "-p table: 'x' should be a valid dictionary",
    ]


@pytest.mark.parametrize("read", [values_of, grid_of])
@pytest.mark.parametrize(
    "text",
    [
        "number=1e999",
        "number=nan",
        "number=-inf",
        "number=" + "9" * 5000,
        "count=" + "9" * 5000,
        "count=1e999",
        "maybe=" + "-" * 5000,
        "items=1,,2",
        "items=" + "9" * 5000,
        "table=" + "[" * 5000,
        "table=" + "{a=" * 20 + "1" + "}" * 20,
        "table={a=1e999}",
        "table={a=0x" + "f" * 9000 + "}",
        "table={a=1}\nb = 2",
        "flags={a=1}",
        "inner={a=1, c=2}",
        "pairs=1,2",
        "pairs=[[1]]",
        "number=",
        "switch=",
        "choice=",
        "number=\x00",
    ],
)
def test_nonsense_is_one_clear_error(text, read):
    message = refused(text, read=read)
    assert message.startswith(f"-p {text.partition('=')[0]}: '") and len(message) < 600


@pytest.mark.parametrize("flag", ["-p", "--set"])
def test_where_one_value_is_expected_a_grid_is_refused(flag):
    assert refused("number=1//2", "text=a//b", read=values_of, flag=flag).splitlines() == [
        rf"{flag} {name}: '{text}' is a grid, but only one value is allowed here. "
        r"Give one of its values; for two slashes inside a value type \//"
        for name, text in (("number", "1//2"), ("text", "a//b"))
    ]


@pytest.mark.parametrize("text", ["alpha", "=3", ""])
def test_an_assignment_needs_a_name_and_a_value(text):
    with pytest.raises(UsageError, match=f"^-p {text}: expected name=value$"):
        read_assignments([text], "-p")


def test_a_name_given_twice_is_an_error():
    with pytest.raises(UsageError, match="-p a: given twice. Give it once; where a grid is allowed, write -p a=1//2"):
        read_assignments(["a=1", "b=2", "a=1"], "-p")


# --- round trips --------------------------------------------------------------------------------------

WORDS = [
    "Male",
    "x y",
    "a=b",
    r"\//",
    "///",
    "a//b/",
    r"back\slash",
    "none of",
    "3",
    "Ü",
    "'\"",
    "a,b",
    "[x",
    "[7]",
    " x",
]


def examples(kind: Any) -> list[Any]:
    """Return values of a type, within what can be typed."""
    kinds = [k for k in typed_text._kinds(kind) if k is not type(None)]
    found = [None] if type(None) in typed_text._kinds(kind) else []
    for each in kinds:
        of = [arg for arg in get_args(each) if arg is not Ellipsis]
        if get_origin(each) is Literal:
            found += of
        elif get_origin(each) is tuple and ... in get_args(each):
            inner = examples(of[0])
            found += [(), *((one,) for one in inner), tuple(dict.fromkeys(inner))]
        elif get_origin(each) is tuple:
            found += [tuple(examples(arg)[n % len(examples(arg))] for n, arg in enumerate(of))]
        elif get_origin(each) is list:
            found += [[], examples(of[0])]
        elif get_origin(each) is dict:
            found += [{}, {"a b": examples(of[1])[0], "ü": examples(of[1])[-1]}]
        elif each in (int, float, bool, str):
            found += {int: [0, 1, 7, 64], float: [0.0, 0.25, 5e-4, 1e-12, 1.0, 3.0], bool: [True, False], str: WORDS}[
                each
            ]
        elif each is Any:
            found += [0, 1.5, True, "word", {"b": [1, "a"]}]
        else:
            found += [each(), each(**{name: examples(f.annotation)[-1] for name, f in each.model_fields.items()})]
    return found


def same(config: type[Params], fields: dict[str, Any]) -> None:
    typed = assignments(fields)
    back = values_of(config, read_assignments(typed, "-p"), "-p")
    assert config.model_validate(back) == config.model_validate(fields)
    assert grid_of(config, read_assignments(typed, "-p"), "-p") == [back]
    plain = {name: value for name, value in fields.items() if not isinstance(value, (dict, list, tuple, Params))}
    assert {name: back[name] for name in plain} == plain


def of_one_field(config: type[Params]) -> list[dict[str, Any]]:
    """Return every example of every field that the field takes, each with what it needs to have an effect."""
    found = []
    for name, field in config.model_fields.items():
        for value in examples(field.annotation):
            fields = {name: value, **needed(config, name)}
            try:
                config.model_validate(fields)
            except ValidationError:
                continue
            found.append(fields)
    return found


def needed(config: type[Params], name: str) -> dict[str, Any]:
    """Return values of other fields without which a field has no effect (``only_with``)."""
    found: dict[str, Any] = {}
    for base in config.__mro__:
        if condition := vars(base).get("only_with", {}).get(name):
            other, _, value = condition.partition(" or ")[0].partition("=")
            some = 0.5 if config.model_fields[other].annotation is float else 1
            found |= {other: value or some}
            found |= needed(config, other)
    return found


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_what_is_written_as_p_takes_it_is_read_again(name):
    config = CONFIGS[name]
    required = [field for field, info in config.model_fields.items() if info.is_required()]
    if not required:
        same(config, config().model_dump())
    tried = of_one_field(config)
    assert {next(iter(each)) for each in tried} >= {
        field for field, info in config.model_fields.items() if info.annotation in (bool, float) and not required
    }
    for fields in tried:
        same(config, fields)


def test_a_choice_that_is_nearly_right_is_named():
    class Config(Params):
        landing: Literal["threshold", "negative_mean", "reflect"] = "threshold"

    assert refused("landing=negativ_mean", config=Config).endswith("Did you mean -p landing=negative_mean?")
    assert refused("landing=Reflect", config=Config).endswith("Did you mean -p landing=reflect?")
    assert refused("landing=xyz", config=Config).endswith("For instance: -p landing=threshold")


def test_an_element_that_is_named_twice_is_refused():
    class Config(Params):
        keep: Names = ()
        layers: Annotated[tuple[int, ...], EachOnce] = ()

    assert "'Male,Young,Male': names Male twice" in refused("keep=Male,Young,Male", config=Config)
    assert "'8,8': names 8 twice" in refused("layers=8,8", config=Config)
    assert values_of(Config, {"keep": "Male,Young"}, "-p") == {"keep": ("Male", "Young")}


def test_every_type_survives_a_round_trip():
    tried = of_one_field(Every)
    assert {next(iter(each)) for each in tried} == set(Every.model_fields)
    for fields in tried:
        same(Every, fields)


@pytest.mark.parametrize("suite", suite_names())
def test_every_field_of_a_built_in_suite_survives_a_round_trip(suite):
    loaded: Suite = load_suite(suite)
    count = 0
    for settings in loaded.models.values():
        same(CONFIGS["methods/ours"], settings.student)
        count += len(settings.student)
        for name, fields in settings.methods.items():
            same(CONFIGS[f"methods/{name}"], fields)
            count += len(fields)
    for model, settings in loaded.models.items():
        same(CONFIGS[f"models/{model}"], settings.pretrain)
        count += len(settings.pretrain)
    for variant in loaded.variants:
        same(CONFIGS[f"methods/{variant.method}"], variant.params)
        count += len(variant.params)
    assert count > 10


def test_keys_outside_the_basic_plane_are_written_and_read():
    class Config(Params):
        table: dict[str, str] = {}

    table = {"\U0001f600": "\x7f", "\x7f": "\U0001f600", "\\ud83d": "\\"}
    typed = read_assignments(assignments({"table": table}), "-p")
    assert values_of(Config, typed, "-p") == {"table": table}

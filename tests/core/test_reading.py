"""Text files of people and other programs: what is not part of a text is dropped, and what Python misreads is refused."""

from __future__ import annotations

import codecs
import os

import pytest

from bench.core.reading import parse_json, parse_toml, read_json, read_text, read_toml, text_of

LONG = "9" * 4301


@pytest.mark.parametrize(
    "data",
    [
        b"a = 1\nb = '\xc3\xa9'\n",
        b"a = 1\r\nb = '\xc3\xa9'\r\n",
        codecs.BOM_UTF8 + b"a = 1\nb = '\xc3\xa9'\n",
        codecs.BOM_UTF8 + b"a = 1\r\nb = '\xc3\xa9'\r\n",
        codecs.BOM_UTF16_LE + "a = 1\r\nb = 'é'\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "a = 1\nb = 'é'\n".encode("utf-16-be"),
    ],
)
def test_marks_and_line_ends_are_not_part_of_a_text(data, tmp_path):
    (tmp_path / "x.toml").write_bytes(data)
    assert text_of(data) == "a = 1\nb = 'é'\n"
    assert read_toml(tmp_path / "x.toml") == {"a": 1, "b": "é"}


@pytest.mark.parametrize("data", [b"\xff", b"caf\xe9", b"a\x80", codecs.BOM_UTF16_LE + b"a"])
def test_other_bytes_are_not_a_text(data):
    with pytest.raises(ValueError, match=r"is not a text in UTF-8 \(byte \d+ is 0x"):
        text_of(data)


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("pipe", "is not a regular file"), (".", "is a folder")):
        with pytest.raises(ValueError, match=reason):
            read_text(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "b": 2, "a": 3}', 'holds the key "a" twice in one object'),
        ('{"x": [{"a": 1, "a": 1}]}', 'holds the key "a" twice in one object'),
        ('{"a": NaN}', "holds NaN, which is not a JSON value"),
        ("[-Infinity]", "holds -Infinity"),
        ("[1e999]", "holds 1e999, which is too large a number"),
        (LONG, "holds a number of more than 4,300 digits"),
        ("[" * 100_000, "is nested more than 100 levels deep"),
        ("[" * 101 + "]" * 101, "is nested more than 100 levels deep"),
        ('{"a": ' * 101 + "1" + "}" * 101, "is nested more than 100 levels deep"),
        ("{", "Expecting property name"),
    ],
)
def test_json_that_python_misreads_is_refused(text, reason):
    with pytest.raises(ValueError) as error:
        parse_json(text)
    assert str(error.value).startswith(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"a = {LONG}", "holds a number of more than 4,300 digits"),
        (f"a = [{{b = {LONG}}}]", "holds a number of more than 4,300 digits"),
        ("a = 0x" + "f" * 3600, "holds a number of more than 4,300 digits"),
        ("a = " + "[" * 100_000, "is nested more than 100 levels deep"),
        ("a = " + "[" * 101 + "]" * 101, "is nested more than 100 levels deep"),
        (".".join("a" * 100_000) + " = 1", "is nested more than 100 levels deep"),
        ("[" + ".".join("a" * 5_000) + "]", "is nested more than 100 levels deep"),
        ("a = 1\na = 2", "Cannot overwrite a value"),
    ],
)
def test_toml_that_python_misreads_is_refused(text, reason):
    with pytest.raises(ValueError) as error:
        parse_toml(text)
    assert str(error.value).startswith(reason)


def test_what_is_just_within_the_limits_is_read():
    assert parse_json('[{"a": 1}, {"a": 1}, 1e308, ' + LONG[1:] + "]")[3] == int(LONG[1:])
    assert parse_json("[" * 100 + "]" * 100) is not None
    assert parse_toml(".".join("a" * 50) + " = 0x" + "f" * 3500) is not None

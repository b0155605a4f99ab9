"""Texts and bytes that are nearly right: what finds faults in parsers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

ODD = ["", "\0", "-1", "0", "1e999", "nan", "∞", "٣", "9" * 400, "9" * 5000, "é", "😀", "../..", "=", "//", "[", "{", '"', "'", "\\", "\n", "\ufeff", "\x1b[31m"]  # fmt: skip
LEAF = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from([10**30, -(10**30), 1e308, 2**63, "", "\0", "all", "x" * 300])
)  # fmt: skip
VALUES = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6)  # fmt: skip


@st.composite
def near_text(draw: st.DrawFn, samples: Sequence[str]) -> str:
    """Change a sample in up to three places, or make up a text."""
    text = draw(st.sampled_from(samples) | st.text(max_size=20))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        stop = draw(st.integers(start, min(len(text), start + 4)))
        text = text[:start] + draw(st.sampled_from(ODD) | st.text(max_size=4)) + text[stop:]
    return text


@st.composite
def near_bytes(draw: st.DrawFn, sound: bytes) -> bytes:
    """Flip bits of a file, cut pieces out of it, put others in, or make up bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    found = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(found) - 1)))
        change = draw(st.sampled_from(["flip", "set", "cut", "insert", "repeat", "end"]))
        if change == "flip" and found:
            found[place] ^= 1 << draw(st.integers(0, 7))
        elif change == "set" and found:
            found[place] = draw(st.integers(0, 255))
        elif change == "cut":
            del found[place : place + draw(st.integers(1, 40))]
        elif change == "insert":
            found[place:place] = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([t.encode() for t in ODD]))
        elif change == "repeat":
            found[place:place] = found[place : place + draw(st.integers(1, 60))]
        else:
            del found[place:]
    return bytes(found)


@st.composite
def near_json(draw: st.DrawFn, sound: dict[str, Any]) -> dict[str, Any]:
    """Change one or two values of a JSON object, at any depth; leave one out, or add one."""
    content = sound
    for _ in range(draw(st.integers(1, 2))):
        content = _changed(draw, content)
    return content


def _changed(draw: st.DrawFn, content: Any) -> Any:
    if isinstance(content, dict) and content and draw(st.integers(0, 4)):
        name = draw(st.sampled_from(sorted(content)))
        if draw(st.integers(0, 5)) == 0:
            return {key: value for key, value in content.items() if key != name}
        return {**content, name: _changed(draw, content[name])}
    if isinstance(content, dict):
        return {**content, draw(st.text(max_size=5)): draw(VALUES)}
    if isinstance(content, list) and content and draw(st.booleans()):
        place = draw(st.integers(0, len(content) - 1))
        return [*content[:place], _changed(draw, content[place]), *content[place + 1 :]]
    return draw(VALUES)

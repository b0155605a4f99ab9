"""Feedback in files."""

from __future__ import annotations

import json

from bench.feedback.file import to_file

WEIGHTS = "ab" * 32


def write(path, feedback, generator, oracle=None):
    described = to_file(path, feedback, "bars", WEIGHTS, generator, oracle, "thickness")
    path.write_text(described.model_dump_json())
    return json.loads(path.read_text())


# --- what is refused ----------------------------------------------------------------------------------


def change(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

"""Small cells: parameters for a quick one, and what is stored."""

from __future__ import annotations

import json

QUICK = ("-p", "epochs=4", "-p", "batch_size=8")


def records(done):
    return [json.loads(line) for line in done.out.splitlines()]


def folders(tmp_path):
    return sorted(p for p in (tmp_path / "runs").iterdir() if p.name != ".stages")

"""Records made by hand."""

from __future__ import annotations

from bench.workspace.store.record import Record

KEY = "ab" * 32
MACHINE = {
    "bench": "0", "git_commit": None, "python": "3", "packages": {}, "device": "cpu", "threads": 1, "bfloat16": False,
    "command": None,
}  # fmt: skip


def made_record(key=KEY, settings=None, extractors=None, weights="vae-mnist", stages=None, **changed):
    """Return a record of ``ours`` on the VAE, with fields of it, or of its provenance, as given."""
    fields = {
        "key": key, "status": "ok", "suite": "lite", "method": "ours", "model": "vae", "dataset": "mnist",
        "feature": "slant", "seed": 0, "params": {}, "metrics": {},
        "provenance": {
            "machine": MACHINE,
            "settings": settings or {"dataset": "mnist"},
            "data": "MNIST (real)",
            "weights": {"path": weights, "sha256": "0"},
            "extractors": extractors or {},
            "stages": {"feedback": "1" * 64, "unlearn": "2" * 64, "original": "3" * 64, "columns": "4" * 64, "evaluate": key, **(stages or {})},
        },
    }  # fmt: skip
    return Record(**{**fields, **changed})

"""The columns of a perfect and of a null outcome."""

from __future__ import annotations

from bench.authoring.conformance.toys import toy_columns

PERFECT, NULL = toy_columns(perfect=True), toy_columns(perfect=False)

"""Reword errors of the engine for Python callers: they name the argument, not the command line's option."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import BenchError

SPELLINGS = (  # in this order: what the command line's error says, and what an error of the function CALL says
    (r"--set oracle\.(?:feedback|evaluation)=FILE", r"CALL(oracle=FILE)"),
    (r"--set oracle\.(?:feedback|evaluation)=(\S+\.safetensors)(?!:)", r"CALL(oracle='\1')"),
    (r"none: --set evaluation\.extractors=$", r"none: CALL(extractors=[])"),
    (r"--set evaluation\.extractors=NAME", r"CALL(extractors=[NAME])"),
    (r"^--set oracle\.(?:feedback|evaluation)=([^\s:]+):", r"CALL(oracle='\1'):"),
    (r" \(--feature\)", ""),
    (r"^--set evaluation\.extractors:", r"CALL(extractors=...):"),
    (r"^--feature \(data set '([^']+)'\):", r"CALL(dataset='\1', feature=...):"),
    (r"^--(dataset|device|suite) (\S+):", r"CALL(\1='\2'):"),
    (r"^--(dataset|suite):", r"CALL(\1=...):"),
    (r"^Task\(", r"CALL("),
    (r" \(--(?:feedback FILE|set feedback\.count=\w+)\)", ""),
    (r"\(-p (\w+=[^)]*)\)", r"(\1)"),
    (r"--dataset NAME\b", "dataset=NAME"),
    (r"\(bench sample, bench feedback\)", "(bench.sample, bench.make_feedback)"),
    (r"--plugins DIR\b", "plugins=DIR"),
    (r"--data-dir data\b", "data_dir='data'"),
    (r"--data-dir\b", "data_dir="),
)


@contextmanager
def arguments_of(call: str) -> Iterator[None]:
    """Let an error of the engine name the arguments of ``call``; a context, or a decorator of that function."""
    try:
        yield
    except BenchError as error:
        message = str(error)
        for option, argument in SPELLINGS:
            message = re.sub(option, argument.replace("CALL", call), message, flags=re.MULTILINE)
        error.args = (message,)
        raise

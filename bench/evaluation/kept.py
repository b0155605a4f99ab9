"""Settings of torch in which numbers are computed: a stranger's metric does not change them for what follows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bench.errors import BenchError


@contextmanager
def kept_settings() -> Iterator[None]:
    """Put torch's settings back as they were; raises BenchError if they were changed."""
    threads, kind, strict = _settings()
    yield
    if (threads, kind, strict) == _settings():
        return
    torch.set_num_threads(threads)
    torch.set_default_dtype(kind)
    torch.use_deterministic_algorithms(strict)
    raise BenchError(
        "changes a setting of torch (threads, default type, deterministic algorithms), in which other numbers are "
        "computed. Leave it as it is"
    )


def _settings() -> tuple[int, torch.dtype, bool]:
    return torch.get_num_threads(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()

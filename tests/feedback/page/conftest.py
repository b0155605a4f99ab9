"""The page on the model ``bars``, served on a free port; and a browser."""

from __future__ import annotations

import pytest
import torch
from page_site import running

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from bench.feedback.page import session

COUNT = 120


@pytest.fixture
def asked(bars, tmp_path):
    return session.ClickRequest(
        str(bars.weights), "bars", "thickness", ("slant",), COUNT, "feedback/0", tmp_path / "clicks"
    )


@pytest.fixture
def desk(asked, bars):
    asked.folder.mkdir()
    return session.opened(asked, bars.registry, torch.device("cpu"))


@pytest.fixture
def site(desk):
    with running(desk) as found:
        found.get("/images/0/0?size=50")  # the first page is laid out
        yield found

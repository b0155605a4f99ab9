"""The pictures of the pages in the documentation are pictures of the pages: taken here, from generated faces.

``BENCH_SCREENSHOTS=docs/assets pytest -m "slow or not slow" tests/docs/test_screenshots.py`` takes them anew.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

MOST = 200_000  # bytes of a picture
SHOTS = Path(os.environ.get("BENCH_SCREENSHOTS", "")).resolve()

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def take(tab, name, tmp_path, **how):
    """Take a picture in few colours, and check that something is on it."""
    picture = Image.open(io.BytesIO(tab.screenshot(**how))).convert("RGB").quantize(96, dither=Image.Dither.NONE)
    folder = SHOTS if os.environ.get("BENCH_SCREENSHOTS") else tmp_path
    picture.save(folder / f"{name}.png", optimize=True)
    assert (folder / f"{name}.png").stat().st_size < MOST
    assert np.asarray(picture.convert("L")).std() > 15
    return folder / f"{name}.png"


@pytest.fixture
def site(tmp_path):
    """Serve faces of the shipped ProgGAN; the simulated user has clicked beards and men on the first page."""
    pytest.importorskip("starlette", reason="the extra serve is not installed")
    from page_site import running

    import bench
    from bench.feedback.page import session
    from bench.registry import Registry

    asked = session.ClickRequest(
        "proggan-synthfaces", "proggan", "beard", ("Male",), 500, "feedback/0", tmp_path / "clicks"
    )
    asked.folder.mkdir()
    desk = session.opened(asked, Registry(), torch.device("cpu"))
    with running(desk) as found:
        found.get("/images/0/0?size=250")
        shown = bench.sample(bench.load("proggan-synthfaces"), 250, stream="feedback/0")
        for number, name in enumerate(("beard", "Male")):
            oracle, _ = bench.ask_oracle(shown, name, dataset="synthfaces")
            found.click(*([int(n), True] for n in np.flatnonzero(oracle)), attribute=number)
            desk.book.look("original", name, range(250))
        yield found


def test_the_page_of_clicks(site, new_tab, tmp_path):
    tab = new_tab(viewport={"width": 960, "height": 640})
    tab.goto(f"{site.address}/images/0/0?size=50")
    tab.wait_for_selector("#preview img")
    tab.wait_for_timeout(500)
    take(tab, "serve-images", tmp_path)
    tab.goto(f"{site.address}/preview")
    tab.wait_for_timeout(500)
    take(tab, "serve-preview", tmp_path, full_page=True)
    phone = new_tab(viewport={"width": 360, "height": 640}, color_scheme="dark")
    phone.goto(f"{site.address}/images/0/0?size=50")
    phone.wait_for_timeout(500)
    take(phone, "serve-telephone", tmp_path)


def test_the_report(bench_cli, new_tab, tmp_path):
    small = ("--set", "feedback.count=1000", "--set", "evaluation.count=1000", "--device", "cpu")
    grid = ("--model", "proggan", "--feature", "beard", "--seed", "0-1", *small)
    for method in ("latent_edit", "ours -p epochs=60"):
        done = bench_cli("run", "--method", method, *grid, cwd=tmp_path)
        assert done.code == 0, done.err
    assert bench_cli("report", "--out", "report.html", cwd=tmp_path).code == 0
    tab = new_tab(viewport={"width": 1100, "height": 900})
    tab.goto((tmp_path / "report.html").as_uri())
    take(tab, "report", tmp_path, clip={"x": 0, "y": 0, "width": 1100, "height": 1500}, full_page=True)

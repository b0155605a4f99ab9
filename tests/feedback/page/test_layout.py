"""Which sample stands where: every sample once, some again later, the likely ones first where that is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.errors import UsageError
from bench.feedback.page.guess import direction_of, preview_of
from bench.feedback.page.layout import AGAIN, _ordered, page_of, tiles_in_all
from bench.feedback.page.samples import Samples
from bench.toolkit.latent import DirectionParams, fit_direction


@pytest.fixture
def round_(desk):
    return desk.original


def test_all_samples_are_shown_in_their_order_and_some_again(desk, round_):
    first = page_of(desk.book, round_, 0, 50, likely=False)
    assert desk.book.tiles("original") == [(n, False) for n in range(50)] and first == list(range(50))
    page_of(desk.book, round_, 500, 50, likely=False)
    tiles = desk.book.tiles("original")
    assert [sample for sample, again in tiles if not again] == list(range(120))
    for place, (sample, again) in enumerate(tiles):
        if again:
            earlier = tiles.index((sample, False))
            assert earlier // 50 < place // 50, "on an earlier page"
    assert sum(again for _, again in tiles) == 2 * (50 // (AGAIN + 1)) and tiles_in_all(desk.book, round_) == len(tiles)


def test_a_page_stays_as_it_was_shown(desk, round_):
    page_of(desk.book, round_, 0, 50, likely=False)
    before = desk.book.tiles("original")
    page_of(desk.book, round_, 0, 100, likely=True)
    assert desk.book.tiles("original")[:50] == before


def test_likely_samples_come_first(desk, round_):
    """Width follows the first latent: after one page of clicks on wide bars, the next page has wide ones."""
    page = page_of(desk.book, round_, 0, 50, likely=False)
    wide = round_.samples.latents(range(120))[:, 0].numpy() > 0.8
    desk.book.mark("original", "thickness", {tile: bool(wide[tile]) for tile in page})
    desk.book.look("original", "thickness", page)
    page_of(desk.book, round_, 50, 50, likely=True)
    new = [sample for sample, again in desk.book.tiles("original")[50:] if not again]
    share = [np.mean(wide[part]) for part in (new[:10], new[-20:])]
    assert share[0] >= 0.7 and share[1] == 0 and wide[50:].mean() < 0.3


def test_too_few_clicks_are_no_order(desk, round_):
    page = page_of(desk.book, round_, 0, 50, likely=False)
    desk.book.mark("original", "thickness", {1: True, 2: True})
    desk.book.look("original", "thickness", page)
    page_of(desk.book, round_, 50, 50, likely=True)
    assert [sample for sample, again in desk.book.tiles("original")[50:] if not again][:5] == [50, 51, 52, 53, 54]


def test_the_direction_is_the_paper_s(desk, round_):
    known = {n: bool(round_.samples.latents([n])[0, 0] > 0.8) for n in range(60)}
    from bench.api import Feedback

    feedback = Feedback(np.array(list(known.values())), "feedback/0")
    theirs = fit_direction(round_.samples.generator, feedback, DirectionParams())
    ours = direction_of(round_.samples, known)
    for name, value in theirs.state_dict().items():
        assert abs(value - ours.state_dict()[name]).max() < 1e-5, name


def test_clicks_that_define_no_direction_are_no_order_and_have_no_preview(desk, round_, monkeypatch):
    latents = round_.samples.latents
    page_of(desk.book, round_, 0, 500, likely=False)
    tiles = desk.book.tiles("original")
    wide = latents(range(120))[:, 0].numpy() > 0.6
    for name in ("thickness", "slant"):
        desk.book.mark("original", name, {tile: bool(wide[sample]) for tile, (sample, _) in enumerate(tiles)})
        desk.book.look("original", name, range(len(tiles)))
    known = {sample: bool(on) for sample, on in enumerate(wide)}
    assert desk.preview()[1].drags
    monkeypatch.setattr(round_.samples, "latents", lambda of: torch.ones(len(of), latents([0]).shape[1]))
    with pytest.raises(UsageError, match="the same mean latent"):
        direction_of(round_.samples, known)
    assert _ordered(desk.book, round_, tiles, [7, 3, 5], likely=True) == [7, 3, 5]
    desk.book.mark("original", "thickness", {0: not wide[tiles[0][0]]})
    assert desk.preview() is None


def test_of_an_attribute_without_a_direction_a_preview_says_nothing(round_):
    latents = round_.samples.latents(range(120))
    known = {n: bool(latents[n, 0] > 0.6) for n in range(120)}
    alike = Samples(round_.samples.generator, "feedback/0", 120)
    alike.latents = lambda of: torch.stack([latents[n] if len(of) != 20 else latents[0] for n in of])
    found = preview_of(alike, known, {"slant": {n: n % 2 == 0 for n in range(20)}, "width": known})
    assert [drag.attribute for drag in found.drags] == ["width"] and len(found.clicked) == 6


def test_the_preview_shows_what_goes_and_what_it_drags_along(desk, round_):
    """Lean is clicked to follow width here, so the direction of width drags it along."""
    z = round_.samples.latents(range(120)).numpy()
    page_of(desk.book, round_, 0, 500, likely=False)
    tiles = desk.book.tiles("original")
    for name, column in (("thickness", z[:, 0] > 0.6), ("slant", z[:, 0] + 0.3 * z[:, 1] > 0.3)):
        assert desk.preview() is None or name == "slant"
        desk.book.mark("original", name, {tile: bool(column[sample]) for tile, (sample, _) in enumerate(tiles)})
        desk.book.look("original", name, range(len(tiles)))
    number, preview = desk.preview()
    assert len(preview.clicked) == 6 and len(preview.changed) == 4 and all(p[:4] == b"\x89PNG" for p in preview.clicked)
    (drag,) = preview.drags
    assert drag.attribute == "slant" and drag.strong and drag.shift < 0
    assert desk.preview()[0] == number, "nothing is drawn again"

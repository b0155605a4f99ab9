"""State dicts that do not fit the layout they are said to have."""

from __future__ import annotations

import pytest
import torch
from official_files import (
    GAIN,
    TINY_OPTIONS,
    pgan,
    save_pgan,
    vdvae,
    without,
)
from torch import nn

WRONG_VDVAE = {
    "missing": (lambda: without(vdvae(), GAIN), "does not fit what -p describes: it lacks decoder.gain. The published"),
    "extra": (lambda: vdvae() | {"decoder.more": torch.ones(1)}, "its decoder.more is unexpected. "),
    "misshaped": (lambda: vdvae() | {GAIN: torch.ones(1, 8, 1, 1)}, "decoder.gain has shape (1, 8, 1, 1), not (1, 16, "),
    "another architecture": (lambda: nn.Linear(2, 2).state_dict(), "more differences. The published sizes are cifar10,"),
    "NaN": (lambda: vdvae() | {GAIN: torch.full((1, 16, 1, 1), torch.nan)}, "decoder.gain holds NaN or infinite values. Import weights from before the training diverged"),
    "integers": (lambda: vdvae() | {GAIN: torch.ones(1, 16, 1, 1, dtype=torch.int64)}, "its decoder.gain has type torch.int64, expected torch.float32"),
    "a list": (lambda: [torch.ones(2)], "its content is not a state dict (names and tensors) but of type list"),
    "nothing": (dict, "its content is not a state dict (names and tensors) but of type dict"),
    "an optimiser": (lambda: {"state": {}, "param_groups": []}, "is not a state dict (names and tensors): 'state' is not a plain tensor"),
    "a whole module": (lambda: nn.Linear(2, 2), "refused, and nothing in it was run: it asks for 'torch.nn.modules."),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_VDVAE)
def test_a_wrong_vdvae_is_refused(case, tmp_path, refuse):
    make, message = WRONG_VDVAE[case]
    torch.save(make(), tmp_path / "model-ema.th")
    assert message in refuse(tmp_path / "model-ema.th", "vdvae", *TINY_OPTIONS)


def test_an_unpublished_vdvae_is_told_how_to_be_described(tmp_path, refuse):
    torch.save(vdvae(), tmp_path / "model-ema.th")
    error = refuse(tmp_path / "model-ema.th")
    assert "does not fit preset=cifar10: it lacks" in error and "-p preset=imagenet64 -p width=384" in error


def test_sparse_tensors_are_refused_without_a_warning(tmp_path, refuse, recwarn):
    torch.save(vdvae() | {GAIN: torch.eye(2).to_sparse()}, tmp_path / "sparse.th")
    assert "is not a state dict (names and tensors): 'decoder.gain' is not a plain tensor" in refuse(
        tmp_path / "sparse.th"
    )
    assert not recwarn.list


def changed(**parts):
    return lambda: pgan() | parts


def in_average(**tensors):
    return lambda: (content := pgan()) | {"avgG": content["avgG"] | tensors}


BIAS = "formatLayer.module.bias"
WRONG_PGAN = {
    "missing": (lambda: (c := pgan()) | {"avgG": without(c["avgG"], BIAS)}, "it lacks avgG.formatLayer.module.bias."),
    "extra": (in_average(more=torch.ones(1)), "does not fit what its config describes: its avgG.more is unexpected"),
    "misshaped": (in_average(**{BIAS: torch.ones(64)}), "avgG.formatLayer.module.bias has shape (64,), not (128,)"),
    "NaN": (in_average(**{BIAS: torch.full((128,), torch.inf)}), "avgG.formatLayer.module.bias holds NaN or infinite"),
    "no critic": (changed(netD=None), "its netD is not a state dict (names and tensors) but of type NoneType"),
    "tanh": (lambda: pgan(lossCriterion="DCGAN"), "lossCriterion: should be 'WGANGP' or 'Logistic' (got 'DCGAN')"),
    "conditional": (lambda: pgan(categoryVectorDim=4), "categoryVectorDim: should be 0 (got 4)"),
    "widths": (lambda: pgan(depthOtherScales=[4, 8]), "its channels, (8, 4, 8) from 4x4 up, do not follow min(fmap_base"),
    "settings": (lambda: pgan(depthOtherScales="many", alpha=7), "its config cannot be imported: 2 wrong value(s)"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_PGAN)
def test_a_wrong_pgan_is_refused(case, tmp_path, refuse):
    make, message = WRONG_PGAN[case]
    assert message in refuse(save_pgan(tmp_path / "gan.pth", make()), "pgan")


def test_one_format_for_the_other_is_refused(tmp_path, refuse):
    torch.save(vdvae(), tmp_path / "model-ema.th")
    assert "not a pgan file, it has no 'config'" in refuse(tmp_path / "model-ema.th", "pgan")
    assert "is not a state dict (names and tensors): 'netG' is not a plain tensor" in refuse(
        save_pgan(tmp_path / "gan.pth", pgan()), "vdvae"
    )

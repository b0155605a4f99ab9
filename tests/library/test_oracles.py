"""Oracles that are named, and images in and out of their range."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import bench
from bench.api import NoiseLatentGenerator
from bench.errors import CheckpointError, UsageError

# --- oracles that are named ---------------------------------------------------------------------------

LABELS = np.arange(6) < 2


class Skins(NoiseLatentGenerator):
    """Faces without a face, of three colours."""

    noise_dim = latent_dim = 3
    image_shape = (3, 64, 64)

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(1))

    def render(self, latents):
        return torch.sigmoid(self.gain * latents)[:, :, None, None].expand(-1, 3, 64, 64)


def test_an_oracle_is_named_by_the_file_that_holds_it():
    """Data set celeba has no oracle of its own here; what synthfaces' two copies say of its images is compared."""
    skins, copies = Skins().eval(), ("mobilenet-synthfaces-a", "mobilenet-synthfaces-b")
    images = bench.sample(skins, 64, stream="evaluation")
    share = {name: bench.ask_oracle(images, "bang", "celeba", oracle=name)[0].mean() for name in copies}
    assert bench.ask_oracle(images, "bang", "synthfaces")[0].mean() == share[copies[0]] != share[copies[1]]
    for name in copies:
        task = {"feature": "bang", "dataset": "celeba", "oracle": name}
        measured = bench.evaluate(skins, skins, **task, extractors=(), count=64).loc["target_ratio"]
        assert measured["value"] == share[name]
        assert measured["source"] == f"CelebA (real photographs); oracle {name}; 64 samples of Skins"
        feedback = bench.make_feedback(np.arange(64) < 8, stream="evaluation")
        unlearned = bench.unlearn(skins, feedback, "reject", task=bench.Task(**task), redraws=1)
        assert unlearned.oracle.weights == unlearned.generator.oracle.weights == name


def test_an_oracle_that_is_missing_is_named_as_in_python(tmp_path):
    """The copy that is asked is wanted, and no other; a file that is named serves as both."""
    skins, task = Skins().eval(), {"feature": "bang", "dataset": "celeba"}
    feedback = bench.make_feedback(LABELS, stream="s")
    calls = {
        "ask_oracle": lambda **more: bench.ask_oracle(bench.sample(skins, 2), **task, **more),
        "evaluate": lambda **more: bench.evaluate(skins, skins, **task, **more),
        "bench.Task": lambda **more: bench.unlearn(skins, feedback, "reject", task=bench.Task(**task, **more)),
    }
    for call, of in calls.items():
        with pytest.raises(CheckpointError) as caught:
            of()
        copy, seed = ("b", 1) if call == "evaluate" else ("a", 0)
        name, told = f"mobilenet-celeba-{copy}", str(caught.value)
        assert f"'{name}'" in told and told.count("mobilenet-celeba-") == 3
        assert (
            f"bench pretrain --classifier mobilenet --dataset celeba --seed {seed} --out {name}.safetensors; and"
            in told
        )
        assert told.count(f"{call}(oracle='{name}.safetensors')") == 1 and "--set" not in told
        with pytest.raises(CheckpointError, match=rf"--out {tmp_path}/x.safetensors"):
            of(oracle=tmp_path / "x.safetensors")
        with pytest.raises(UsageError, match="the oracle 'digits' does not know the feature 'bang'"):
            of(oracle="digits")


def test_an_oracle_that_is_not_asked_is_refused(original, clicked):
    with pytest.raises(
        UsageError, match=r"^ask_oracle\(oracle='digits'\): the oracle 'digits' does not know the feature 'slant'"
    ):
        bench.ask_oracle(bench.sample(original, 2), "slant", "mnist", oracle="digits")
    for more in {"oracle": "digits"}, {"threshold": 3.0}, {"extractors": ["digits"]}:
        with pytest.raises(UsageError, match=f"^evaluate: {next(iter(more))}= .*; give feature= and dataset= too$"):
            bench.evaluate(original, original, **more)
    with pytest.raises(UsageError, match=r"is a generator; draw images with it: bench.sample\(generator, 500\)"):
        bench.ask_oracle(original, "thickness", "mnist")


def test_an_oracle_that_was_trained_on_another_shape_is_refused_in_one_sentence(original):
    told = r"^ask_oracle\(oracle=\S+\): cannot see such images: it was trained on \(3, 64, 64\)"
    for images, dataset in (bench.sample(original, 2), "mnist"), (np.zeros((2, 3, 128, 128), np.uint8), "celeba128"):
        with pytest.raises(UsageError, match=told):
            bench.ask_oracle(images, "beard", dataset, oracle="mobilenet-synthfaces-a")


# --- the range of images ------------------------------------------------------------------------------


def test_images_in_the_range_are_clicked_alike(original):
    images = bench.sample(original, 40)
    labels, threshold = bench.ask_oracle(images, "thickness", "mnist")
    overshoot = np.where(np.arange(images.size).reshape(images.shape) % 100 == 0, images + 0.4 * (images >= 1), images)
    for same in (
        (images * 255).round().astype(np.uint8),
        torch.from_numpy(images).double(),
        torch.from_numpy(images).requires_grad_(True),
        torch.from_numpy(images.copy()) - 0.04 * torch.from_numpy(images == 0),
        overshoot,
    ):
        found, cut = bench.ask_oracle(same, "thickness", "mnist")
        assert np.array_equal(found, labels) and cut == threshold
    assert overshoot.max() > 1.3


WRONG_RANGES = {
    "0..255": (lambda x: x * 255, r"hold values from 0 to 255, \d+% of them outside \[0, 1\]\. .* images / 255;"),
    "[-1, 1]": (lambda x: x * 2 - 1, r"hold values from -1 to 1, \d+% .* \[-1, 1\], pass \(images \+ 1\) / 2;"),
    "[-0.5, 0.5]": (lambda x: x - 0.5, r"hold values from -0.5 to 0.5, \d+% .* overshoots, images.clip\(0, 1\)$"),
    "NaN": (lambda x: np.where(x > 0.9, np.nan, x), "hold NaN or infinite values"),
    "infinite": (lambda x: np.where(x > 0.9, np.inf, x), "hold NaN or infinite values"),
    "int64": (lambda x: (x * 255).astype(np.int64), "are torch.int64; expected float in .0, 1., or uint8 in 0..255"),
    "bool": (lambda x: x > 0.5, "are torch.bool; expected float in"),
    "complex": (lambda x: x.astype(np.complex64), "are torch.complex64; expected float in"),
    "text": (lambda x: x.astype(str), "is not an array of numbers"),
    "ragged": (lambda x: [x[0], x[0, 0]], "is not an array of numbers"),
}


@pytest.mark.parametrize("case", WRONG_RANGES)
def test_images_in_another_range_are_refused(case, original):
    change, message = WRONG_RANGES[case]
    with pytest.raises(UsageError, match=rf"^ask_oracle\(images\): {message}"):
        bench.ask_oracle(change(bench.sample(original, 40)), "thickness", "mnist")

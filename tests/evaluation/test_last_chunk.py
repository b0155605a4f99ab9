"""What is said of a sample does not depend on how many are drawn: the last chunk has 64 rows too.

Everything here reads the whole batch, so that a shorter last chunk, or one with other samples in it, would show.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import bench
from bench import api
from bench.api.feedback import Feedback
from bench.core import randomness
from bench.core.progress import silent
from bench.core.rendering import by_chunk, to_uint8
from bench.evaluation.counterfactual import Remover
from bench.evaluation.described import Described, Observers
from bench.evaluation.drawing import Pair
from bench.evaluation.passes import Truth, run_pass
from bench.feedback.oracle import simulate_feedback
from bench.library.clicks import ask_oracle
from bench.toolkit.moments import ShownLatents
from bench.workspace.pictures import sample_to_folder

COUNTS = [65, 100, 127, 128, 129]


class Together(api.Generator):
    """Every sample depends on all that are drawn with it."""

    image_shape, noise_dim, latent_dim = (1, 8, 8), 4, 4

    def __init__(self, bias=0.3):
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(bias), requires_grad=False)

    def sample(self, noise):
        latents = noise + noise.sum() / 100 + len(noise) / 1000
        return latents, self.decode(latents, noise)

    def decode(self, latents, noise):
        return torch.sigmoid(latents.repeat(1, 16).view(-1, 1, 8, 8)) + self.bias * latents.mean()


class Judge(api.Classifier):
    attributes, cuts = ("bright", "dark"), {"bright": 100.0, "dark": -100.0}

    def scores(self, images, attributes):
        mean = images.double().mean((1, 2, 3)).numpy() + images.double().mean().item() + len(images)
        return np.stack([mean if name == "bright" else -mean for name in attributes], 1)


class Pixels(api.Extractor):
    classes = ("a", "b")

    def outputs(self, images):
        rows = images.flatten(1) + images.mean() + len(images)
        return rows[:, :5], rows[:, :2]


class Whitened(Remover):
    def __init__(self):
        super().__init__((1, 8, 8), 2)
        self.support.fill_(1)

    def forward(self, images):
        return images * 0.5 + images.mean() / 2 + len(images) / 1000


OBSERVERS = Observers(Judge(), {"pixels": Pixels()})
JUDGE = api.Oracle(Judge(), "judge", "bright", 340.0)


def evaluated(count, cached=None):
    identifier = nn.Linear(4, 1)
    identifier.forward = lambda latents: latents[:, 0] + latents.mean()
    f, g = Together(), Together(0.1)
    truth = Truth(Whitened(), JUDGE)
    return run_pass(Pair(f, g, count), OBSERVERS, silent(), identifier=identifier, cached=cached, truth=truth)


def columns(described):
    return [described.scores, described.embeddings["pixels"], described.logits["pixels"]]


def parts(result):
    mine = [result.pixel_change, result.identifier_scores, result.counterfactual_error]
    return [*columns(result.original), *columns(result.unlearned), *mine]


@pytest.mark.parametrize("count", COUNTS)
def test_an_evaluation_says_of_a_sample_what_a_longer_one_says(count):
    longer, result = evaluated(192), evaluated(count)
    positive = ~np.isnan(longer.counterfactual_error[64:128]).any(1)
    assert 0 < positive.sum() < 64, "the truth is computed for some of the last chunk"
    for all_of_them, found in zip(parts(longer), parts(result), strict=True):
        assert len(found) == count
        np.testing.assert_array_equal(found, all_of_them[:count])


@pytest.mark.parametrize("count", COUNTS)
def test_so_does_one_that_takes_the_stored_description_of_the_original(tmp_path, count):
    first = evaluated(count)
    first.seen.save(tmp_path / "columns.npz")
    again = evaluated(count, Described.load(tmp_path / "columns.npz"))
    for a, b in zip(parts(first), parts(again), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("count", COUNTS)
def test_the_oracle_clicks_what_it_clicks_among_more(count):
    class Sharp(Judge):
        cuts = {"bright": 340.0, "dark": -340.0}

    few, more = (simulate_feedback(Together(), Sharp(), ["bright", "dark"], "s", n)[0] for n in (count, 192))
    assert 0 < few.positives < count
    np.testing.assert_array_equal(few.labels, more.labels[:count])
    np.testing.assert_array_equal(few.also["dark"], more.also["dark"][:count])


@pytest.mark.parametrize("count", COUNTS)
def test_methods_read_the_same_latents(count):
    shown = {n: Feedback(np.arange(n) % 2 == 0, "s") for n in (count, 192)}
    read = {n: torch.cat(list(given.latents(Together()))).numpy() for n, given in shown.items()}
    np.testing.assert_array_equal(read[count], read[192][:count])
    held = ShownLatents(Together(), shown[count], held=True)
    for _ in ("drawn", "held"):
        np.testing.assert_array_equal(np.concatenate(list(held.chunks())), read[count])


def test_the_last_chunk_of_a_noise_array_has_64_rows():
    sizes = []

    class Counting(Together):
        def sample(self, noise):
            sizes.append(len(noise))
            return noise, self.decode(noise, noise)

    noise = randomness.draw("s", range(70), 4).numpy()
    read = torch.cat(list(Feedback(np.arange(70) % 2 == 0, noise_array=noise).latents(Counting())))
    assert sizes == [64, 64]
    np.testing.assert_array_equal(read.numpy(), noise)


@pytest.mark.parametrize("count", COUNTS)
def test_sampling_draws_the_images_that_are_evaluated(tmp_path, count):
    f = Together().eval()
    noise = randomness.draw("evaluation", range(128), 4)
    drawn = np.concatenate([to_uint8(f(noise[:64])).numpy(), to_uint8(f(noise[64:])).numpy()])[:count]
    images = bench.sample(f, count, stream="evaluation")
    np.testing.assert_array_equal((images * 255).round()[:128], drawn)
    sample_to_folder(f, count, tmp_path, "evaluation")
    assert len(list(tmp_path.glob("[0-9]*.png"))) == count
    for i in (0, 64):
        picture = np.asarray(Image.open(tmp_path / f"{i:06d}.png").convert("L"))
        np.testing.assert_array_equal(picture, drawn[i, 0])


def test_an_oracle_that_is_asked_sees_64_images_at_a_time(monkeypatch):
    sizes = []

    class Counting(Judge):
        def scores(self, images, attributes):
            sizes.append(len(images))
            return images.double().mean((1, 2, 3)).numpy()[:, None]

    oracle = SimpleNamespace(name="morpho_mnist", classifier=Counting())  # the data set's own, so it sees no blank ones
    monkeypatch.setattr("bench.library.clicks.oracle_of", lambda *_: oracle)
    images = torch.arange(70 * 28 * 28).view(70, 1, 28, 28).remainder(251).to(torch.uint8)
    labels, _ = ask_oracle(images, "bright", "mnist")
    assert sizes == [64, 64] and len(labels) == 70


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_by_chunk_gives_one_row_for_each(count):
    rows, sizes = torch.arange(float(count))[:, None], []
    found = torch.cat(list(by_chunk(lambda chunk: sizes.append(len(chunk)) or chunk * 2, rows)))
    assert torch.equal(found, rows * 2) and set(sizes) == {64}

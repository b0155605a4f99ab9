"""The training loop: which images each step sees, in which order, and that a stopped training ends alike."""

from __future__ import annotations

import os
import signal
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bench.api import Context, Networks, Split, Trainable, TrainingConfig
from bench.core import machine, modes
from bench.errors import DataError, Diverged, Interrupted
from bench.toolkit.training import build, mixed_precision, train

CPU = torch.device("cpu")
COUNT, SIZE = 11, 4  # two batches an epoch; three images are left over


class Net(nn.Module):
    """What changes in training: weights by the optimiser, a buffer by every pass in train mode."""

    def __init__(self):
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(3), nn.Linear(3, 1)

    def forward(self, x):
        return self.layer(self.norm(x)).square().mean()


class Recipe(Trainable[TrainingConfig]):
    """Writes down what each step is handed. Its updates depend on images, order, noise, progress and past steps."""

    Config = TrainingConfig

    def __init__(self, stop_after=None, loss=None):
        self.seen, self.stop_after, self.loss = [], stop_after, loss

    def build(self, config):
        return Networks(config, encoder=Net(), classifier=nn.Linear(3, 2))

    def optimisers(self, networks):
        return {name: torch.optim.Adam(module.parameters(), lr=0.01) for name, module in networks.modules().items()}

    def training_step(self, networks, optimisers, batch, rng, progress):
        modules = networks.modules().values()
        modes = [m.training and all(p.requires_grad for p in m.parameters()) for m in modules]
        noise = torch.randn(len(batch.images), 3, generator=rng)
        self.seen.append((batch, noise, progress, modes))
        x = batch.images.mean(dim=(1, 2, 3))[:, None] + noise
        loss = networks.encoder(x) + networks.classifier(x).square().mean() * (1 + progress)
        for optimiser in optimisers.values():
            optimiser.zero_grad()
        loss.backward()
        for optimiser in optimisers.values():
            optimiser.step()
        if len(self.seen) == self.stop_after:
            os.kill(os.getpid(), signal.SIGINT)
        return {"loss": loss if self.loss is None else self.loss}

    @property
    def images(self):
        """Return the numbers of the images that each step saw."""
        return [(batch.images[:, 0, 0, 0] * 255).round().int().tolist() for batch, *_ in self.seen]


def numbered(count=COUNT):
    """Return a split whose image i is of grey level i."""
    levels = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    frame = pd.DataFrame({"name": [f"{i}.png" for i in range(count)], "index": range(count)})
    frame["odd"] = frame["index"] % 2 == 1
    return Split(frame, lambda indices: levels[torch.from_numpy(indices)], "numbered")


def seed(text):
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") >> 1


def order(count, epoch, stream="test"):
    """Return the order of an epoch, as DESIGN's rule of seeds gives it."""
    rng = torch.Generator().manual_seed(seed(f"{stream}/epoch:{epoch}"))
    return torch.randperm(count, generator=rng).tolist()


def trained(recipe, epochs=3.0, *, split=None, keep=None, checkpoint=None, stream="test", initial="first"):
    networks = build(recipe, TrainingConfig(), initial)
    context = Context(stream=stream, device=CPU, checkpoint=checkpoint)
    train(recipe, networks, numbered() if split is None else split, context, epochs, SIZE, keep=keep)
    return networks, context


def weights(networks):
    return {f"{n}.{k}": t for n, m in networks.modules().items() for k, t in m.state_dict().items()}


# --- which images, in which order ---------------------------------------------------------------------


def test_every_epoch_has_an_order_of_its_own_from_the_stream():
    recipe = Recipe()
    trained(recipe)
    assert recipe.images == [order(COUNT, epoch)[first : first + SIZE] for epoch in range(3) for first in (0, SIZE)]
    assert order(COUNT, 0) != order(COUNT, 1)
    other = Recipe()
    trained(other, stream="other")
    assert other.images[0] == order(COUNT, 0, "other")[:SIZE] != recipe.images[0]


def test_an_epoch_shows_no_image_twice_and_drops_what_fills_no_batch():
    recipe = Recipe()
    trained(recipe, epochs=20)
    epochs = [sum(recipe.images[i : i + 2], []) for i in range(0, 40, 2)]
    assert all(len(images) == len(set(images)) == 8 for images in epochs), "of eleven"
    assert {image for images in epochs for image in images} == set(range(COUNT)), "other images are dropped each time"


def test_a_last_batch_that_is_full_is_not_dropped():
    recipe = Recipe()
    trained(recipe, epochs=1, split=numbered(2 * SIZE))
    assert sorted(sum(recipe.images, [])) == list(range(2 * SIZE))


@pytest.mark.parametrize(("epochs", "steps"), [(0.1, 1), (0.5, 1), (1, 2), (1.4, 3), (2.5, 5)])
def test_epochs_may_be_a_share(epochs, steps):
    recipe = Recipe()
    _, context = trained(recipe, epochs)
    assert len(recipe.seen) == steps and [row["step"] for row in context.history] == list(range(steps))
    assert [progress for _, _, progress, _ in recipe.seen] == [step / steps for step in range(steps)]


def test_only_what_is_kept_is_trained_on():
    keep = np.arange(COUNT) % 4 != 0  # eight of eleven
    kept, recipe = np.flatnonzero(keep), Recipe()
    trained(recipe, epochs=2, keep=keep)
    orders = [kept[order(8, epoch)].tolist() for epoch in range(2)]
    assert recipe.images == [orders[0][:SIZE], orders[0][SIZE:], orders[1][:SIZE], orders[1][SIZE:]]


def test_images_come_with_their_own_attributes_that_are_numbers():
    recipe = Recipe()
    trained(recipe, keep=np.arange(COUNT) > 2)
    for (batch, *_), numbers in zip(recipe.seen, recipe.images, strict=True):
        assert batch.target_names == ("index", "odd") and batch.targets.dtype == torch.float32
        assert batch.targets.tolist() == [[i, i % 2] for i in numbers]
        assert batch.images.shape == (SIZE, 1, 2, 2) and batch.images.dtype == torch.float32
        assert torch.equal(batch.images[:, 0, 0, 0], torch.tensor(numbers) / 255)


def test_every_step_draws_from_its_own_seed():
    recipe = Recipe()
    trained(recipe)
    for step, (_, noise, _, _) in enumerate(recipe.seen):
        assert torch.equal(noise, torch.randn(SIZE, 3, generator=torch.Generator().manual_seed(seed(f"test:{step}"))))


# --- what becomes of the networks ---------------------------------------------------------------------


def test_networks_train_in_train_mode_and_end_in_eval_mode():
    recipe = Recipe()
    networks = build(recipe, TrainingConfig(), "first")
    before = {name: tensor.clone() for name, tensor in weights(networks).items()}
    for module in networks.modules().values():
        module.eval().requires_grad_(False)  # as a loaded network is
    train(recipe, networks, numbered(), Context(stream="test", device=CPU), 1, SIZE)
    assert all(modes == [True, True] for _, _, _, modes in recipe.seen)
    for module in networks.modules().values():
        assert not any(m.training for m in module.modules()) and not any(p.requires_grad for p in module.parameters())
    assert all(not torch.equal(tensor, before[name]) for name, tensor in weights(networks).items())


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5])  # within an epoch, at its end, in the next ones
def test_a_training_that_was_stopped_ends_with_the_same_weights_to_the_last_bit(stop, tmp_path, interrupts_arrive):
    whole = Recipe()
    networks, context = trained(whole)
    first, second, file = Recipe(stop_after=stop), Recipe(), tmp_path / "checkpoint.pt"
    with pytest.raises(Interrupted, match=f"stopped after step {stop} of 6"):
        trained(first, checkpoint=file)
    resumed, later = trained(second, checkpoint=file, initial="other weights, which the checkpoint replaces")
    assert first.images + second.images == whole.images and len(second.images) == 6 - stop
    for name, tensor in weights(networks).items():
        assert torch.equal(weights(resumed)[name], tensor), name
    assert later.history == context.history


def test_a_training_that_diverges_is_stopped_at_its_step():
    with pytest.raises(Diverged, match="loss = nan at step 0"):
        trained(Recipe(loss=float("nan")))


@pytest.mark.parametrize("keep", [None, np.arange(COUNT) < 3])
def test_too_few_images_are_an_error_before_anything_changes(keep):
    recipe = Recipe()
    networks = build(recipe, TrainingConfig(), "first")
    before = {name: tensor.clone() for name, tensor in weights(networks).items()}
    split = numbered(3) if keep is None else numbered()
    with pytest.raises(DataError, match="3 training images do not fill one batch of 4"):
        train(recipe, networks, split, Context(stream="test", device=CPU), 1, SIZE, keep=keep)
    assert not recipe.seen and all(torch.equal(tensor, before[n]) for n, tensor in weights(networks).items())


# --- initial weights, precision -----------------------------------------------------------------------


def test_initial_weights_follow_from_the_stream_and_leave_the_random_state_alone():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        state = torch.get_rng_state()
        a = weights(build(Recipe(), TrainingConfig(), "first"))
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(2)
        b, c = (weights(build(Recipe(), TrainingConfig(), stream)) for stream in ("first", "second"))
        torch.manual_seed(seed("first/init:0"))
        expected = Net().layer.weight
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["classifier.weight"], c["classifier.weight"])
    assert torch.equal(a["encoder.layer.weight"], expected)


@pytest.mark.parametrize(
    ("processor", "wanted", "kind"),
    [
        ("AVX512", True, torch.bfloat16),
        ("AVX512", False, torch.float32),
        ("AVX2", True, torch.float32),  # emulated there, ten times slower than float32
        ("DEFAULT", True, torch.float32),
    ],
)
def test_bfloat16_where_the_processor_has_it(processor, wanted, kind, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    with mixed_precision(CPU, wanted):
        assert torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3)).dtype == kind
    assert machine.provenance(CPU)["bfloat16"] == (processor == "AVX512")


def test_within_another_autocast_each_step_sees_the_weights_of_the_last_one(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")  # elsewhere it is emulated
    layer, ones = nn.Linear(3, 1, bias=False), torch.ones(1, 3)
    with modes.ordinary():  # as methods run; autocast's cache of weights outlives the inner context there
        for value in (1.0, 2.0):
            with torch.no_grad():
                layer.weight.fill_(value)
            with mixed_precision(CPU, True):
                assert layer(ones).item() == 3 * value

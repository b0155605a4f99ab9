"""Methods beyond the paper, at both ends: the feature goes where the answer is known; at weight 0 nothing changes."""

from __future__ import annotations

import sys
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import torch
from bar_toys import Bars, bars, clicked, left, right
from latent_toys import DIM, Identity, Layered, clicks, planted
from torch import nn

from bench.api import Networks, NoiseLatentGenerator, Split, TrainingConfig, TrainingData, UsageError
from bench.api.context import Context
from bench.core import randomness
from bench.registry import Registry
from bench.toolkit.training import build, train
from bench.toolkit.weights import moved as moved_weights

REGISTRY = Registry()


def unlearned(name, generator, feedback, **params):
    method = REGISTRY.get("methods", name)
    return method(method.Config(**params)).unlearn(generator, feedback, Context("test", torch.device("cpu")))


def fresh(dim, count=400):
    return randomness.draw("fresh", range(count), dim)


# --- what is trained ----------------------------------------------------------------------------------

TRAINED = {
    "surrogate": {"epochs": 60, "weight": 1.0, "lr": 5e-2, "surgery": "none", "members": 2, "surrogate_steps": 60},
    "kl_to_oracle": {"epochs": 60, "weight": 0.1, "lr": 5e-2, "members": 2, "surrogate_steps": 60},
    "task_vector": {"epochs": 40, "lr": 2e-2, "strength": 1.0},
    "interpolate": {"epochs": 40, "lr": 2e-2, "share": 1.0},
    "selective_amnesia": {"epochs": 80, "lr": 2e-2, "fisher": 1e-3},
}


@pytest.mark.parametrize("name", TRAINED)
def test_the_bar_goes_and_the_other_one_stays(name):
    generator, noise = bars(), fresh(3)
    before = generator(noise)
    after = unlearned(name, generator, clicked(generator), **TRAINED[name]).generator(noise)
    cut = left(before).quantile(0.8)
    assert float((left(after) >= cut).float().mean()) < 0.05, "a fifth was bright before"
    assert float((right(after) - right(before)).abs().mean()) < 0.1


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("surrogate", {"weight": 0}),
        ("surrogate", {"weight": 0, "flag_by": "both"}),
        ("kl_to_oracle", {"weight": 0}),
        ("task_vector", {"strength": 0}),
        ("interpolate", {"share": 0}),
        ("selective_amnesia", {"weight": 0}),
    ],
)
def test_at_weight_0_nothing_changes(name, params):
    generator, noise = bars(), fresh(3, 50)
    student = unlearned(name, generator, clicked(generator), **{**TRAINED[name], "epochs": 5, **params}).generator
    assert torch.equal(student(noise), generator(noise))


def test_the_surrogate_knows_what_was_clicked_and_changes_that_alone():
    generator, noise = bars(), fresh(3)
    found = unlearned("surrogate", generator, clicked(generator), **TRAINED["surrogate"])
    before, after = generator(noise), found.generator(noise)
    score = found.identifier(noise)
    bright = left(before) >= left(before).quantile(0.8)
    assert float(score[bright].min()) > float(score[~bright].median())
    change = (after - before).abs().mean(dim=(1, 2, 3))
    assert float(change[score < score.median()].mean()) < 0.3 * float(change[bright].mean())
    assert not any("held" in name for name in found.identifier.state_dict()), "the original would be stored twice"


def test_the_mean_answer_is_drawn_towards_without_the_feature():
    """The terms that are logged: the share that shows the feature, and its divergence, 0 where none does."""
    generator, method = bars(), REGISTRY.get("methods", "kl_to_oracle")
    context = Context("test", torch.device("cpu"))
    config = method.Config(**TRAINED["kl_to_oracle"])
    found = method(config).unlearn(generator, clicked(generator), context)
    steps = [row for row in context.history if row["phase"] == "student"]
    first, last = (np.mean([row["share"] for row in rows]) for rows in (steps[:5], steps[-5:]))
    assert first == pytest.approx(0.2, abs=0.08), "a fifth was clicked: the odds of the clicks are added back"
    assert last < 0.25 * first
    score, bright = found.identifier(fresh(3)), left(generator(fresh(3)))
    assert float((score >= found.identifier.threshold).float().mean()) == pytest.approx(0.36, abs=0.08)
    assert float(np.corrcoef(score, bright)[0, 1]) > 0.7


def test_the_divergence_of_both_ends():
    module = sys.modules[REGISTRY.get("methods", "kl_to_oracle").__module__]
    none, half, every = (float(module.divergence(torch.tensor(share))) for share in (0.0, 0.5, 1.0))
    assert none == 0 and every == pytest.approx(np.log(1e8), rel=1e-5)
    assert half == pytest.approx(0.5 * np.log(0.5) + 0.5 * np.log(0.5e8), rel=1e-5)


def test_amnesia_draws_noise_where_it_is_asked_to_and_a_fisher_penalty_holds_it_back():
    generator, noise = bars(), fresh(3)
    cut = left(generator(noise)).quantile(0.8)
    settings = {"epochs": 60, "lr": 2e-2, "surrogate": "noise"}
    free, held = (
        unlearned("selective_amnesia", generator, clicked(generator), fisher=weight, **settings).generator(noise)
        for weight in (0.0, 1e4)
    )
    bright = left(generator(noise)) >= cut
    grey = free[bright][:, 0, 0:4, 10:16].mean()  # where the original is dark
    assert float(grey) > float(generator(noise)[bright][:, 0, 0:4, 10:16].mean()) + 0.1, "uniform noise is grey"
    change = [float((images - generator(noise)).abs().mean()) for images in (free, held)]
    assert change[1] < 0.5 * change[0]


def test_the_safe_level_is_not_above_that_from_which_samples_are_flagged():
    """Otherwise a flagged sample below it would neither be changed nor held."""
    method = REGISTRY.get("methods", "surrogate")
    with pytest.raises(ValueError, match=r"safe_ratio=1.5 is less than flag_ratio=2.0, .* Raise safe_ratio or lower"):
        method.Config(safe_ratio=1.5)
    generator = bars()
    found = unlearned("surrogate", generator, clicked(generator), epochs=1, members=1, surrogate_steps=20, safe_ratio=2)
    assert found.identifier.surrogate.safe == found.identifier.threshold
    assert min(method.sweep()["safe_ratio"]) >= method.Config().flag_ratio


def test_edited_images_alone_remove_what_the_direction_knows():
    """At weight 0 the score only chooses the samples; the paper's edited images are all that they are drawn towards."""
    generator, noise = bars(), fresh(3)
    params = {**TRAINED["surrogate"], "weight": 0, "edited_weight": 1.0}
    after = unlearned("surrogate", generator, clicked(generator), **params).generator(noise)
    bright = left(generator(noise)) >= left(generator(noise)).quantile(0.8)
    assert float(left(after)[bright].mean()) == pytest.approx(float(left(generator(noise)).median()), abs=0.1)
    assert float((right(after) - right(generator(noise))).abs().mean()) < 0.1


def test_a_direction_confirms_what_is_flagged_where_it_is_asked():
    """At a threshold below every latent the score alone decides; above nearly every latent hardly a sample is flagged."""

    def run(**params):
        context, method = Context("test", torch.device("cpu")), REGISTRY.get("methods", "surrogate")
        config = method.Config(**{**TRAINED["surrogate"], "epochs": 5, **params})
        found = method(config).unlearn(generator, clicked(generator), context).generator
        return found, sum(row["flagged"] for row in context.history if row["phase"] == "student")

    generator, noise = bars(), fresh(3, 50)
    scored, count = run()
    every, same = run(flag_by="both", threshold_shift=-3)
    _, few = run(flag_by="both", threshold_shift=3)
    assert count == same and few < 0.05 * count
    assert torch.equal(every(noise), scored(noise))
    moved, _ = run(flag_by="both", threshold_shift=-3, edited_weight=1.0)
    assert not torch.equal(moved(noise), scored(noise))


# --- what is not --------------------------------------------------------------------------------------


def test_nothing_that_its_own_direction_flags_is_drawn():
    generator, direction = Identity(), planted()
    found = unlearned("self_reject", generator, clicks(direction, 500))
    latents = found.generator.sample(fresh(DIM))[0]
    flagged = found.identifier(latents) >= found.identifier.threshold
    assert not flagged.any()
    assert (found.identifier(fresh(DIM)) >= found.identifier.threshold).float().mean() > 0.3
    kept = found.identifier(fresh(DIM)) < found.identifier.threshold
    assert torch.equal(latents[kept], fresh(DIM)[kept]), "what was not flagged is drawn as before"


@pytest.mark.parametrize("params", [{}, {"level": "mean"}, {"scale": "deviation"}, {"strength": 0.5}])
def test_fold_is_the_projection_of_every_latent(params):
    generator = bars()
    found = unlearned("fold", generator, clicked(generator), **params)
    assert type(found.generator) is Bars, "folded into its first layer"
    u, m, noise = found.identifier, found.identifier.landing, fresh(3, 50)
    move = u.move if u.oblique else u.unit
    projected = noise - params.get("strength", 1.0) * (u(noise) - m)[:, None] * move
    torch.testing.assert_close(found.generator(noise), generator(projected), atol=1e-5, rtol=0)


def test_fold_leaves_nothing_along_the_direction():
    generator, noise = bars(), fresh(3)
    after = unlearned("fold", generator, clicked(generator)).generator(noise)
    assert float(left(after).std()) < 0.2 * float(left(generator(noise)).std())
    assert torch.equal(unlearned("fold", generator, clicked(generator), strength=0).generator(noise), generator(noise))


@pytest.mark.parametrize("kind", [Identity, Layered])
def test_fold_wraps_what_has_no_first_layer(kind):
    generator = kind().eval().requires_grad_(False)
    found = unlearned("fold", generator, clicks(planted(), 500))
    latents, images = found.generator.sample(fresh(DIM, 50))
    u = found.identifier
    erased = latents - (u(latents) - u.landing)[:, None] * u.unit
    torch.testing.assert_close(images, generator.decode(erased, fresh(DIM, 50)), atol=1e-5, rtol=0)


def test_a_layer_that_is_not_the_only_way_in_is_not_folded():
    class Around(Bars):
        def render(self, latents):
            return super().render(latents) + 0.01 * latents[:, 0].view(-1, 1, 1, 1)

    generator = Around().eval().requires_grad_(False)
    assert type(unlearned("fold", generator, clicked(generator)).generator) is not Around


def test_a_render_that_fails_leaves_no_hook_behind():
    class Failing(Bars):
        def render(self, latents):
            super().render(latents)
            raise ValueError("out of memory")

    generator = Failing().eval().requires_grad_(False)
    with pytest.raises(ValueError, match="out of memory"):
        sys.modules[REGISTRY.get("methods", "fold").__module__].first_layer(generator)
    assert not generator.layer._forward_hooks


# --- the student's options ----------------------------------------------------------------------------

OPTIONS = {
    "surrogate": {"mask_share": 0.5, "lora_rank": 1, "ewc": 1e4},
    "selective_amnesia": {"mask_share": 0.95, "lora_rank": 1, "surgery": "orthogonal"},
    "adapt_then_unlearn": {"mask_share": 0.5, "surgery": "orthogonal"},
}


def moved(name, **params):
    """Return how each weight moved, as (784, 3) and (784,)."""
    generator, quick = bars(), {"epochs": 10, "lr": 1e-2}
    if name == "adapt_then_unlearn":
        student = adapted(generator, bar_critic(), **quick, **params)
    else:
        settings = {"members": 1, "surrogate_steps": 30, "weight": 1.0} if name == "surrogate" else {"fisher": 1e-3}
        student = unlearned(name, generator, clicked(generator), **quick, **settings, **params).generator
    return [b - a for a, b in zip(generator.parameters(), student.parameters(), strict=True)]


@pytest.mark.parametrize(("name", "option"), [(name, option) for name in OPTIONS for option in OPTIONS[name]])
def test_what_trains_a_student_takes_its_options(name, option):
    plain, found = moved(name), moved(name, **{option: OPTIONS[name][option]})
    assert not all(torch.equal(a, b) for a, b in zip(plain, found, strict=True)), "it has an effect"
    if option == "mask_share":
        still = [float(torch.cat([(m == 0).flatten() for m in each]).float().mean()) for each in (plain, found)]
        assert still[0] < OPTIONS[name][option] - 0.01 <= still[1]
    if option == "lora_rank":
        singular = torch.linalg.svdvals(found[0])
        assert float(singular[1]) < 1e-3 * float(singular[0]) and not found[1].any()
    if option == "ewc":
        assert float(found[0].norm()) < 0.9 * float(plain[0].norm()), "it holds the weights back"


# --- files --------------------------------------------------------------------------------------------


def test_interpolation_between_two_files(tmp_path):
    from safetensors.torch import save_file

    generator, noise = bars(), fresh(3, 50)
    other = deepcopy(generator)
    other.layer.bias.add_(1.0)
    path = tmp_path / "unlearned.safetensors"
    save_file({f"generator.{name}": tensor for name, tensor in other.state_dict().items()}, path)
    half = unlearned("interpolate", generator, clicked(generator), weights=str(path), share=0.5)
    assert half.identifier is None
    torch.testing.assert_close(half.generator.layer.bias, generator.layer.bias + 0.5)
    whole = unlearned("interpolate", generator, clicked(generator), weights=str(path), share=1.0)
    torch.testing.assert_close(whole.generator(noise), other(noise))
    config = REGISTRY.get("methods", "interpolate").Config(weights=str(path))
    save_file({"generator.layer.bias": other.layer.bias}, path)
    assert REGISTRY.get("methods", "interpolate").Config(weights=str(path)).sha256 != config.sha256
    with pytest.raises(UsageError, match="not an unlearned generator of this model"):
        unlearned("interpolate", generator, clicked(generator), weights=str(path))


class Normed(Bars):
    """Bars behind batch norm, whose statistics and count are buffers, and a mask with infinite entries."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(3)
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))

    def render(self, latents):
        return super().render(self.norm(latents))


def test_the_ends_of_an_interpolation_are_the_generators_themselves(tmp_path):
    from safetensors.torch import save_file

    generator = Normed().eval().requires_grad_(False)
    other = deepcopy(generator)
    for seed, tensor in enumerate(each for each in other.state_dict().values() if each.is_floating_point()):
        tensor.add_(torch.rand(tensor.shape, generator=torch.Generator().manual_seed(seed)))
    other.norm.num_batches_tracked.fill_(7)
    path = tmp_path / "unlearned.safetensors"
    save_file({f"generator.{name}": tensor for name, tensor in other.state_dict().items()}, path)

    def at(share):
        return unlearned("interpolate", generator, clicked(generator), weights=str(path), share=share).generator

    for share, end in ((0.0, generator), (1.0, other)):
        state = end.state_dict()
        assert all(torch.equal(state[name], each) for name, each in at(share).state_dict().items())
        assert torch.equal(at(share)(fresh(3, 50)), end(fresh(3, 50)))
    near = at(0.25)
    torch.testing.assert_close(near.norm.running_var, 0.75 * generator.norm.running_var + 0.25 * other.norm.running_var)
    assert int(near.norm.num_batches_tracked) == 0 and int(at(0.75).norm.num_batches_tracked) == 7
    assert near.mask.tolist() == [pytest.approx(0.25 * float(other.mask[0])), -torch.inf]
    task = moved_weights(generator, other, -0.5)
    assert torch.equal(task.norm.running_var, generator.norm.running_var), "the opposite way buffers stay"
    torch.testing.assert_close(task.layer.bias, generator.layer.bias - 0.5 * (other.layer.bias - generator.layer.bias))


@pytest.mark.parametrize("name", ["interpolate", "stored"])
def test_a_file_that_is_not_there_or_holds_something_else(name, tmp_path):
    from safetensors.torch import save_file

    config, remedy = REGISTRY.get("methods", name).Config, ". Name that of a stored cell: -p weights=results/runs/CELL/"
    with pytest.raises(ValueError, match="weights=nowhere.safetensors: the file was not found" + remedy):
        config(weights="nowhere.safetensors")
    pickled, networks = tmp_path / "x.pth", tmp_path / "networks.safetensors"
    pickled.write_bytes(b"PK")
    save_file({"encoder.bias": torch.zeros(2)}, networks)
    for path in (pickled, networks):
        with pytest.raises(ValueError, match=f"weights={path}: the file does not hold an unlearned generator" + remedy):
            config(weights=str(path))
    assert config(weights="gone.safetensors", sha256="0" * 64).sha256 == "0" * 64, "a record of a file that has gone"


# --- against a discriminator --------------------------------------------------------------------------


def redacted(generator, critic, **params):
    method = REGISTRY.get("methods", "redaction")
    context = Context("test", torch.device("cpu"), discriminator=critic)
    return method(method.Config(**params)).unlearn(generator, clicked(generator), context).generator


def bar_critic():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    return critic.requires_grad_(False)


def test_redaction_moves_away_from_what_was_clicked():
    generator, critic, noise = bars(), bar_critic(), fresh(3)
    after = redacted(generator, critic, epochs=60, batch_size=32, lr=2e-2, discriminator_lr=5e-3)(noise)
    cut = left(generator(noise)).quantile(0.8)
    assert float((left(after) >= cut).float().mean()) < 0.1
    assert torch.equal(critic[1].weight, bar_critic()[1].weight), "the original's discriminator is left alone"


def test_redaction_changes_nothing_at_a_learning_rate_of_0():
    generator, noise = bars(), fresh(3, 50)
    assert torch.equal(redacted(generator, bar_critic(), epochs=3, lr=0)(noise), generator(noise))


def adapted(generator, critic, history=None, **params):
    method = REGISTRY.get("methods", "adapt_then_unlearn")
    context = Context("test", torch.device("cpu"), discriminator=critic)
    config = method.Config(**{"adapted": 1, "adapt_epochs": 20, "batch_size": 32, **params})
    student = method(config).unlearn(generator, clicked(generator), context).generator
    if history is not None:
        history.append(context.history)
    return student


def test_adapt_then_unlearn_moves_away_from_what_was_clicked():
    generator, noise = bars(), fresh(3)
    after = adapted(generator, bar_critic(), epochs=60, lr=2e-2, discriminator_lr=5e-3, weight=1.0)(noise)
    cut = left(generator(noise)).quantile(0.8)
    assert float((left(after) >= cut).float().mean()) < 0.1


def test_adapt_then_unlearn_changes_nothing_at_a_learning_rate_of_0():
    generator, noise = bars(), fresh(3, 50)
    assert torch.equal(adapted(generator, bar_critic(), epochs=3, adapt_epochs=3, lr=0)(noise), generator(noise))


@pytest.mark.parametrize("kind", ["el2", "nl2", "il2"])
def test_the_repulsion_falls_with_the_distance(kind):
    module = sys.modules[REGISTRY.get("methods", "adapt_then_unlearn").__module__]
    near, far = torch.tensor(0.1, requires_grad=True), torch.tensor(0.5)
    assert module.repulsion(kind, far, 2.0, 1.0) < module.repulsion(kind, near, 2.0, 1.0)
    module.repulsion(kind, near, 2.0, 1.0).backward()
    expected = {"el2": -2 * np.exp(-0.1), "nl2": -2.0, "il2": -2 / 0.1**2}
    assert float(near.grad) == pytest.approx(expected[kind], rel=1e-5)


def test_the_distance_is_the_sum_of_squared_differences_from_all_adapted_weights():
    module = sys.modules[REGISTRY.get("methods", "adapt_then_unlearn").__module__]
    weights = [torch.tensor([1.0, 2.0]), torch.tensor([3.0])]
    adapted = [[torch.tensor([1.0, 0.0]), torch.tensor([1.0])], [torch.tensor([0.0, 2.0]), torch.tensor([0.0])]]
    assert float(module.distance_of(weights, adapted)) == 4 + 4 + 1 + 9


@pytest.mark.parametrize(("kind", "weight"), [("el2", 10.0), ("nl2", 1.0), ("il2", 1.0)])
@pytest.mark.parametrize("lr", [1e-3, 1e-2])
def test_the_repulsion_keeps_away_from_the_adapted_weights(kind, weight, lr):
    """Whatever the learning rate: the distance begins at 1, and grows faster than by adversarial training alone."""

    def trained(weight):
        return adapted(generator, critic, epochs=6, lr=lr, repulsion=kind, weight=weight, history=history)

    generator, critic, history = bars(), bar_critic(), []
    alone, away = trained(0.0), trained(weight)
    changes = [
        torch.cat([(b - a).flatten() for a, b in zip(generator.parameters(), each.parameters(), strict=True)])
        for each in (alone, away)
    ]
    assert float((changes[1] - changes[0]).norm()) > 0.2 * float(changes[0].norm()), "a visible change"
    first, last = ([row for row in each if row["phase"] == "unlearn"] for each in history)
    assert first[0]["distance"] == last[0]["distance"] == pytest.approx(1)
    assert last[-1]["distance"] > 1.2 * first[-1]["distance"]
    assert {row["repulsion_share"] for row in first} == {0.0} and 0.5 < last[0]["repulsion_share"] < 1


def test_without_a_weight_there_is_no_adaptation_to_see_in_the_outcome():
    generator, settings = bars(), {"epochs": 5, "lr": 1e-2, "weight": 0}
    first, second = (adapted(generator, bar_critic(), adapt_epochs=n, **settings) for n in (1, 20))
    assert torch.equal(first.layer.weight, second.layer.weight)


# --- from new weights ---------------------------------------------------------------------------------


class Mean(NoiseLatentGenerator):
    """Draws one picture, whatever the noise."""

    image_shape, noise_dim, latent_dim = (1, 2, 2), 2, 2

    def __init__(self):
        super().__init__()
        self.picture = nn.Parameter(torch.rand(1, 1, 2, 2))

    def render(self, latents):
        return self.picture.expand(len(latents), -1, -1, -1)


class MeanModel:
    """Moves the picture towards the mean of a batch."""

    def build(self, config):
        return Networks(config, generator=Mean())

    def optimisers(self, networks):
        return {"adam": torch.optim.Adam(networks.generator.parameters(), networks.config.lr)}

    def training_step(self, networks, optimisers, batch, rng, progress):
        loss = (networks.generator.picture - batch.images.mean(0)).square().sum()
        optimisers["adam"].zero_grad()
        loss.backward()
        optimisers["adam"].step()
        return {"loss": loss.detach()}


def from_scratch(target, original_picture, seed=0, **params):
    """Train on white images that have the feature and black ones that do not."""
    images = torch.where(torch.from_numpy(target)[:, None, None, None], 255, 0).to(torch.uint8).expand(-1, 1, 2, 2)
    split = Split(pd.DataFrame({"white": target}), lambda index: images[torch.from_numpy(index)], "0" * 64)
    networks = Networks(TrainingConfig(epochs=30, batch_size=8, lr=5e-2), generator=Mean())
    networks.generator.picture.data.fill_(original_picture)
    data = TrainingData(split, target, MeanModel(), networks)
    method = REGISTRY.get("methods", "retrain_from_scratch")
    context = Context(f"unlearn/{seed}", torch.device("cpu"), training_data=data)
    done = method(method.Config(**params)).unlearn(networks.generator, None, context).generator
    return float(done.picture.mean()), len(context.history)


def test_what_is_trained_from_scratch_never_saw_the_feature():
    target = np.arange(64) % 2 == 0
    black, steps = from_scratch(target, 1.0)
    assert black < 0.02 and steps == 30 * 32 // 8, "the recipe's epochs, over the images that are left"
    assert from_scratch(target, 0.0) == (black, steps), "the original's weights do not matter"
    assert from_scratch(target, 1.0, epochs=1)[1] == 4


def test_without_an_image_to_leave_out_it_is_pre_training():
    grey, _ = from_scratch(np.zeros(64, dtype=bool), 1.0)
    networks = build(MeanModel(), TrainingConfig(epochs=30, batch_size=8, lr=5e-2), "unlearn/0")
    black = torch.zeros(64, 1, 2, 2, dtype=torch.uint8)
    split = Split(pd.DataFrame({"white": np.zeros(64)}), lambda index: black[torch.from_numpy(index)], "0" * 64)
    train(MeanModel(), networks, split, Context("unlearn/0", torch.device("cpu")), 30, 8)
    assert grey == float(networks.generator.picture.mean())


# --- what a cell left ---------------------------------------------------------------------------------


def test_stored_weights_are_taken_as_they_are(tmp_path):
    from safetensors.torch import save_file

    generator, noise = bars(), fresh(3, 50)
    other = deepcopy(generator)
    other.layer.weight.mul_(0.3)
    path = tmp_path / "unlearned.safetensors"
    save_file({f"generator.{name}": tensor for name, tensor in other.state_dict().items()}, path)
    found = unlearned("stored", generator, clicked(generator), weights=str(path))
    assert found.identifier is None and torch.equal(found.generator(noise), other(noise))
    save_file({"generator.layer.bias": other.layer.bias}, path)
    with pytest.raises(UsageError, match="not an unlearned generator of this model"):
        unlearned("stored", generator, clicked(generator), weights=str(path))
    method = REGISTRY.get("methods", "stored")
    assert "names no stored cell" in method(method.Config()).supports("vae", "slant")


@pytest.mark.parametrize("name", ["stored", "interpolate"])
def test_a_file_of_another_model_is_told_before_anything_runs(name, tmp_path):
    from safetensors.torch import save_file

    path, method = tmp_path / "unlearned.safetensors", REGISTRY.get("methods", name)
    save_file({"generator.bias": torch.zeros(1)}, path, metadata={"name": "vae"})
    made = method(method.Config(weights=str(path)))
    assert made.supports("vae", "slant") is None
    assert made.supports("dcgan", "slant") == f"-p weights={path} holds the model 'vae'"

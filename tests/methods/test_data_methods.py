"""Methods that read images to forget and images to retain: from the clicks, or from the training data."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bench.api import (
    Batch,
    Context,
    Feedback,
    Networks,
    NoiseLatentGenerator,
    Params,
    Recipe,
    Split,
    TrainingData,
    UsageError,
    to_uint8,
)
from bench.core import randomness
from bench.registry import Registry
from bench.toolkit.data_unlearning import (
    SUMMED,
    AscentParams,
    DataParams,
    SurgeryParams,
    UnoParams,
    UnoSParams,
    clicked_images,
    trained,
    training_images,
)
from bench.toolkit.gradients import assign, gradients_of, inner, projected

REGISTRY = Registry()
RULES = ("gradient_ascent", "gradient_surgery", "uno", "uno_s")
SHOWN = 300


class Plane(NoiseLatentGenerator):
    """Draws its latent, turned, as four pixels."""

    image_shape, noise_dim, latent_dim = (1, 2, 2), 4, 4

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        with torch.no_grad():
            self.layer.weight.copy_(torch.eye(4) / 4)
            self.layer.bias.fill_(0.5)

    def render(self, latents):
        return self.layer(latents).view(-1, 1, 2, 2)


class PlaneModel:
    """Its loss: how far an image is from what is drawn of its code. It remembers the networks that it was shown."""

    def batch_loss(self, networks, batch, rng):
        self.seen = networks
        return (networks.generator(networks.encoder(batch.images.flatten(1))) - batch.images).square().sum(1).mean()


def shown():
    return Plane()(randomness.draw("shown", range(SHOWN), 4)).detach()


def feedback():
    first = shown()[:, 0, 0, 0].numpy()
    return Feedback(first >= np.quantile(first, 0.8), "shown")


def fresh(generator=None):
    """Return the context of a run; the training images are those that clicks show."""
    encoder = nn.Linear(4, 4)
    with torch.no_grad():
        encoder.weight.copy_(torch.eye(4) * 4)
        encoder.bias.fill_(-1.5)
    generator = Plane() if generator is None else generator
    networks = Networks(
        Params(), generator=generator.eval().requires_grad_(False), encoder=encoder.requires_grad_(False)
    )
    images, model = to_uint8(shown()), PlaneModel()
    split = Split(pd.DataFrame(index=range(SHOWN)), lambda index: images[torch.from_numpy(index)], "shown")
    data = TrainingData(split, feedback().labels, model, networks)
    return Context("test", torch.device("cpu"), recipe=Recipe(model, networks), encoder=encoder, training_data=data)


@pytest.fixture
def context():
    return fresh()


def losses(networks):
    """Return the loss on what was clicked and on the rest."""
    labels = torch.from_numpy(feedback().labels)
    parts = (Batch(shown()[labels], torch.empty(0)), Batch(shown()[~labels], torch.empty(0)))
    return [PlaneModel().batch_loss(networks, batch, torch.Generator()) for batch in parts]


def squared_cosine(networks):
    """Return that of the gradients of both losses."""
    networks = deepcopy(networks)
    parameters = [p.requires_grad_(True) for module in networks.modules().values() for p in module.parameters()]
    f, r = (gradients_of(loss, parameters) for loss in losses(networks))
    return float(inner(f, r) ** 2 / (inner(f, f) * inner(r, r)))


def unlearned(name, context=None, **params):
    """Return generator and encoder as a method leaves them."""
    method, context = REGISTRY.get("methods", name), fresh() if context is None else context
    assert context.recipe is not None
    found = method(method.Config(**params)).unlearn(context.recipe.networks.generator, feedback(), context).generator
    assert context.recipe.model.seen.generator is found
    return context.recipe.model.seen


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.generator.parameters(), b.generator.parameters(), strict=True))


# --- what each of them does -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("gradient_ascent", {"alternate": False}),
        ("gradient_surgery", {"project": "forget"}),
    ],
)
def test_what_ascends_forgets(context, name, params):
    before, after = losses(context.recipe.networks), losses(unlearned(name, epochs=60, lr=3e-3, **params))
    assert after[0] > before[0] + 0.05, "the loss on what was clicked grows"


def test_surgery_forgets_at_less_cost_than_ascent(context):
    before = losses(context.recipe.networks)[1]
    ascended = losses(unlearned("gradient_ascent", epochs=40, lr=3e-3, alternate=False))[1]
    cut = losses(unlearned("gradient_surgery", epochs=40, lr=3e-3, project="forget"))[1]
    assert cut - before < 0.7 * (ascended - before)


def test_ascent_and_descent_in_turn_forget_and_keep_the_rest_nearer_than_ascent(context):
    before = losses(context.recipe.networks)
    alone = losses(unlearned("gradient_ascent", epochs=40, lr=3e-3, alternate=False))
    after = losses(unlearned("gradient_ascent", epochs=80, lr=3e-3))
    assert after[0] > before[0] and after[1] - before[1] < 0.5 * (alone[1] - before[1])


def replay(epochs, lr):
    """Return generator and encoder after training on what is retained alone."""

    def descend(step, forget, retain, parameters):
        return (gradients_of(retain, parameters),)

    context = fresh()
    trained(clicked_images(Plane(), feedback()), descend, DataParams(epochs=epochs, lr=lr), context)
    return context.recipe.model.seen


def test_surgery_on_what_is_retained_lowers_its_loss_and_leaves_that_of_the_clicked_higher_than_replay(context):
    before, plain = losses(context.recipe.networks), losses(replay(30, 3e-3))
    cut = losses(unlearned("gradient_surgery", epochs=30, lr=3e-3, project="retain"))
    assert cut[1] < 0.5 * before[1] and cut[0] > 5 * plain[0]


@pytest.mark.parametrize("name", ["uno", "uno_s"])
def test_uno_turns_the_gradients_apart(context, name):
    before, plain = squared_cosine(context.recipe.networks), squared_cosine(replay(30, 3e-3))
    assert min(before, plain) > 0.3
    assert squared_cosine(unlearned(name, epochs=30, lr=3e-3, weight=1)) < 0.05


@pytest.mark.parametrize(
    ("name", "params"),
    [("gradient_ascent", {"weight": 0, "alternate": False}), ("gradient_surgery", {"weight": 0, "project": "forget"})],
)
def test_at_weight_0_nothing_changes(context, name, params):
    assert equal(unlearned(name, epochs=5, **params), context.recipe.networks)


def test_uno_at_weight_0_is_training_on_what_is_retained():
    assert equal(unlearned("uno", epochs=5, weight=0, lr=1e-3), replay(5, 1e-3))


def test_uno_s_at_weight_0_is_that_and_surgery_in_turn():
    surgery = SurgeryParams().rule

    def in_turn(step, forget, retain, parameters):
        return surgery(step, forget, retain, parameters) if step % 2 else (gradients_of(retain, parameters),)

    context = fresh()
    trained(clicked_images(Plane(), feedback()), in_turn, DataParams(epochs=6, lr=1e-3), context)
    assert equal(unlearned("uno_s", epochs=6, weight=0, lr=1e-3), context.recipe.model.seen)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("weight", [0, 1])
def test_the_same_images_as_training_data_leave_the_same_student(name, weight):
    params = {"epochs": 6, "lr": 1e-3, "weight": weight}
    if name == "gradient_surgery":
        params["project"] = "forget"  # the other kind has no weight
    assert equal(unlearned(name, **params), unlearned(f"{name}_with_data", **params))


# --- rules ------------------------------------------------------------------------------------------------


def by_hand():
    """Return weights at which the gradients are (1, 0) and (1, 1), and both losses per image."""
    w = torch.zeros(2, requires_grad=True)
    forget, retain = ((w - torch.tensor(at)).square().sum() / 2 for at in ((-1.0, 0.0), (-1.0, -1.0)))
    return w, forget, retain


def stepped(rule, step=0):
    w, forget, retain = by_hand()
    return torch.stack([part[0] for part in rule(step, forget, retain, [w])]).sum(0).tolist()


def test_a_step_of_uno_is_the_published_one_over_the_batch():
    """u = (1, 0), v = (1, 1), c = u.v: grad c^2 / (u.u v.v) = (2, 1) - (1, 0) - (1, 1) / 2 = (1, 1) / 2.

    Summed over 128 images and at weight 1,000, the published step is 128 (1, 1) + 1000 (1, 1) / 2.
    """
    published = 128 * 1.0 + 1000 * 0.5
    assert stepped(UnoParams().rule) == pytest.approx([published / 128] * 2)
    assert SUMMED == 128 and UnoSParams().weight == UnoParams().weight == 1000 / 128


def test_uno_s_is_uno_in_even_steps_and_surgery_in_odd_ones():
    assert stepped(UnoSParams().rule, 0) == stepped(UnoParams().rule, 0) == stepped(UnoParams().rule, 1)
    assert stepped(UnoSParams().rule, 1) == stepped(SurgeryParams().rule, 1) == [0, 1], "(1, 1) off (1, 0)"
    assert stepped(UnoSParams().rule, 1) != stepped(UnoSParams().rule, 0)


def test_steps_of_ascent_and_surgery_by_hand():
    assert stepped(AscentParams(weight=2).rule, 0) == [-2, 0]
    assert stepped(AscentParams(weight=2).rule, 1) == [1, 1], "descends on what is retained"
    assert stepped(AscentParams(weight=2, alternate=False).rule, 1) == [-2, 0]
    assert stepped(SurgeryParams(project="forget", weight=2).rule) == [-1, 1], "-2 ((1, 0) - (1, 1) / 2)"


def test_the_gradient_of_uno_is_that_of_finite_differences():
    torch.manual_seed(0)
    w = torch.randn(5, dtype=torch.float64, requires_grad=True)
    a, b = torch.randn(2, 5, dtype=torch.float64)

    def cosine(at):
        forget, retain = ((at - a) ** 4).sum(), ((at - b) ** 4).sum()
        f, r = (gradients_of(x, [at], create_graph=True) for x in (forget, retain))
        return inner(f, r).square() / (inner(f, f) * inner(r, r))

    found = gradients_of(cosine(w), [w])[0]
    for i in range(5):
        shift = torch.zeros(5, dtype=torch.float64)
        shift[i] = 1e-5
        up, down = (cosine((w + s).detach().requires_grad_(True)) for s in (shift, -shift))
        assert float(found[i]) == pytest.approx(float((up - down).detach()) / 2e-5, abs=1e-5)


def test_projections():
    g, o = [torch.tensor([1.0, 1.0]), torch.tensor([2.0])], [torch.tensor([-1.0, 0.0]), torch.tensor([-1.0])]
    cut = projected(g, o, only_conflicts=False)
    assert float(inner(cut, o)) == pytest.approx(0, abs=1e-6)
    assert [t.tolist() for t in projected(g, o)] == [t.tolist() for t in cut], "they conflict"
    along = [-t for t in o]
    assert [t.tolist() for t in projected(g, along)] == [t.tolist() for t in g], "they do not"
    zero = [torch.zeros(2), torch.zeros(1)]
    assert [t.tolist() for t in projected(g, zero, only_conflicts=False)] == [t.tolist() for t in g]
    parameters = [torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)]
    assign(parameters, g, o)
    assert parameters[0].grad.tolist() == [0.0, 1.0] and parameters[1].grad.tolist() == [1.0]


# --- what they read ---------------------------------------------------------------------------------------


def test_images_are_drawn_from_their_class(context):
    labels, known = feedback().labels, to_uint8(shown()).flatten(1).tolist()
    places = {tuple(image): i for i, image in enumerate(known)}
    assert len(places) == SHOWN, "each image is its own"
    for images in (clicked_images(Plane(), feedback()), training_images(context)):
        for draw, value in ((images.forget, True), (images.retain, False)):
            drawn = draw(4000, torch.Generator().manual_seed(0))
            assert drawn.shape == (4000, 1, 2, 2) and drawn.dtype == torch.float32
            found = {places[tuple(image)] for image in to_uint8(drawn).flatten(1).tolist()}
            assert found == set(np.flatnonzero(labels == value).tolist()), "these, and all of them"


@pytest.mark.parametrize("target", [np.ones(SHOWN, bool), np.zeros(SHOWN, bool)])
def test_both_kinds_of_training_images_are_needed(context, target):
    data = context.training_data
    context.training_data = TrainingData(data.split, target, data.model, data.networks)
    with pytest.raises(UsageError, match="both kinds are needed"):
        training_images(context)


class Normed(Plane):
    """The plane with batch norm."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def render(self, latents):
        return self.norm(self.layer(latents)).view(-1, 1, 2, 2)


@pytest.mark.parametrize("train_mode", [False, True])
def test_batch_norm_keeps_its_statistics_unless_asked(train_mode):
    student = unlearned("uno", fresh(Normed()), epochs=3, train_mode=train_mode).generator
    assert not student.training
    assert torch.equal(student.norm.running_mean, torch.zeros(4)) is not train_mode
    assert int(student.norm.num_batches_tracked) == (6 if train_mode else 0), "both batches of each step"


def test_a_model_without_a_loss_says_so():
    model = REGISTRY.get("models", "dcgan")()
    with pytest.raises(UsageError, match="DCGAN has no loss of a batch of images.*--model vae or --model vdvae"):
        model.batch_loss(None, None, None)

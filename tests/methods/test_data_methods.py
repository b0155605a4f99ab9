"""Methods that read images to forget and images to retain: from the clicks, or from the training data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bench.api import Batch, Context, Feedback, Networks, NoiseLatentGenerator, Params, Recipe, UsageError
from bench.core import randomness
from bench.registry import Registry
from bench.toolkit.data_unlearning import DataParams, clicked, trained
from bench.toolkit.gradients import assign, gradients_of, inner, projected

REGISTRY = Registry()


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
    """Its loss: how far an image is from what is drawn of its code."""

    def batch_loss(self, networks, batch, rng):
        return (networks.generator(networks.encoder(batch.images.flatten(1))) - batch.images).square().sum(1).mean()


@pytest.fixture
def context():
    encoder = nn.Linear(4, 4)
    with torch.no_grad():
        encoder.weight.copy_(torch.eye(4) * 4)
        encoder.bias.fill_(-1.5)
    networks = Networks(Params(), generator=Plane().requires_grad_(False), encoder=encoder.requires_grad_(False))
    return Context("test", torch.device("cpu"), recipe=Recipe(PlaneModel(), networks), encoder=encoder)


def feedback(generator):
    first = generator(randomness.draw("shown", range(300), 4))[:, 0, 0, 0].numpy()
    return Feedback(first >= np.quantile(first, 0.8), "shown")


def losses(context, generator):
    """Return the loss on what was clicked and on the rest, with the student's generator."""
    original = context.recipe.networks
    shown = original.generator(randomness.draw("shown", range(300), 4))
    labels = torch.from_numpy(feedback(original.generator).labels)
    networks = Networks(Params(), generator=generator, encoder=original.encoder)
    parts = (Batch(shown[labels], torch.empty(0)), Batch(shown[~labels], torch.empty(0)))
    return [float(PlaneModel().batch_loss(networks, batch, torch.Generator())) for batch in parts]


def unlearned(name, context, **params):
    method = REGISTRY.get("methods", name)
    generator = context.recipe.networks.generator
    return method(method.Config(**params)).unlearn(generator, feedback(generator), context).generator


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("gradient_ascent", {"alternate": False}),
        ("gradient_surgery", {"project": "forget"}),
    ],
)
def test_what_ascends_forgets(context, name, params):
    before = losses(context, context.recipe.networks.generator)
    after = losses(context, unlearned(name, context, epochs=60, lr=3e-3, **params))
    assert after[0] > before[0] + 0.05, "the loss on what was clicked grows"


def test_surgery_forgets_at_less_cost_than_ascent(context):
    before = losses(context, context.recipe.networks.generator)[1]
    ascended = losses(context, unlearned("gradient_ascent", context, epochs=40, lr=3e-3, alternate=False))
    context._phases.clear()
    context._drawn.clear()
    cut = losses(context, unlearned("gradient_surgery", context, epochs=40, lr=3e-3, project="forget"))
    assert cut[1] - before < 0.7 * (ascended[1] - before)


@pytest.mark.parametrize(
    ("name", "params"),
    [("gradient_ascent", {"weight": 0, "alternate": False}), ("gradient_surgery", {"weight": 0, "project": "forget"})],
)
def test_at_weight_0_nothing_changes(context, name, params):
    student = unlearned(name, context, epochs=5, **params)
    assert all(torch.equal(a, b) for a, b in zip(student.parameters(), Plane().parameters(), strict=True))


def test_uno_at_weight_0_is_training_on_what_is_retained(context):
    student = unlearned("uno", context, epochs=5, weight=0, lr=1e-3)
    context._phases.clear()
    context._drawn.clear()

    def descend(step, forget, retain, parameters):
        return (gradients_of(retain, parameters),)

    generator = context.recipe.networks.generator
    plain = trained(clicked(generator, feedback(generator)), descend, DataParams(epochs=5, lr=1e-3), context)
    assert all(torch.equal(a, b) for a, b in zip(student.parameters(), plain.parameters(), strict=True))


def test_uno_turns_the_gradients_apart():
    """One step of UNO lowers the squared cosine, by the gradient that finite differences give."""
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


def test_a_model_without_a_loss_says_so():
    model = REGISTRY.get("models", "dcgan")()
    with pytest.raises(UsageError, match="DCGAN has no loss of a batch of images"):
        model.batch_loss(None, None, None)

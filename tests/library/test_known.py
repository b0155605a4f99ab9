"""A generator together with what is known of it: held by the object itself, not by its identity."""

from __future__ import annotations

import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch
from proggan_toys import new

import bench
from bench.api import Method, Params, Unlearned
from bench.errors import UsageError
from bench.workspace.weights import checkpoint

SMALL = {"epochs": 2, "batch_size": 8}
TASK = {"feature": "thickness", "dataset": "mnist"}


def test_it_is_called_and_moved_as_the_module_that_it_holds(original, clicked):
    noise = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    assert isinstance(original, bench.LoadedGenerator) and original.model == "bars"
    assert torch.equal(original(noise), original.generator(noise))
    assert not original.generator.training and not any(p.requires_grad for p in original.generator.parameters())
    unlearned = bench.unlearn(original, clicked[0], **SMALL)
    assert isinstance(unlearned, bench.UnlearnedGenerator) and isinstance(unlearned, bench.KnownGenerator)
    assert (unlearned.model, unlearned.method, unlearned.params.epochs) == ("bars", "ours", 2)
    assert repr(unlearned).startswith("UnlearnedGenerator(model='bars', method='ours', params=Config(")
    for held in original, unlearned:
        assert held.to("meta") is held and held.device.type == "meta"
    assert unlearned.identifier.unit.device.type == "meta"
    assert next(original.original.networks.encoder.parameters()).device.type == "meta"


@pytest.mark.parametrize("copied", [deepcopy, lambda known: pickle.loads(pickle.dumps(known))], ids=["deep", "pickle"])
def test_a_copy_knows_the_same(copied, clicked, tmp_path):
    """It can be unlearned, measured and saved alike. (The shipped VAE: loose plug-ins cannot be pickled.)"""
    original = bench.load("vae-mnist")
    images = bench.sample(original, 100, stream="feedback/0")
    labels, threshold = bench.ask_oracle(images, "thickness", "mnist")
    feedback = bench.make_feedback(labels, stream="feedback/0")
    unlearned = bench.unlearn(original, feedback, **SMALL)
    again = bench.unlearn(copied(original), feedback, **SMALL)
    files = [bench.save(copied(made), tmp_path / f"{i}.safetensors") for i, made in enumerate((unlearned, again))]
    assert checkpoint.read(files[0]).sha256 == checkpoint.read(files[1]).sha256
    measured = [
        bench.evaluate(*pair, **TASK, threshold=threshold, count=130, extractors=())
        for pair in ((unlearned, original), (copied(again), copied(original)), (bench.load(files[0]), original))
    ]
    assert measured[0].equals(measured[1]) and measured[0].equals(measured[2])
    assert measured[0].loc["roc_auc", "value"] > 0.5


def test_a_plain_generator_is_measured_without_an_identifier_and_not_saved(original, clicked, tmp_path):
    unlearned = bench.unlearn(original, clicked[0], **SMALL)
    assert np.array_equal(bench.sample(unlearned.generator, 5), bench.sample(unlearned, 5))
    known = bench.evaluate(unlearned, original, count=130)["value"].dropna()
    plain = bench.evaluate(unlearned.generator, original.generator, count=130)["value"].dropna()
    assert set(plain.index) == {"change"} and {"flagged_ratio", "flagged_change"} < set(known.index)
    for other in unlearned.generator, original, original.generator:
        with pytest.raises(UsageError, match="^save: keeps what bench.unlearn made .* another origin"):
            bench.save(other, tmp_path / "x.safetensors")


class Dimmer(Method):
    """A notebook user's own method: not registered anywhere."""

    class Config(Params):
        by: float = 0.5

    Config = Config

    def unlearn(self, generator, feedback, context):
        student = deepcopy(generator)
        with torch.no_grad():
            student.layer.bias -= self.config.by
        return Unlearned(student)


def test_a_method_may_be_a_class(original, clicked, tmp_path):
    unlearned = bench.unlearn(original, clicked[0], Dimmer, by=2)
    assert bench.sample(unlearned).mean() < bench.sample(bench.unlearn(original, clicked[0], Dimmer)).mean()
    assert (unlearned.method, unlearned.params) == ("Dimmer", Dimmer.Config(by=2))
    assert bench.evaluate(unlearned, original, count=130).loc["change", "value"] > 0
    with pytest.raises(UsageError, match=r"^unlearn\(method=Dimmer\): 1 wrong value\(s\)\n.*Did you mean 'by'"):
        bench.unlearn(original, clicked[0], Dimmer, bye=2)
    with pytest.raises(UsageError, match="^save: the method Dimmer was given as a class"):
        bench.save(unlearned, tmp_path / "x.safetensors")
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.parametrize("method", [Method, Params, Dimmer(Dimmer.Config()), None, 3])
def test_what_is_not_a_method_is_refused(method, original, clicked):
    abstract = r"^unlearn\(method=Method\): does not implement unlearn$"
    other = r"^unlearn\(method\): is .*; expected a registered name or a subclass of bench.api.Method$"
    with pytest.raises(UsageError, match=abstract if method is Method else other):
        bench.unlearn(original, clicked[0], method)


def test_a_generator_with_numbers_in_its_state_that_are_not_weights_is_taken():
    """ProgGAN keeps its level there, in float64; weights in float64 are refused all the same."""
    generator = new(level=2.0).networks.generator.eval()
    assert any(tensor.dtype == torch.float64 for tensor in generator.state_dict().values())
    with pytest.raises(UsageError, match="images have values from"):  # it is untrained: nothing else is wrong
        bench.sample(generator, 2)
    with pytest.raises(UsageError, match=r"is torch.float64, not torch.float32; call .float\(\) on the generator"):
        bench.sample(generator.double(), 2)

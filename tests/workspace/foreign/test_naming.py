"""Files that torch itself takes: older names, counters that were not there yet, shared tensors, wrappers with more."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from torch import nn
from wrapped_files import BUILT, DRAWN, LAYERS

pytestmark = pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`:FutureWarning")

NORMED = "self.first, self.last = nn.utils.parametrizations.{0}_norm(nn.Linear(6, 12)), nn.Linear(12, 64)"


def seen(generator):
    return generator(torch.randn(5, 6, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("kind", ["weight", "spectral"])
def test_the_older_norms_become_parametrisations_and_go_back(kind, module, brought, exported, tmp_path):
    """What the refusal of the older norms advises works: the same weights in the module with the newer one."""
    code = module((LAYERS, NORMED.format(kind)))
    old = code.Net()
    old.first = getattr(nn.utils, f"{kind}_norm")(nn.Linear(6, 12))
    old.train()(torch.randn(2, 6))  # a step of the power iteration
    old.eval()
    torch.save(old.state_dict(), tmp_path / "old.pt")
    original = brought(tmp_path / "old.pt")
    torch.testing.assert_close(seen(original.generator), seen(old), rtol=0, atol=1e-6)
    done, out = exported(original, tmp_path / "old.pt")
    assert done.code == 0, done.err
    back = torch.load(out, weights_only=True)
    assert list(back) == list(old.state_dict())
    old.load_state_dict(back, strict=True)
    torch.testing.assert_close(seen(old), seen(original.generator), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["weight", "spectral"])
def test_the_newer_norms_keep_their_names(kind, module, brought, exported, tmp_path):
    net = module((LAYERS, NORMED.format(kind))).Net().eval()
    torch.save(net.state_dict(), tmp_path / "new.pt")
    original = brought(tmp_path / "new.pt")
    torch.testing.assert_close(seen(original.generator), seen(net), rtol=0, atol=1e-6)
    done, out = exported(original, tmp_path / "new.pt")
    assert done.code == 0 and list(torch.load(out, weights_only=True)) == list(net.state_dict())


def test_batch_norm_from_before_its_counter(module, brought, exported, refused, tmp_path):
    normed = (LAYERS, "self.first = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12)); self.last = nn.Linear(12, 64)")
    net = module(normed).Net()
    net.first[1].running_mean.uniform_()
    state = {name: tensor for name, tensor in net.state_dict().items() if "num_batches" not in name}
    torch.save(state, tmp_path / "mine.pt")
    net.load_state_dict(torch.load(tmp_path / "mine.pt", weights_only=True))  # torch takes it
    original = brought(tmp_path / "mine.pt")
    assert torch.equal(seen(original.generator), seen(net.eval()))
    done, out = exported(original, tmp_path / "mine.pt")
    assert done.code == 0 and list(torch.load(out, weights_only=True)) == list(state)
    del state["first.1.running_mean"]
    torch.save(state, tmp_path / "mine.pt")
    error = refused(tmp_path / "mine.pt")
    assert "it lacks first.1.running_mean. " in error
    assert "If your own code loads the file, save the weights again from there: torch.save(net.state_dict(), N" in error


@pytest.mark.parametrize("shared", ["self.twice = self.first = nn.Linear(6, 6)", "self.first = nn.Linear(6, 6); self.twice = nn.Linear(6, 6); self.twice.weight = self.first.weight"])  # fmt: skip
def test_a_safetensors_file_with_a_shared_layer(shared, module, brought, exported, tmp_path):
    code = module(
        (LAYERS, f"{shared}; self.last = nn.Linear(6, 64)"),
        ("self.last(torch.relu(self.first(z)))", "self.last(torch.relu(self.twice(torch.relu(self.first(z)))))"),
    )
    net, like = code.Net(), tmp_path / "mine.safetensors"
    safetensors.torch.save_model(net, str(like), {"author": "she"})
    original = brought(like)
    assert torch.equal(seen(original.generator), seen(net))
    done, out = exported(original, like)
    assert done.code == 0, done.err
    fresh = code.Net()
    assert safetensors.torch.load_model(fresh, str(out)) == (set(), [])
    assert torch.equal(seen(fresh), seen(original.generator))
    with safetensors.safe_open(out, "pt") as back, safetensors.safe_open(like, "pt") as before:
        assert list(back.keys()) == list(before.keys()) and back.metadata() == before.metadata()


def test_a_shared_layer_that_is_two_now_is_not_written_back(module, brought, exported, tmp_path):
    net = module((LAYERS, "self.twice = self.first = nn.Linear(6, 12); self.last = nn.Linear(12, 64)")).Net()
    safetensors.torch.save_model(net, str(tmp_path / "mine.safetensors"))
    original = brought(tmp_path / "mine.safetensors")
    original.generator.net.twice = nn.Linear(6, 12)
    done, out = exported(original, tmp_path / "mine.safetensors")
    assert done.code == 4 and not out.exists()
    assert "holds twice.bias and first.bias as one tensor, and the two differ now" in done.err


# --- names that lie within the wrapper ----------------------------------------------------------------


def test_a_module_with_a_parameter_of_its_own_and_a_part_called_net(module, brought, exported, tmp_path):
    code = module(
        (LAYERS, "self.bias = nn.Parameter(torch.zeros(1)); self.net = nn.Linear(6, 64)"),
        ("self.last(torch.relu(self.first(z)))", "self.net(z) + self.bias"),
    )
    net = code.Net()
    torch.save(net.state_dict(), tmp_path / "mine.pt")
    original = brought(tmp_path / "mine.pt")
    assert torch.equal(seen(original.generator), seen(net))
    done, out = exported(original, tmp_path / "mine.pt")
    assert done.code == 0 and list(torch.load(out, weights_only=True)) == ["bias", "net.weight", "net.bias"]


def test_a_module_that_is_held_deeper(module, brought, exported, tmp_path):
    code = module((BUILT, "self.net = nn.DataParallel(Net())"), (DRAWN, "images: Tensor = self.net.module(latents)"))
    net = code.Net()
    torch.save(net.state_dict(), tmp_path / "mine.pt")
    assert torch.equal(seen(brought(tmp_path / "mine.pt").generator), seen(net))


OWN = {
    "a parameter": "self.gain = nn.Parameter(torch.ones(1))",
    "a buffer": "self.register_buffer('gain', torch.ones(1))",
}


@pytest.mark.parametrize("kind", OWN)
def test_a_wrapper_with_a_tensor_of_its_own(kind, module, brought, exported, tmp_path):
    code = module((BUILT, f"{BUILT}; {OWN[kind]}"), (DRAWN, "images: Tensor = self.gain * self.net(latents)"))
    net = code.Net()
    torch.save(net.state_dict(), tmp_path / "mine.pt")
    original = brought(tmp_path / "mine.pt")
    assert torch.equal(seen(original.generator), seen(net))
    done, out = exported(original, tmp_path / "mine.pt", moved=lambda name: name != "gain")
    assert done.code == 0, done.err
    net.load_state_dict(torch.load(out, weights_only=True), strict=True)
    assert torch.equal(seen(original.generator), seen(net)), "his own code draws what the product draws"


def test_a_trained_parameter_of_the_wrapper_is_not_lost_silently(module, brought, exported, tmp_path):
    code = module((BUILT, f"{BUILT}; {OWN['a parameter']}"), (DRAWN, "images: Tensor = self.gain * self.net(latents)"))
    torch.save(code.Net().state_dict(), tmp_path / "mine.pt")
    done, out = exported(brought(tmp_path / "mine.pt"), tmp_path / "mine.pt")
    assert done.code == 4 and not out.exists()
    assert "unlearning changed gain, a parameter that the plug-in's generator has besides the module" in done.err
    assert "Make it a buffer, self.register_buffer('gain', ...), import the file again and unlearn again" in done.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("self.gain = nn.Parameter(torch.rand(1))", "lacks gain, which the plug-in's generator has besides the module"),
        ("self.post = nn.Conv2d(1, 1, 1)", "it lacks post.weight; it lacks post.bias. Names "),
    ],
)
def test_what_a_wrapper_draws_anew_each_time_must_be_in_the_file(more, message, module, refused, tmp_path):
    torch.save(module((BUILT, f"{BUILT}; {more}")).Net().state_dict(), tmp_path / "mine.pt")
    assert message in refused(tmp_path / "mine.pt")

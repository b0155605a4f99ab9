"""Unlearned weights go back to the layout they came in."""

from __future__ import annotations

import sys

import pytest
import torch
from official_files import (
    TINY_OPTIONS,
    filled,
    pgan,
    vdvae,
)

from bench.api import Unlearned
from bench.registry import Registry
from bench.workspace.foreign.containers import read_content
from bench.workspace.foreign.vdvae import official_name as vdvae_name
from bench.workspace.weights import loading, saving


@pytest.fixture
def returned(tmp_path, bench_cli, imported):
    """Return a function that imports a file, changes the generator, and exports it; gives generator and new file."""

    def change(content, *options):
        original = imported(content, *options)
        with torch.no_grad():
            for tensor in original.generator.parameters():
                tensor.add_(0.01)
        made, out = Unlearned(original.generator), tmp_path / "unlearned.pth"
        config = Registry().get("methods", "original").Config()
        saving.save_unlearned(tmp_path / "unlearned.safetensors", original, made, "original", config, None)
        done = bench_cli(
            "zoo", "export", tmp_path / "unlearned.safetensors", "--like", tmp_path / "official.pth", "--out", out
        )
        assert (done.code, done.err) == (0, ""), done.err
        return original.generator, out, done.out

    return change


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_vdvae_goes_back_to_its_layout(prefix, returned):
    content = {prefix + name: tensor for name, tensor in vdvae().items()}
    generator, out, said = returned(content, *TINY_OPTIONS)
    back = torch.load(out, weights_only=True)
    assert list(back) == list(content), "the same names in the same order"
    ours = {prefix + vdvae_name(f"generator.{name}"): tensor for name, tensor in generator.state_dict().items()}
    del ours[f"{prefix}decoder.opened"]
    for name, tensor in back.items():
        assert torch.equal(tensor, ours.get(name, content[name])), name
    assert f": {len(ours)} tensors of the generator" in said and len(ours) < len(back)


@pytest.mark.parametrize("alpha", [0.0, 0.25])  # fully grown, and fading in
def test_a_pgan_goes_back_to_its_layout(alpha, returned, tmp_path, bench_cli):
    content = pgan(alpha=alpha)
    generator, out, said = returned(content)
    assert "of netG, netD) are unchanged" in said
    assert sys.modules.get("models.utils.config") is None
    back = read_content(out)
    assert list(back) == list(content) and vars(back["config"]) == vars(content["config"])
    for network in ("netG", "netD"):
        assert all(torch.equal(back[network][name], tensor) for name, tensor in content[network].items())
    assert list(back["avgG"]) == list(content["avgG"])
    again = tmp_path / "again.safetensors"
    assert bench_cli("zoo", "import", out, "--format", "pgan", "--out", again).code == 0
    latents = filled("latents", (4, 6))
    loaded = loading.load_original(Registry(), again).generator
    torch.testing.assert_close(loaded(latents), generator(latents), rtol=0, atol=1e-5)

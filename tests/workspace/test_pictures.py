"""Pictures of generators with any number of channels."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from own_generator import bring
from PIL import Image
from wrapped_files import LAYERS

from bench.workspace.pictures import visible


@pytest.mark.parametrize(
    ("channels", "mode", "size"),
    [(1, "L", (8, 8)), (2, "L", (16, 8)), (3, "RGB", (8, 8)), (4, "RGBA", (8, 8)), (5, "L", (40, 8)), (6, "L", (48, 8)), (10, "L", (80, 8))],
)  # fmt: skip
def test_a_generator_of_any_channels(channels, mode, size, module, plugins, bench_cli, tmp_path):
    """From check to the unlearned weights; its pictures can be looked at, clicked and copied."""
    code = module(
        (LAYERS, f"self.first, self.last = nn.Linear(6, 12), nn.Linear(12, {64 * channels})"),
        (".view(-1, 1, 8, 8)", f".view(-1, {channels}, 8, 8)"),
        ("(1, 8, 8), 6, 6", f"({channels}, 8, 8), 6, 6"),
    )
    torch.save(code.Net().state_dict(), tmp_path / "mine.pt")
    weights, shown, copies, clicks = (tmp_path / n for n in ("mine.safetensors", "shown", "copies", "clicks.json"))
    places = ("--plugins", plugins.path)
    assert bench_cli("check", "wrapped", *places).code == 0
    assert bring(bench_cli, tmp_path / "mine.pt", weights, *places, model="wrapped").code == 0
    done = bench_cli("sample", "--weights", weights, "--count", 20, "--out", shown, *places)
    assert done.code == 0, done.err
    with Image.open(shown / "000000.png") as picture:
        assert (picture.mode in (mode, "RGB"), picture.size) == (True, size)
    copies.mkdir()
    for i in range(5):
        (copies / f"{i:06d}.png").write_bytes((shown / f"{i:06d}.png").read_bytes())
    done = bench_cli("feedback", shown, "--clicked", copies, "--feature", "scar", "--out", clicks)
    assert done.code == 0 and json.loads(clicks.read_text())["positive"] == [0, 1, 2, 3, 4], done.err
    done = bench_cli(
        "run", "--method", "ours", "--model", "wrapped", "--weights", weights, "--feedback", clicks, "--feature", "scar",
        "--results", tmp_path / "runs", "--set", "evaluation.count=64", "-p", "epochs=2", *places,
    )  # fmt: skip
    assert done.code == 0, done.err
    (picture,) = tmp_path.glob("runs/*/before-after.png")
    with Image.open(picture) as image:
        image.load()


def test_channels_stand_side_by_side_in_their_order():
    image = torch.arange(5 * 6, dtype=torch.uint8).view(1, 5, 2, 3)
    row = visible(image)
    assert row.shape == (1, 1, 2, 15)
    for channel in range(5):
        assert np.array_equal(row[0, 0, :, 3 * channel : 3 * channel + 3], image[0, channel])
    for channels in (1, 3, 4):
        assert torch.equal(visible(image[:, :channels]), image[:, :channels])


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_a_figure_shows_them_too(channels):
    from bench.report.figures import sheet

    images = torch.zeros(3, channels, 8, 8, dtype=torch.uint8)
    row = sheet.Row("a", images, np.zeros(3, dtype=bool))
    assert sheet.draw("title", [sheet.Block("block", [row])], "caption").axes[0].images

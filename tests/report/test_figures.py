"""Figures from stored cells of a tiny model whose features are planted."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from bench.experiments.planning import grid
from bench.registry import Registry
from bench.report.figures import page, series, sheet
from bench.report.figures.attributes import most_shifted
from bench.report.figures.making import FIGURES, _label
from bench.report.figures.series import Panel
from bench.report.figures.traversal import _seen
from bench.toolkit.latent import Direction
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def suite(bars, tmp_path_factory):
    path = tmp_path_factory.mktemp("suite") / "small.toml"
    path.write_text(
        f'[models.bars]\ndataset = "mnist"\nweights = "{bars.weights}"\n'
        "[models.bars.feedback]\ncount = 60\n[models.bars.evaluation]\ncount = 130\n"
        "[models.bars.methods.ours]\nepochs = 2\nbatch_size = 8\n"
    )
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a results folder, which the tests of this file fill together."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def figure(suite, bars, bench_cli, runs, tmp_path, monkeypatch):
    """Call ``bench figure``; returns how it ended, and keeps what was laid out on the page."""
    monkeypatch.delenv("BENCH_DATA", raising=False)
    laid_out = []
    draw = sheet.draw

    def drawing(title, blocks, caption, least_columns=0):
        laid_out[:] = [SimpleNamespace(title=title, blocks=blocks, caption=caption)]
        return draw(title, blocks, caption, least_columns)

    monkeypatch.setattr(sheet, "draw", drawing)

    def call(number, *more, results=runs, plugins=bars.folder.path):
        places = ["--suite", suite, "--plugins", plugins, "--results", results, "--device", "cpu"]
        done = bench_cli("figure", number, *places, "--out", tmp_path / "out", "--formats", "png", *more)
        return SimpleNamespace(done=done, page=laid_out[-1] if laid_out else None, out=tmp_path / "out")

    return call


def rows_of(found):
    return {(block.title, row.label): row for block in found.page.blocks for row in block.rows}


# --- from a command to files --------------------------------------------------------------------------


def test_a_figure_s_plan_names_its_cells_and_draws_nothing(figure, tmp_path):
    fresh = tmp_path / "fresh"
    planned = figure("5", "--dry-run", results=fresh)
    assert planned.done.code == 0, planned.done.err
    assert planned.done.out.count("run     ours-bars-") == 2
    assert planned.done.out.endswith("2 cells, 0 stored, 2 to run; time unknown until the first is done\n")
    assert not fresh.exists() and not planned.out.exists()


def test_a_figure_from_nothing_to_two_files_and_again(figure, tmp_path):
    fresh = tmp_path / "fresh"
    found = figure("5", "--formats", "png,pdf", results=fresh)
    assert found.done.code == 0, found.done.err
    assert "2 cells, 0 stored, 2 to run; time unknown until the first is done" in found.done.err
    files = sorted(found.out.iterdir())
    assert [f.name for f in files] == ["figure-5-small-bars.pdf", "figure-5-small-bars.png"]
    with Image.open(files[1]) as picture:
        assert picture.width > 1000
    assert all(str(file) in found.done.out for file in files)
    first = [file.read_bytes() for file in files]
    assert first[0].startswith(b"%PDF")
    again = figure("5", "--formats", "png,pdf", "--no-run", results=fresh)
    assert again.done.code == 0 and again.done.err == ""
    assert [file.read_bytes() for file in files] == first, "the same figure gives the same bytes"


def test_figures_of_different_features_seeds_and_parameters_lie_beside_one_another(figure):
    for more in (
        (),
        ("--feature", "slant"),
        ("--feature", "slant", "--seed", "1"),
        ("--feature", "slant", "-p", "alpha=2"),
    ):
        assert figure("5", *more).done.code == 0
    names = sorted(path.name for path in figure("5").out.iterdir())
    assert len(names) == 4
    assert {"figure-5-small-bars.png", "figure-5-small-bars-slant.png", "figure-5-small-bars-slant-s1.png"} < set(names)


def test_a_method_is_labelled_with_what_was_typed():
    workspace = Workspace(Registry(), Store(Path("nowhere")), torch.device("cpu"))
    request = grid.Request(
        methods=["ours"], models=["vdvae"], features=["beard"], params=["layers=1,4", "keep=bang", "shrink=true"]
    )
    (cell,) = grid.cells(request, workspace)
    assert _label(cell) == "ours\n(layers=1,4, keep=bang, shrink=true)"


@pytest.mark.parametrize("number", ["1", "4", "5"])
def test_words_say_model_data_method_seed_and_judge(figure, number):
    found = figure(number, "--seed", "1", "--feature", "slant")
    assert found.done.code == 0, found.done.err
    assert found.page.title.endswith(": bars, MNIST (real)")
    wanted = "Model bars on MNIST (real); ours; feedback and unlearning seed 1; suite small; oracle morpho_mnist."
    assert wanted in found.page.caption and wanted in found.done.out


# --- what is shown ------------------------------------------------------------------------------------


def test_figure_5_pairs_the_same_latents_half_of_them_with_the_feature(figure, bars):
    from bench.core import randomness
    from bench.core.rendering import to_uint8

    found = figure("5", "--method", "original,ours", "-p", "epochs=2", "--feature", "thickness")
    rows = rows_of(found)
    labels = [label for _, label in rows]
    assert labels == ["original", "ours\n(epochs=2)"], "the method `original` adds no row of its own"
    before, after = rows.values()
    (block,) = found.page.blocks
    assert [size for _, size in block.groups] == [5, 5]
    assert before.framed.tolist() == [True] * 5 + [False] * 5
    chunks = (range(first, first + 64) for first in (0, 64, 128))
    noise = (randomness.draw(randomness.EVALUATION, chunk, 6) for chunk in chunks)
    drawn = torch.cat([to_uint8(bars.original.generator(each)) for each in noise])
    places = [int((drawn == image).flatten(1).all(1).nonzero()[0]) for image in before.images]
    assert places == sorted(places[:5]) + sorted(places[5:]) and len(set(places)) == 10
    difference = (before.images.float() - after.images.float()).abs().mean((1, 2, 3))
    assert 0 < difference.max() < 20, "the unlearned row shows the same latents"


def test_figure_4_shows_the_first_five_flagged_with_their_scores(figure):
    row = rows_of(figure("4", "--method", "original", "--feature", "thickness"))["thickness", "original"]
    assert len(row.images) == len(row.notes) == 5
    threshold = float(row.message.split("threshold ")[1].rstrip(")"))
    assert row.message.split()[1:3] == ["of", "130"] and int(row.message.split()[0]) > 5
    assert all(float(note) >= threshold - 0.01 for note in row.notes)


@pytest.mark.parametrize(("slope", "message", "count"), [(0.0, "none of 130", 0), (1.9, "3 of 130", 3)])
def test_figure_4_says_that_fewer_or_none_are_flagged(figure, plugins, slope, message, count):
    plugins.method(
        "thin",
        f"""
        student = deepcopy(generator)
        with torch.no_grad():
            student.layer.bias[0] = -1.0
            student.layer.weight[0, 0] = {slope}
        return Unlearned(student)
        """,
    )
    found = figure("4", "--method", "thin", "--feature", "thickness", plugins=plugins.path)
    assert found.done.code == 0, found.done.err
    row = rows_of(found)["thickness", "thin"]
    assert row.message.startswith(f"{message} flagged") and len(row.images) == len(row.notes) == count


def test_figure_1_moves_latents_from_little_to_much_of_the_feature(figure):
    found = figure("1", "--feature", "thickness")
    (block,) = found.page.blocks
    assert [row.label for row in block.rows] == ["original", "ours"] * 2
    assert block.arrow == "less thickness to more" and "(found: thickness 2;" in found.page.caption
    for row in block.rows[::2]:
        ink = row.images.double().mean((1, 2, 3))
        assert (ink.diff() > 0).all() and not row.framed[0] and row.framed[-1]


def test_a_latent_is_moved_to_a_projection_and_held_otherwise(bars):
    generator, noise = bars.original.generator, torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    direction = Direction(6)
    direction.unit[0] = 1.0
    moved = noise.clone()
    moved[:, 0] = 1.5
    wanted = (generator(moved).clamp(0, 1) * 255).round().to(torch.uint8)
    assert torch.equal(_seen(generator, generator, direction, noise, noise, 1.5), wanted)
    oblique = Direction(6, oblique=True)
    oblique.unit[0], oblique.move[0], oblique.move[1] = 1.0, 1.0, 2.0
    moved[:, 1] += 2 * (1.5 - noise[:, 0])
    wanted = (generator(moved).clamp(0, 1) * 255).round().to(torch.uint8)
    assert torch.equal(_seen(generator, generator, oblique, noise, noise, 1.5), wanted)


def test_figure_6_draws_the_stored_ratios_of_the_most_shifted(figure, runs, monkeypatch):
    drawn = []
    original = most_shifted

    def keep(panels):
        drawn.append((panels, original(panels)))
        return drawn[-1][1]

    monkeypatch.setitem(FIGURES, "6", FIGURES["6"].__class__(FIGURES["6"].methods, keep))
    found = figure("6", "--feature", "slant")
    assert found.done.code == 0, found.done.err
    ((panel,), (drawing, caption)) = drawn[0]
    assert isinstance(panel, Panel) and [s.label for s in panel.series] == ["original", "ours"]
    assert "Not shown for slant: retrain (MNIST is needed, but no data folder is given" in caption
    records = {
        record.method: record for _, record in Store(runs).records() if (record.feature, record.seed) == ("slant", 0)
    }
    metrics = records["ours"].metrics
    shifts = {n[16:-1]: abs(v.value) for n, v in metrics.items() if n.startswith("attribute_shift[")}
    (axes,) = drawing.axes
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert [shifts[name] for name in names] == sorted(shifts.values(), reverse=True)[:5]
    for method, bars_of in zip(
        ("original", "ours"), [c for c in axes.containers if hasattr(c, "patches")], strict=True
    ):
        heights = [bar.get_height() for bar in bars_of.patches]
        assert heights == [records[method].metrics[f"attribute_ratio[{name}]"].value for name in names]


def test_figure_6_names_a_stored_cell_without_the_attributes(figure, runs, tmp_path):
    asked = ("--feature", "slant", "--method", "original,ours")
    assert figure("6", *asked).done.code == 0
    shutil.copytree(runs, tmp_path / "runs")
    store = Store(tmp_path / "runs")
    (folder,) = (tmp_path / "runs").glob("original-bars-slant-s0-*")
    record = store.read(folder)
    metrics = {name: found for name, found in record.metrics.items() if not name.startswith("attribute_")}
    ran = {name: run for name, run in record.metric_runs.items() if name != "diversity"}
    store.write(folder, record.model_copy(update={"metrics": metrics, "metric_runs": ran}))
    found = figure("6", *asked, "--no-run", results=store.root)
    assert found.done.code == 1, found.done
    assert re.search(
        rf"Error: figure 6: for 'slant', \S+.* not measured in the cell {folder.name}\. Let", found.done.err
    )
    assert "'diversity' be computed (evaluation.metrics)" in found.done.err and found.done.out == ""


# --- the page -----------------------------------------------------------------------------------------


def test_every_picture_pixel_is_a_whole_number_of_page_pixels(tmp_path):
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8))
    row = sheet.Row("a row", image[None].expand(3, -1, -1, -1), np.array([False, True, False]))
    drawing = sheet.draw("A title", [sheet.Block("block", [row], arrow="less to more")], "A caption. " * 40)
    (path,) = page.write(drawing, tmp_path / "page", ["png"])
    with Image.open(path) as picture:
        found = np.asarray(picture.convert("RGB"))
    wanted = image.repeat_interleave(2, 1).repeat_interleave(2, 2).movedim(0, -1).numpy()  # (128, 128, 3)
    corner = np.argwhere(
        (found[:-127, :-127] == wanted[0, 0]).all(-1) & (found[127:, 127:] == wanted[127, 127]).all(-1)
    )
    matches = [(y, x) for y, x in corner if np.array_equal(found[y : y + 128, x : x + 128], wanted)]
    assert len(matches) == 3 and len({y for y, _ in matches}) == 1


# --- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["2"], "NUMBER: unknown figure '2'. Known: 1, 4, 5, 6."),
        (["5", "--feature", "beard"], "--feature (data set 'mnist'): unknown feature 'beard'"),
        (["5", "--method", "our"], "--method: unknown method 'our'. Did you mean 'ours'?"),
        (["5", "--model", "bars", "--no-run", "--seed", "9"], "figure 5: 2 of 2 cells behind it are not stored in"),
        (["5", "--formats", "gif"], "--formats gif: expected some of png,pdf"),
        (["1", "--method", "original", "--feature", "slant"], "the method 'original' has no target direction"),
    ],
)
def test_one_error_and_nothing_written(figure, arguments, message):
    found = figure(*arguments)
    assert found.done.code == 4
    assert message in found.done.err and found.done.err.count("Error: ") == 1
    assert not list(found.out.glob("*")) and found.done.out == ""


def test_a_figure_of_a_method_that_fails_says_why(figure, plugins):
    plugins.method("wrong", "raise ValueError('by design')")
    found = figure("5", "--method", "wrong", "--feature", "slant", plugins=plugins.path)
    assert found.done.code == 1
    assert (
        "Error: figure 5: there is nothing to draw for slant: wrong (failed: ValueError: by design)" in found.done.err
    )
    assert not list(found.out.glob("*"))


def test_the_command_line_imports_no_matplotlib():
    code = "import sys, bench.cli.figure; print(sorted({'matplotlib', 'torch', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_what_the_import_of_a_method_changes_is_not_in_the_pictures(figure, plugins, monkeypatch):
    """The command imports the methods; the pictures come from processes that do not."""
    monkeypatch.setattr(series, "to_uint8", series.to_uint8)  # put back afterwards
    plugins.method("dark", "return Unlearned(deepcopy(generator))")
    file = plugins.path / "dark.py"
    patch = "from bench.report.figures import series\nseries.to_uint8 = lambda images: (images * 0).to(torch.uint8)\n"
    file.write_text(f"{file.read_text()}\n\n{patch}")
    found = figure("5", "--method", "dark", "--feature", "thickness", plugins=plugins.path)
    assert found.done.code == 0, found.done.err
    assert series.to_uint8(torch.ones(1)).item() == 0, "the method was imported here"
    rows = rows_of(found)
    original, unlearned = (rows["thickness", name].images for name in ("original", "dark"))
    assert torch.equal(original, unlearned) and original.float().std() > 1

"""Cells that differ in their original's weights, or in their clicks, are told apart: in a report, and in lists."""

from __future__ import annotations

import json
import re

import pytest
from made_records import made_record

import bench
from bench.registry import Registry
from bench.report import inputs, labels
from bench.report.page import curves
from bench.report.page.cells import gather
from bench.report.page.making import make_report
from bench.workspace.store.store import Store

VAE = ("vae-mnist", "a" * 64)
UNLEARNED = ("results/runs/ours-vae-thickness-s0-0a1b2c3d4e5f6071/unlearned.safetensors", "b" * 64)


def record(number=0, weights=VAE, file=None, clicks="1", value=0.01, commit=None, **changed):
    """Return a record of given weights (name, sha256), file of clicks and hash of the clicks."""
    metric = {"value": value, "n": 10, "higher_is_better": False, "source": "a test", "metric": "target_ratio"}
    made = made_record(
        f"{number:08x}" * 8, metrics={"target_ratio": metric}, stages={"feedback": clicks * 64, "unlearn": f"{number:x}" * 64}, **changed
    )  # fmt: skip
    began = {
        "weights": made.provenance.weights.model_copy(update={"path": weights[0], "sha256": weights[1]}),
        "feedback_file": file,
        "machine": made.provenance.machine.model_copy(update={"git_commit": commit}),
    }
    return made.model_copy(update={"provenance": made.provenance.model_copy(update=began)})


def store_all(root, records):
    store = Store(root)
    for each in records:
        store.write(store.folder(each.readable, each.key), each)
    return root


def test_a_report_shows_each_number_in_its_own_row_with_a_link_to_its_own_record(tmp_path):
    cells = {
        "ours, weights=vae-mnist": record(1, value=0.011),
        "ours, weights=unlearned.safetensors": record(2, UNLEARNED, value=0.012),
        "ours, weights=vae-mnist feedback=fb.json": record(3, file="there/fb.json", clicks="2", value=0.013),
        "original, weights=vae-mnist": record(4, method="original", value=0.014),
        "original, weights=unlearned.safetensors": record(5, UNLEARNED, method="original", value=0.015),
        "probe, weights=unlearned.safetensors": record(6, UNLEARNED, method="probe", value=0.016),
    }
    path, _ = make_report([store_all(tmp_path / "runs", cells.values())], tmp_path / "report.html", Registry())
    body = re.search(r"<tbody>(.*?)</tbody>", path.read_text(), re.S)[1]
    rows = re.findall(r'<tr><th scope="row" data-sort="([^"]*)">(.*?)</tr>', body, re.S)
    assert [name for name, _ in rows] == sorted(cells)
    for name, row in rows:
        assert row.count(">seed 0</a>") == 1
        assert set(re.findall(r'href="#cell-([0-9a-f]{16})"', row)) == {cells[name].key[:16]}
        assert f'data-sort="{cells[name].value("target_ratio")}"' in row


@pytest.mark.parametrize("digits", ["0a1b2c3d4e5f607", "0a1b2c3"])
def test_seeds_that_began_with_unlearned_generators_of_their_own_seed_are_one_row(digits, tmp_path):
    """As ``bench run --sequential --seed 0-1`` leaves them; an earlier version wrote fewer digits."""
    folder = f"results/runs/ours-vae-slant-s{{}}-{digits}{{}}/unlearned.safetensors"
    own = [(folder.format(seed, seed), f"{seed + 1}" * 64) for seed in (0, 1)]
    cells = [record(1), record(2, seed=1), record(3, own[0]), record(4, own[1], seed=1)]
    path, _ = make_report([store_all(tmp_path / "runs", cells)], tmp_path / "report.html", Registry())
    body = re.search(r"<tbody>(.*?)</tbody>", path.read_text(), re.S)[1]
    rows = re.findall(r'<tr><th scope="row" data-sort="([^"]*)">(.*?)</tr>', body, re.S)
    assert [name for name, _ in rows] == ["ours, weights=unlearned.safetensors", "ours, weights=vae-mnist"]
    assert all(row.count(f">seed {seed}</a>") == 1 for _, row in rows for seed in (0, 1))


def test_cells_that_nothing_names_have_their_keys_in_a_report(tmp_path):
    """Two of one commit, where a plug-in, an oracle or images have changed, shared a row: one number was hidden."""
    root = store_all(tmp_path, [record(1), record(2), record(3, seed=1)])
    assert [cell.label for cell in gather([root]).cells] == ["", "key=00000001", "key=00000002"]


def test_seeds_of_the_same_weights_and_clicks_are_one_row():
    found = [record(seed, file="fb.json", seed=seed) for seed in range(3)]
    assert labels.of_records(found) == ["", "", ""]
    found.append(record(3))
    assert labels.of_records(found) == [*["feedback=fb.json"] * 3, ""], "an oracle's clicks have no file"


@pytest.mark.parametrize(
    ("weights", "names"),
    [
        ([VAE, ("zoo/vae-mnist.safetensors", VAE[1])], [None, None]),
        ([VAE, ("mine/vae.safetensors", "c" * 64)], ["vae-mnist", "vae.safetensors"]),
        ([("a/u.st", "c" * 64), ("x/b/u.st", "d" * 64), VAE], ["a/u.st", "b/u.st", "vae-mnist"]),
        ([("x/a/u.st", "c" * 64), ("y/a/u.st", "d" * 64)], ["x/a/u.st", "y/a/u.st"]),
        ([("a/u.st", "c" * 64), ("a/u.st", "d" * 64)], ["u.st@cccccccc", "u.st@dddddddd"]),
    ],
    ids="same-content file folder path rewritten".split(),
)
def test_weights_are_named_as_shortly_as_tells_them_apart(weights, names):
    found = inputs.of_records([record(number, each) for number, each in enumerate(weights)])
    assert [each.get("weights") for each in found] == names


def test_other_places_are_not_compared():
    found = [record(0), record(1, UNLEARNED, feature="thickness"), record(2, UNLEARNED, dataset="own")]
    assert inputs.of_records(found) == [{}, {}, {}]


def test_clicks_are_named_by_their_file():
    files = ["one/fb.json", "two/fb.json", "mine.json", None]
    found = inputs.of_records([record(n, file=file, clicks=str(n + 1)) for n, file in enumerate(files)])
    assert [each.get("feedback") for each in found] == ["one/fb.json", "two/fb.json", "mine.json", None]
    same = inputs.of_records([record(0, file="fb.json"), record(1, file="/there/fb.json")])
    assert same == [{}, {}], "the same clicks were read"
    rewritten = [record(0, file="fb.json", clicks="c"), record(1, file="fb.json", clicks="d")]
    assert labels.of_records(rewritten) == ["clicks=cccccccc", "clicks=dddddddd"]


def test_curves_are_of_one_original(tmp_path):
    """A line joined the means of cells of several originals."""
    alphas = [(n, weights, alpha) for n, (weights, alpha) in enumerate((w, a) for w in (VAE, UNLEARNED) for a in (1.0, 3.0, 5.0))]  # fmt: skip
    root = store_all(tmp_path, [record(n, weights, params={"alpha": alpha}) for n, weights, alpha in alphas])
    found = curves.against(gather([root]).cells, "target_ratio", "alpha")
    assert {curve.name: len(curve.points) for curve in found} == {
        "ours, weights=unlearned.safetensors": 3,
        "ours, weights=vae-mnist": 3,
    }


def test_status_names_the_weights_that_ran_and_not_the_suite_s(tmp_path, bench_cli):
    suite, own = {"dataset": "mnist", "weights": "vae-mnist"}, {"dataset": "own"}
    cells = [
        record(1, settings=suite),
        record(2, UNLEARNED, settings=suite),
        record(3, file="fb.json", settings=suite, clicks="2"),
        record(4, settings=own, dataset="own"),
    ]
    lines = bench_cli("status", "--results", store_all(tmp_path, cells)).out.splitlines()
    assert [line.split()[2:-2] for line in lines] == [
        ["weights=vae-mnist", "dataset=mnist"],
        ["weights=unlearned.safetensors", "dataset=mnist"],
        ["weights=vae-mnist", "feedback=fb.json", "dataset=mnist"],
        ["dataset=own"],
    ]


def test_json_and_the_frame_have_the_weights_and_the_file_of_clicks(tmp_path, bench_cli):
    store_all(tmp_path, [record(1), record(2, UNLEARNED, file="there/fb.json", clicks="2")])
    known = {"vae-mnist": None, UNLEARNED[0]: "there/fb.json"}
    lines = [json.loads(line) for line in bench_cli("status", "--results", tmp_path, "--json").out.splitlines()]
    assert {line["weights"]: line["feedback_file"] for line in lines} == known
    cells = bench.results(tmp_path)
    assert set(cells["weights"]) == set(known)
    assert cells.set_index("weights")["feedback_file"].dropna().to_dict() == {UNLEARNED[0]: "there/fb.json"}
    assert set(bench.results(tmp_path, tidy=True)["label"]) == {
        "weights=vae-mnist",
        "weights=unlearned.safetensors feedback=fb.json",
    }

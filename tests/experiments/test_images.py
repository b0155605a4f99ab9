"""The images of a data set are in the keys of all that is made from them: other images are never served as these."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from trained_oracles import COUNT, SEEN

from bench.core import resuming
from bench.errors import DataError
from bench.evaluation.images import images_identity
from bench.evaluation.targets import target_mask
from bench.experiments.cells.resolve import resolve
from bench.experiments.planning import grid
from bench.registry import Registry
from bench.workspace.store.store import Store
from bench.workspace.weights import checkpoint
from bench.workspace.workspace import Workspace

STRAIGHT, TURNED = np.arange(40, dtype=np.uint8), 60 - np.arange(40, dtype=np.uint8)
TRAINER = """
    from copy import deepcopy
    import torch
    from bench.api import Method, Params, Unlearned, hookimpl

    class Trainer(Method[Params]):
        needs = frozenset({"training_data"})
        reads_feedback = False

        def unlearn(self, generator, feedback, context):
            data, student = context.training_data, deepcopy(generator)
            with torch.no_grad():
                student.layer.bias += 0.001 * data.split.read(data.target.nonzero()[0]).float().mean()
            return Unlearned(student)

    @hookimpl
    def register_methods(register):
        register(Trainer)
"""


@pytest.fixture
def shelf(world, bars, bench_cli, tmp_path):
    """Return the world with the data set ``shelf``, whose images lie in a file: ``put`` them, ``run`` and get ``keys``."""
    plugins, data = world.plugins, tmp_path / "data"
    plugins.add("shelf")
    plugins.write("trainer", TRAINER)
    named = (f"oracle.feedback={world.a}", f"oracle.evaluation={world.b}")

    class Shelf:
        path = data / "shelf.npy"
        results = tmp_path / "runs"
        folder = plugins

        def put(self, levels):
            data.mkdir(exist_ok=True)
            np.save(self.path, levels)

        def workspace(self):
            return Workspace(Registry(plugins.path), Store(self.results), torch.device("cpu"), data)

        def run(self, method, *more, results=None):
            done = bench_cli(
                "run", "--method", method, "--model", "bars", "--feature", "light", "--dataset", "shelf", "--weights",
                bars.weights, "--plugins", plugins.path, "--results", results or self.results, "--device", "cpu",
                "--data-dir", data, "--set", f"feedback.count={COUNT}", "--set", f"evaluation.count={SEEN}", "--json",
                *(word for text in named for word in ("--set", text)), *more,
            )  # fmt: skip
            return json.loads(done.out) if done.code == 0 else done

        def keys(self, method):
            workspace = self.workspace()
            request = grid.Request(
                methods=[method], models=["bars"], features=["light"], dataset="shelf", weights=str(bars.weights),
                overrides=named,
            )  # fmt: skip
            (cell,) = grid.cells(request, workspace)
            found = resolve(cell, workspace)
            return {**vars(found.keys), **{f"metric {name}": key for name, key in found.metric_keys.items()}}

    return Shelf()


@pytest.fixture(autouse=True)
def default_oracle(monkeypatch, tmp_path):
    """Let the data set's own oracle be the first of the two copies, which its training masks come from."""
    from bench.workspace.weights import oracles

    plain = oracles.choose

    def choose(registry, dataset, default, role, named, recipe):
        if dataset == "shelf" and named is None:
            named = str(tmp_path / "a.safetensors")
        return plain(registry, dataset, default, role, named, recipe)

    monkeypatch.setattr("bench.workspace.workspace.choose", choose)


READ_IMAGES = {"metric fidelity", "metric kid", "metric oracle_far"}


def differing(before, after):
    return {name for name in before if before[name] != after[name]}


def fids(record):
    return {name: found["value"] for name, found in record["metrics"].items() if name.startswith("fid")}


def test_other_images_change_the_keys_of_what_reads_them(shelf):
    shelf.put(STRAIGHT)
    trained, edited = shelf.keys("trainer"), shelf.keys("latent_edit")
    assert trained == shelf.keys("trainer")
    shelf.put(TURNED)
    assert differing(edited, shelf.keys("latent_edit")) == READ_IMAGES
    assert differing(trained, shelf.keys("trainer")) == {
        "unlearn",
        "evaluate",
        "columns",
        *READ_IMAGES,
    }


def test_code_that_reads_the_images_counts_too(shelf):
    shelf.put(STRAIGHT)
    before = shelf.keys("latent_edit")
    shelf.folder.add("shelf", ("torch.from_numpy(levels).view", "torch.from_numpy(levels // 2).view"))
    assert differing(before, shelf.keys("latent_edit")) == READ_IMAGES


def test_results_made_from_other_images_are_made_again(shelf, tmp_path):
    shelf.put(STRAIGHT)
    first, first_edit = shelf.run("trainer"), shelf.run("latent_edit")
    shelf.put(TURNED)
    second, second_edit = shelf.run("trainer"), shelf.run("latent_edit")
    fresh, fresh_edit = (shelf.run(m, results=tmp_path / "fresh" / "runs") for m in ("trainer", "latent_edit"))
    assert second["artefacts"] == fresh["artefacts"] != first["artefacts"]
    assert fids(second) == fids(fresh) != fids(first) and fids(first)
    assert fids(second_edit) == fids(fresh_edit) != fids(first_edit)
    assert first["provenance"]["images"] != second["provenance"]["images"] is not None
    assert shelf.run("trainer", "--seed", 3)["metrics"]["fid[digits]"] != first["metrics"]["fid[digits]"]
    shelf.put(STRAIGHT)
    assert shelf.run("trainer") == first and shelf.run("latent_edit") == first_edit, "each has its own place"


def test_stored_cells_are_found_where_the_images_are_not(shelf):
    shelf.put(STRAIGHT)
    stored = shelf.run("trainer")
    shelf.path.unlink()
    assert shelf.run("trainer") == stored
    shelf.folder.write("trainer", TRAINER.replace("0.001", "0.002"))
    missing = shelf.run("trainer")
    assert missing.code == 4 and f"{shelf.path}: no such file" in missing.err
    shelf.put(TURNED)
    assert shelf.run("trainer")["status"] == "ok"
    shelf.path.unlink()
    with pytest.raises(DataError, match="no such file"):  # the records name two
        images_identity(shelf.workspace(), "shelf")


def test_damaged_statistics_and_scores_are_made_again(shelf):
    shelf.put(STRAIGHT)
    whole = shelf.run("latent_edit")
    (statistics,) = (shelf.results.parent / "statistics").glob("*.safetensors")
    (scores,) = shelf.results.glob(".stages/training-scores-*/scores.npy")
    for path in (statistics, scores):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        for result in shelf.results.glob("*/result.json"):
            result.unlink()
        assert shelf.run("latent_edit")["metrics"] == whole["metrics"]
        if path is statistics:
            assert checkpoint.read(path).description["data_sha256"] == whole["provenance"]["images"]
    workspace = shelf.workspace()
    mask = target_mask(workspace, "shelf", workspace.dataset("shelf").split("train"), "light")
    assert scores.read_bytes() == content and mask.any()


# --- pre-training -------------------------------------------------------------------------------------


@pytest.fixture
def pretrain(shelf, bench_cli, tmp_path):
    def call(*more):
        return bench_cli(
            "pretrain", "--model", "vae", "--dataset", "shelf", "--plugins", shelf.folder.path, "--results",
            shelf.results, "--data-dir", shelf.path.parent, "--device", "cpu", "-p", "batch_size=8", *more,
        )  # fmt: skip

    return call


def test_weights_made_from_other_images_are_not_taken_for_these(shelf, pretrain, tmp_path):
    out = tmp_path / "x.safetensors"
    shelf.put(STRAIGHT)
    assert pretrain("-p", "epochs=1", "--out", out).code == pretrain("-p", "epochs=1").code == 0
    assert "already trained" in pretrain("-p", "epochs=1", "--out", out).err
    assert "already trained" in pretrain("-p", "epochs=1").err
    shelf.put(TURNED)
    refused = pretrain("-p", "epochs=1", "--out", out)
    assert refused.code == 4
    assert f"--out {out}: already holds weights that were made from other images of 'shelf'" in refused.err
    assert "already trained" not in pretrain("-p", "epochs=1").err


@pytest.mark.parametrize("change", ["images", "settings"])
def test_an_interrupted_training_of_something_else_is_not_resumed(change, shelf, pretrain, tmp_path, monkeypatch):
    shelf.put(STRAIGHT)
    out, fresh = tmp_path / "x.safetensors", tmp_path / "fresh.safetensors"
    saved = []
    plain = resuming.save

    def save(path, content):
        plain(path, content)
        saved.append(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("bench.api.context.CHECKPOINT_SECONDS", -1.0)
        patch.setattr("bench.api.context.SAVING_SHARE", 0)
        patch.setattr(resuming, "save", save)
        assert pretrain("-p", "epochs=2", "--out", out).code == 2
    assert saved and saved[0].exists() and not out.exists()
    settings = ("-p", "epochs=2") if change == "images" else ("-p", "epochs=2", "-p", "lr=0.01")
    if change == "images":
        shelf.put(TURNED)
    assert pretrain(*settings, "--out", out).code == pretrain(*settings, "--out", fresh).code == 0
    tensors, expected = checkpoint.read(out).tensors, checkpoint.read(fresh).tensors
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert not list(tmp_path.glob("x.*.checkpoint.pt")), "what was left of another training goes with it"


def test_images_that_change_while_cells_run(shelf):
    shelf.put(STRAIGHT)
    shelf.folder.write("trainer", TRAINER.replace("return Unlearned", f"import numpy; numpy.save({str(shelf.path)!r}, 70 - numpy.arange(40, dtype='u1'))\n            return Unlearned"))  # fmt: skip  # noqa: E501
    done = shelf.run("trainer")
    assert done.code == 4 and "the images of data set 'shelf': changed while cells ran" in done.err
    assert not list(shelf.results.glob("*/result.json")) and not list(
        shelf.results.glob(".stages/unlearn-*/sealed.json")
    )

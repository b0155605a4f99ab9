"""The paper's suites, and Table 1 on CelebA."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.registry import Registry
from bench.workspace.settings.settings import method_params
from bench.workspace.settings.suites import load_suite


@pytest.mark.parametrize("name", ["celeba", "paper", "paper-hq"])
def test_every_value_of_a_suite_of_photographs_is_valid(name):
    registry = Registry()
    for model, settings in load_suite(name).models.items():
        dataset = registry.get("datasets", settings.dataset)
        config = registry.get("models", model).Config(image_shape=dataset.image_shape, **settings.pretrain)
        assert config.image_shape == dataset.image_shape
        assert set(settings.features) <= set(dataset.features)
        for method, params in settings.methods.items():
            found = method_params(registry.get("methods", method).Config, params, {}, method).model_dump(mode="json")
            assert {name: found[name] for name in params} == {**params}


def test_the_paper_s_iterations():
    models = load_suite("paper").models
    for left in (171_890, 169_158):  # Table 1: without bangs, without beards
        for model in ("vdvae", "proggan"):
            steps = models[model].methods["retrain"]["epochs"] * (left // models[model].pretrain["batch_size"])
            assert steps == pytest.approx(96_000, rel=0.01)


SUITE = """
[models.proggan]
dataset = "celeba128"
[models.vdvae]
dataset = "celeba"
"""


def test_table_1_counts_every_image_once_from_the_attribute_file(data, tmp_path, bench_cli):
    (data / "celeba" / "img_align_celeba").rename(data / "elsewhere")
    (tmp_path / "faces.toml").write_text(SUITE)
    options = ("--suite", tmp_path / "faces.toml", "--data-dir", data, "--results", tmp_path / "runs")
    done = bench_cli("table", "1", *options, "--formats", "csv", "--out", tmp_path)
    assert done.code == 0, done.err
    frame = pd.read_csv(tmp_path / "table-1-faces.csv")
    counts = frame.set_index(["feature", "metric"])["mean"].to_dict()
    assert counts == {
        ("bang", "target_images"): 3, ("bang", "non_target_images"): 4,
        ("beard", "target_images"): 2, ("beard", "non_target_images"): 5,
    }  # fmt: skip
    assert set(frame["paper"]) == {30_709, 171_890, 33_441, 169_158}
    wrong = bench_cli("table", "1", *options, "--out", tmp_path, "--model", "vdvea")
    assert wrong.code == 4 and wrong.err.startswith("Error: --model: unknown model 'vdvea'. Did you mean 'vdvae'?")


def test_table_1_refuses_a_web_page_for_the_splits(data, tmp_path, bench_cli):
    (tmp_path / "faces.toml").write_text(SUITE)
    file = data / "celeba" / "list_eval_partition.txt"
    file.write_text("<!-- -->\n<!DOCTYPE html><title>Quota exceeded</title>")
    options = (
        "--suite",
        tmp_path / "faces.toml",
        "--data-dir",
        data,
        "--results",
        tmp_path / "runs",
        "--out",
        tmp_path,
    )
    done = bench_cli("table", "1", *options)
    assert done.code == 4 and f"{file}: is a web page" in done.err


def test_table_1_of_one_model_reads_no_other_s_data(data, tmp_path, bench_cli):
    (tmp_path / "both.toml").write_text(SUITE + '[models.vae]\ndataset = "mnist"\n')
    options = ("--suite", tmp_path / "both.toml", "--data-dir", data, "--results", tmp_path / "runs", "--out", tmp_path)
    done = bench_cli("table", "1", *options, "--formats", "csv", "--model", "proggan")
    frame = pd.read_csv(tmp_path / "table-1-both-proggan.csv")
    assert done.code == 0 and set(frame["model"]) == {"celeba128"} and frame["mean"].notna().all()

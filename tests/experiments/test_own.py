"""Your own generator: import its weights, click on its samples, unlearn without an oracle, export its weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from own_generator import EXAMPLES, take_home

import bench
from bench.core import randomness
from bench.core.rendering import to_uint8
from bench.registry import Registry

LEARNT = ("learnt_agreement", "learnt_resolution", "learnt_target_ratio", "original_learnt_target_ratio")

# --- there and back -----------------------------------------------------------------------------------


def test_the_worked_example_keeps_the_contract(bench_cli):
    checked = bench_cli("check", "my_generator", "--plugins", EXAMPLES)
    assert checked.code == 0, checked.out


def test_the_record_says_what_is_known_and_why_the_rest_is_not(unlearned, hers, clicks):
    done, record, folder = unlearned
    assert record["status"] == "ok" and record["dataset"] == "own" and record["provenance"]["oracle"] is None
    assert set(record["metrics"]) == {"flagged_ratio", "flagged_change", "unflagged_change", *LEARNT}
    assert {"target_ratio", "roc_auc", "retain_change", "fidelity"} <= set(record["skipped_metrics"])
    assert record["skipped_metrics"]["roc_auc"] == "needs an oracle"
    assert record["skipped_metrics"]["fidelity"] == "needs reference images"
    changes = record["metrics"]
    assert changes["flagged_change"]["value"] > 2 * changes["unflagged_change"]["value"]
    assert changes["flagged_ratio"]["source"] == "no data set (clicks on the generator's own samples); no oracle; 200 samples of my_generator"  # fmt: skip  # noqa: E501
    assert (
        set(record["artefacts"]) == {"weights", "picture", "losses"}
        and record["provenance"]["feedback"]["count"] == 100
    )
    assert "oracle" not in done.out.partition("not computed")[0] and str(folder / "unlearned.safetensors") in done.out
    assert (
        f"{record['provenance']['feedback']['positives']} of 100 samples were clicked, the method flags 0." in done.out
    )


def test_a_judge_learnt_from_the_clicks_says_what_is_left(unlearned):
    done, record, _ = unlearned
    found = {name: record["metrics"][name]["value"] for name in LEARNT}
    assert found["learnt_agreement"] > 0.9 and found["learnt_resolution"] < 0.03
    noise = randomness.draw(randomness.EVALUATION, range(200), 8)
    assert found["original_learnt_target_ratio"] == pytest.approx((noise[:, 0] > 1).float().mean().item(), abs=0.03)
    assert found["learnt_target_ratio"] < 0.02, "the scars are gone, see below"
    assert record["metrics"]["learnt_target_ratio"]["source"] == "no data set (clicks on the generator's own samples); a judge learnt from clicks on 100 samples; 200 samples of my_generator"  # fmt: skip  # noqa: E501
    assert "share with the feature by a judge learnt from the clicks, original 0.1" in done.out
    assert f"and cannot tell a share below {found['learnt_resolution']:.3f} from none" in done.out


def test_the_flagged_are_those_above_the_method_s_own_threshold(unlearned, hers):
    from bench.workspace.weights.loading import load_unlearned

    _, record, folder = unlearned
    identifier = load_unlearned(Registry(EXAMPLES), folder / "unlearned.safetensors").identifier
    noise = randomness.draw(randomness.EVALUATION, range(200), 8)
    assert record["metrics"]["flagged_ratio"]["value"] == identifier.flag(noise).double().mean().item()


def test_the_scars_are_gone(unlearned, code):
    before, after = code.planted(), bench.load(unlearned[2] / "unlearned.safetensors", EXAMPLES)
    noise = torch.zeros(1, 8)
    clean = before(noise)
    noise[0, 0] = 1.5
    scar = (clean - before(noise)).abs() > 0.1

    def depth(image):
        return (image[~scar].mean() - image[scar].mean()).item()

    depths = depth((before(noise) + 1) / 2), depth(after(noise))
    assert depths[0] > 0.3 and abs(depths[1]) < 0.1


def test_the_picture_shows_what_was_clicked(unlearned, clicks):
    from PIL import Image

    record, folder = unlearned[1:]
    first = json.loads(clicks.read_text())["positive"][0]
    drawn = bench.load(folder.parents[1] / "mine.safetensors", EXAMPLES)(randomness.draw("sample", [first], 8))
    with Image.open(folder / record["artefacts"]["picture"]["file"]) as image:
        assert np.array_equal(np.asarray(image)[4:36, 4:36], to_uint8(drawn)[0].permute(1, 2, 0).numpy())


def test_her_own_code_loads_the_unlearned_weights_and_draws_the_same_pixels(unlearned, hers, code, bench_cli, tmp_path):
    weights, out = unlearned[2] / "unlearned.safetensors", tmp_path / "unlearned.pt"
    done = take_home(bench_cli, weights, hers / "mine.pt", out)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{out}: 4 tensors of the generator, laid out as in {hers / 'mine.pt'}\n"
    net = code.Net(8, 32)
    net.load_state_dict(torch.load(out, weights_only=True), strict=True)
    noise = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal((net(noise) + 1) / 2, bench.load(weights, EXAMPLES)(noise))
    assert not torch.equal(net(noise), code.planted()(noise))


# --- no oracle ----------------------------------------------------------------------------------------


def test_methods_that_need_more_than_clicks_are_skipped_with_the_reason(unlearn, clicks):
    done = unlearn("reject,retrain", "--feedback", clicks, "--json")
    assert done.code == 0, done.err
    assert [(r["status"], r["reason"]) for r in map(json.loads, done.out.splitlines())] == [
        ("skipped", "needs an oracle; this run has only clicks"),
        ("skipped", "needs training data; this run has only clicks"),
    ]


def test_a_method_without_an_identifier_says_how_much_it_changed(unlearn, clicks):
    record = json.loads(unlearn("original", "--feedback", clicks, "--json").out)
    found = {name: value["value"] for name, value in record["metrics"].items()}
    assert found.keys() == {"change", *LEARNT} and found["change"] == 0
    assert found["learnt_target_ratio"] == found["original_learnt_target_ratio"] > 0.05


def test_without_clicks_weights_or_a_name_it_is_told_what_to_give(unlearn, clicks, hers):
    assert unlearn("ours").err == (
        "Error: --feedback: data set 'own' has no oracle that could click on samples of 'my_generator'. Click yourself "
        "(bench sample, bench feedback) and give the file: --feedback FILE; or name an oracle that clicks: --set "
        "oracle.feedback=NAME, or a data set with one: --dataset NAME.\n"
    )
    assert unlearn("ours", weights=None).err.startswith(
        "Error: --model my_generator: no weights for this model. For your own generator, pass its weights and your "
        "clicks on its samples: --weights FILE --feedback FILE "
    )
    for name in ("all", "../scar", ""):
        done = unlearn("ours", "--feedback", clicks, feature=name)
        assert done.code in (4, 5), done.out
    assert "is about 'scar', not 'wart' (--feature)" in unlearn("ours", "--feedback", clicks, feature="wart").err


def test_a_wrapped_generator_cannot_be_trained(bench_cli, tmp_path):
    done = bench_cli("pretrain", "--model", "my_generator", "--dataset", "synthfaces", "--plugins", EXAMPLES, "--results", tmp_path / "runs")  # fmt: skip  # noqa: E501
    assert (done.code, done.err) == (4, "Error: --model my_generator: has no training recipe\n")
    done = bench_cli("pretrain", "--model", "vae", "--dataset", "own", "--results", tmp_path / "runs")
    assert (done.code, done.err) == (4, "Error: --dataset own: has no images to learn from; name another one\n")


# --- clicks -------------------------------------------------------------------------------------------


def test_clicks_on_another_attribute_keep_it(hers, unlearn, bench_cli, tmp_path):
    """``-p keep=`` from a person's own clicks: the flagged move only where the kept attribute's projection stays."""
    (tmp_path / "scar.txt").write_text("\n".join(map(str, range(0, 100, 7))))
    (tmp_path / "tall.txt").write_text("\n".join(map(str, range(0, 100, 3))))
    base = ("feedback", hers / "shown", "--clicked", tmp_path / "scar.txt", "--feature", "scar")
    out = tmp_path / "made.json"
    done = bench_cli(*base, "--also", f"tall={tmp_path / 'tall.txt'}", "--out", out)
    assert done.code == 0 and json.loads(out.read_text())["also"] == {"tall": list(range(0, 100, 3))}
    kept = unlearn("ours", "--feedback", out, "-p", "keep=tall", "-p", "epochs=2")
    assert kept.code == 0, kept.err
    lost = unlearn("ours", "--feedback", out, "-p", "keep=small", "-p", "epochs=2")
    assert (
        lost.code == 4
        and "holds no clicks on small, which the method needs (-p keep=...); its 'also' has tall" in lost.err
    )


def test_clicks_on_other_weights_are_refused(unlearn, clicks, tmp_path):
    content = json.loads(clicks.read_text()) | {"weights_sha256": "0" * 64}
    del content["sha256"]  # of the file as it was written
    (tmp_path / "other.json").write_text(json.dumps(content))
    done = unlearn("ours", "--feedback", tmp_path / "other.json")
    assert done.code == 4 and "was given on a generator with weights 000000000000" in done.err

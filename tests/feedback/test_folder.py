"""Clicks on a folder of samples: lists of numbers, names and paths; what is refused."""

from __future__ import annotations

import json

import pytest

import bench


@pytest.fixture
def click(hers, bench_cli, tmp_path):
    """Make feedback of a text; returns the outcome and the file."""

    def call(text, folder=hers / "shown", feature="scar"):
        (tmp_path / "clicked.txt").write_bytes(text.encode() if isinstance(text, str) else text)
        out = tmp_path / "made.json"
        return bench_cli(
            "feedback", folder, "--clicked", tmp_path / "clicked.txt", "--feature", feature, "--out", out
        ), out

    return call


def test_numbers_and_names_and_paths_are_read(click, hers):
    done, out = click('\ufeff3\n000017.png\n\n"99"\r\nshown/000020.png\nC:\\shown\\000021.png\n')
    assert (done.code, done.err) == (0, "")
    made = json.loads(out.read_text())
    assert made["positive"] == [3, 17, 20, 21, 99] and (made["stream"], made["count"]) == ("sample", 100)
    assert made["weights_sha256"] == bench.workspace.weights.checkpoint.read(hers / "mine.safetensors").sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3\nscar\n", "clicked.txt, line 2: 'scar' is not a sample. Write one clicked sample per line"),
        ("3\n4,1\n", "clicked.txt, line 2: '4,1' is not a sample"),
        ("-3\n", "clicked.txt, line 1: '-3' is not a sample"),
        ("3\n100\n", "clicked.txt, line 2: no sample 100; the samples are 0 to 99"),
        ("3\n\n000003.png\n", "clicked.txt, line 3: sample 3 is listed twice (first in line 1)"),
        ("", "clicked.txt: none of the 100 samples are clicked"),
        ("\n".join(map(str, range(100))), "clicked.txt: all of the 100 samples are clicked"),
        (b"\xff\xfe3\x00", "clicked.txt: not a readable text file"),
    ],
)
def test_a_wrong_list_is_refused_by_its_line(text, message, click):
    done, out = click(text)
    assert done.code == 4 and message in done.err and done.err.count("\n") == 1 and not out.exists()


@pytest.mark.parametrize(
    ("also", "message"),
    [
        (["tall"], "--also tall: expected NAME=FILE"),
        (["scar=clicked.txt"], "--also scar: is the feature itself"),
        (["tall=nowhere.txt"], "--also tall=nowhere.txt: no such file or folder"),
        (["tall=a.txt", "tall=b.txt"], "--also tall: given twice"),
        (["a/b=a.txt"], "--also a/b: may contain only letters"),
    ],
)
def test_wrong_clicks_on_another_attribute_are_refused(also, message, hers, bench_cli, tmp_path):
    (tmp_path / "clicked.txt").write_text("3\n")
    more = [part for text in also for part in ("--also", text)]
    out = tmp_path / "made.json"
    done = bench_cli(
        "feedback", hers / "shown", "--clicked", tmp_path / "clicked.txt", "--feature", "scar", "--out", out, *more
    )
    assert done.code == 4 and message in done.err and done.err.count("\n") == 1 and not out.exists()


def test_samples_are_not_mixed_with_others_in_one_folder(bench_cli, tmp_path):
    shown = tmp_path / "shown"

    def draw(count, *more, weights="vae-mnist"):
        return bench_cli("sample", "--weights", weights, "--count", count, "--out", shown, *more)

    assert draw(2).code == 0 and draw(3).code == 0, "more of the same"
    drawn = {path.name: path.read_bytes() for path in shown.iterdir()}
    assert sum(name.startswith("0") for name in drawn) == 3
    for refused in (draw(2), draw(3, "--stream", "other"), draw(3, weights="dcgan-mnist")):
        assert refused.code == 4 and refused.err.startswith(
            f"Error: --out {shown}: holds 3 samples of the stream 'sample' of weights "
        )
    content = (shown / "samples.json").read_text()
    (shown / "samples.json").unlink()
    (shown / "samples.begun.json").write_text(content)  # as a stopped drawing leaves it, with half a picture
    (shown / "000001.png").write_bytes(drawn["000001.png"][:50])
    assert draw(3, "--stream", "other").code == 4
    assert draw(3).code == 0 and {path.name: path.read_bytes() for path in shown.iterdir()} == drawn
    (shown / "samples.json").rename(tmp_path / "samples.json")
    assert draw(3).err.startswith(f"Error: --out {shown}: holds pictures but no samples.json")
    (tmp_path / "samples.json").rename(shown / "samples.json")
    assert {path.name: path.read_bytes() for path in shown.iterdir()} == drawn
    assert bench_cli("sample", "--weights", "vae-mnist", "--out", shown / "grid.png").err.endswith(
        "grid.png: is a file. Name a folder\n"
    )


def test_an_attribute_that_nothing_has_is_refused(hers, bench_cli, tmp_path):
    (tmp_path / "clicked.txt").write_text("3\n")
    (tmp_path / "none.txt").write_text("\n")
    out = tmp_path / "made.json"
    done = bench_cli(
        *("feedback", hers / "shown", "--clicked", tmp_path / "clicked.txt", "--feature", "scar", "--out", out),
        *("--also", f"tall={tmp_path / 'none.txt'}"),
    )
    assert done.code == 4 and f"--also tall={tmp_path / 'none.txt'}: none of the 100 samples are clicked" in done.err
    assert not out.exists()


def test_a_wrong_folder_or_name_is_refused(click, hers, tmp_path):
    assert "samples.json: no such file. FOLDER must be one that `bench sample" in click("3", hers / "scar")[0].err
    (tmp_path / "samples.json").write_text("{}")
    assert "samples.json: does not say what the samples are" in click("3", tmp_path)[0].err
    assert click("3", feature="a/b")[0].err.startswith("Error: --feature a/b: may contain only letters")

"""Feedback goes through a file, and a file that cannot serve is refused."""

from __future__ import annotations

import codecs
import json
import os
import random

import numpy as np
import pytest
import torch
from feedback_files import WEIGHTS, change, write

from bench.api import Oracle
from bench.api.feedback import Feedback
from bench.authoring.conformance.toys import ToyClassifier
from bench.core import randomness, sealed
from bench.errors import UsageError
from bench.feedback import file as feedbacks
from bench.feedback.file import from_file, noise_hash

# --- round trips --------------------------------------------------------------------------------------


def test_a_stream_goes_through_a_file(stream_file, generator, clicked):
    found, stored = from_file(stream_file, WEIGHTS, generator)
    assert np.array_equal(found.labels, clicked) and found.positives == 3 and len(found) == 20
    assert torch.equal(found.noise(0, 20, 6), randomness.draw("feedback/0", range(20), 6))
    assert (stored.model, stored.feature, stored.positive) == ("bars", "thickness", [0, 7, 19])
    assert "noise.npy" not in str(list(stream_file.parent.iterdir()))


def test_an_array_goes_through_a_file(array_file, generator, clicked):
    found, _ = from_file(array_file, WEIGHTS, generator)
    noise = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    assert np.array_equal(found.labels, clicked)
    assert np.array_equal(found.noise(3, 9, 6).numpy(), noise[3:9])


def test_oracle_and_threshold_are_kept(tmp_path, generator, clicked):
    oracle = Oracle(ToyClassifier(), "toy", "thickness", 0.125)
    content = write(tmp_path / "x.json", Feedback(clicked, "s"), generator, oracle)
    assert (content["oracle"], content["threshold"]) == ("toy", 0.125)


def test_further_clicks_go_through_a_file(tmp_path, generator, clicked):
    path = tmp_path / "x.json"
    content = write(path, Feedback(clicked, "s", also={"Male": ~clicked, "Young": np.zeros(20, bool)}), generator)
    assert content["also"] == {"Male": [i for i in range(20) if i not in (0, 7, 19)], "Young": []}
    found, _ = from_file(path, WEIGHTS, generator)
    assert np.array_equal(found.also["Male"], ~clicked) and not found.also["Young"].any()
    assert Feedback(clicked, "s").also == {}


def test_latents_come_in_chunks_and_in_order(generator):
    feedback = Feedback(np.arange(150) % 2 == 0, "s")
    parts = list(feedback.latents(generator))
    assert [len(part) for part in parts] == [64, 64, 22]
    assert torch.equal(torch.cat(parts), randomness.draw("s", range(150), 6))


# --- what is refused ----------------------------------------------------------------------------------


def test_a_file_with_a_sha256_is_read_only_as_it_was_written(tmp_path, generator, clicked):
    path = tmp_path / "x.json"
    sealed.write(path, write(path, Feedback(clicked, "s", also={"Male": ~clicked}), generator))
    whole, draw = path.read_bytes(), random.Random(0)
    assert from_file(path, WEIGHTS, generator)[1].positive == [0, 7, 19]
    for _ in range(200):
        bit = draw.randrange(8 * (len(whole) - 1))  # the last byte is a line break
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match="not a readable JSON file|was changed since it was written|has format"):
            from_file(path, WEIGHTS, generator)
    path.write_bytes(whole)
    change(path, positive=[0, 7])
    with pytest.raises(UsageError, match='was changed since .* remove its line with "sha256"'):
        from_file(path, WEIGHTS, generator)
    rest = json.loads(path.read_text())
    del rest["sha256"]
    path.write_text(json.dumps(rest))
    assert from_file(path, WEIGHTS, generator)[1].positive == [0, 7], "edited by hand, and the advice followed"


def refused(path, generator, weights=WEIGHTS):
    with pytest.raises(UsageError) as error:
        from_file(path, weights, generator)
    assert str(error.value).startswith(f"--feedback {path}: ")
    return str(error.value)


def test_feedback_of_other_weights_is_refused(stream_file, generator):
    text = refused(stream_file, generator, "cd" * 32)
    assert "abababababab" in text and "cdcdcdcdcdcd" in text and "--weights" in text


def test_feedback_whose_noise_cannot_be_drawn_again_is_refused(stream_file, generator):
    change(stream_file, stream="feedback/1")
    said = refused(stream_file, generator)
    assert "the first noise vector differs" in said and "Collect the clicks again" in said


def test_an_array_that_changed_in_its_first_row_is_refused(array_file, generator):
    noise = np.load(array_file.with_suffix(".npy"))
    noise[0, 0] += 1
    np.save(array_file.with_suffix(".npy"), noise)
    assert "the first noise vector differs" in refused(array_file, generator)


@pytest.mark.parametrize(("positive", "what"), [([], "no positives"), (list(range(20)), "no negatives")])
def test_one_class_only_is_refused(positive, what, stream_file, generator):
    change(stream_file, positive=positive)
    with pytest.raises(UsageError, match=f"{what} among 20 samples"):
        from_file(stream_file, WEIGHTS, generator)


@pytest.mark.parametrize("index", [-1, 20, 10**9])
def test_indices_outside_are_refused(index, stream_file, generator):
    change(stream_file, positive=[3, index])
    assert "a positive index lies outside 0..19" in refused(stream_file, generator)
    change(stream_file, positive=[3], also={"Male": [1, index]})
    assert "an index of 'Male' lies outside 0..19" in refused(stream_file, generator)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"format": "bench-feedback/9"}, "has format 'bench-feedback/9', expected 'bench-feedback/1'"),
        ({"count": 1}, "count: should be greater than or equal to 2"),
        ({"count": 10**15}, "count: should be less than or equal to 1000000"),
        ({"count": 1_000_001}, "count: should be less than or equal to 1000000"),
        ({"count": True}, "count: should be a valid integer"),
        ({"count": "20"}, "count: should be a valid integer"),
        ({"positive": [True, 5]}, "positive.0: should be a valid integer"),
        ({"positive": ["1", "2"]}, "positive.0: should be a valid integer"),
        ({"positive": [3.0]}, "positive.0: should be a valid integer"),
        ({"also": {"Male": [False]}}, "also.Male.0: should be a valid integer"),
        ({"positive": "3"}, "positive: should be a valid list"),
        ({"positive": [1.5]}, "positive.0: should be a valid integer"),
        ({"weights_sha256": None}, "weights_sha256"),
        ({"comment": "hello"}, "comment: unknown field"),
        ({"threshold": "high"}, "threshold"),
        ({"also": ["Male"]}, "also"),
        ({"also": {"Male": [0.5]}}, "also.Male.0: should be a valid integer"),
        ({"also": {"Male": [3, 3]}}, "an index of 'Male' appears twice"),
        ({"stream": None}, "needs exactly one of 'stream' and 'noise_file'"),
        ({"noise_file": "noise.npy"}, "needs exactly one of 'stream' and 'noise_file'"),
    ],
)
def test_wrong_fields_are_named(fields, reason, stream_file, generator):
    change(stream_file, **fields)
    assert reason in refused(stream_file, generator)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '"text"', "null", b"\xff\xfe", "{}", "[" * 100_000])
def test_a_file_that_is_none_is_refused(content, tmp_path, generator):
    path = tmp_path / "x.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert ": not a" in refused(path, generator)


LONG = '{"count": ' + "9" * 5000 + "}"
TWICE = '{"count": 20, "count": 30}'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (LONG, "not a readable JSON file (holds a number of more than 4,300 digits)"),
        (TWICE, 'not a readable JSON file (holds the key "count" twice in one object)'),
        ('{"threshold": NaN}', "not a readable JSON file (holds NaN, which is not a JSON value)"),
        ('{"threshold": 1e999}', "not a readable JSON file (holds 1e999, which is too large a number)"),
    ],
)
def test_what_python_would_misread_is_refused(content, reason, tmp_path, generator):
    path = tmp_path / "x.json"
    path.write_text(content)
    assert refused(path, generator) == f"--feedback {path}: {reason}"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path, generator):
    os.mkfifo(tmp_path / "pipe")
    assert "not a readable JSON file (is not a regular file)" in refused(tmp_path / "pipe", generator)


# --- written otherwise, it says the same --------------------------------------------------------------


def rewritten(content):
    """Yield a file's content as other programs write it."""
    plain = json.dumps(content)
    yield plain.encode()
    yield codecs.BOM_UTF8 + plain.encode()
    yield json.dumps(content, indent=3).replace("\n", "\r\n").encode()
    yield codecs.BOM_UTF16_LE + plain.encode("utf-16-le")
    yield json.dumps(dict(sorted(content.items(), reverse=True))).encode()
    yield json.dumps({**content, "positive": content["positive"][::-1]}).encode()


def test_a_file_written_otherwise_is_read_and_is_the_same_feedback(stream_file, generator, clicked):
    content, before = json.loads(stream_file.read_text()), feedbacks.files_sha256(stream_file)
    for written in rewritten(content):
        stream_file.write_bytes(written)
        assert np.array_equal(from_file(stream_file, WEIGHTS, generator)[0].labels, clicked)
        assert feedbacks.files_sha256(stream_file) == before


@pytest.mark.parametrize(
    "fields", [{"positive": [0, 7]}, {"count": 21}, {"threshold": 0.5}, {"stream": "s"}, {"also": {"Male": [1]}}]
)
def test_a_file_that_says_something_else_is_other_feedback(fields, stream_file):
    before = feedbacks.files_sha256(stream_file)
    change(stream_file, **fields)
    assert feedbacks.files_sha256(stream_file) != before


def test_a_renamed_array_is_the_same_feedback_and_a_changed_one_is_not(array_file):
    before = feedbacks.files_sha256(array_file)
    array_file.with_suffix(".npy").rename(array_file.with_name("other.npy"))
    change(array_file, noise_file="other.npy")
    assert feedbacks.files_sha256(array_file) == before
    np.save(array_file.with_name("other.npy"), np.zeros((20, 6), np.float32))
    assert feedbacks.files_sha256(array_file) != before


# --- files that cannot be read ------------------------------------------------------------------------


def test_a_missing_file_and_a_folder_are_refused(tmp_path, generator):
    assert "no such file" in refused(tmp_path / "nowhere.json", generator)
    assert "not a readable JSON file" in refused(tmp_path, generator)


@pytest.mark.parametrize("name", ["../noise.npy", "/etc/passwd", "sub/noise.npy", "", ".", "..", "a\0b"])
def test_a_noise_file_elsewhere_is_refused(name, array_file, generator):
    change(array_file, noise_file=name)
    text = refused(array_file, generator)
    assert "must be the name of a file in the same folder" in text or "cannot be read" in text


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def bad_arrays(folder):
    """Write arrays that cannot serve; yields name and reason."""
    np.save(folder / "pickled.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.save(folder / "short.npy", np.zeros((19, 6), np.float32))
    np.save(folder / "wide.npy", np.zeros((20, 7), np.float32))
    np.save(folder / "double.npy", np.zeros((20, 6)))
    np.save(folder / "nan.npy", np.full((20, 6), np.nan, np.float32))
    np.savez(folder / "several.npy.npz", a=np.zeros((20, 6), np.float32))
    (folder / "several.npy.npz").rename(folder / "several.npy")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "text.npy").write_text("no array")
    return {
        "pickled.npy": "cannot be read",
        "short.npy": "expected float32 (20, 6)",
        "wide.npy": "expected float32 (20, 6)",
        "double.npy": "holds float64",
        "nan.npy": "NaN or infinite",
        "several.npy": "cannot be read",
        "empty.npy": "cannot be read",
        "text.npy": "cannot be read",
        "missing.npy": "cannot be read",
    }


def test_an_array_that_cannot_serve_is_refused(array_file, generator):
    for name, reason in bad_arrays(array_file.parent).items():
        change(array_file, noise_file=name)
        text = refused(array_file, generator)
        assert reason in text and name in text, (name, text)


# --- on the command line ------------------------------------------------------------------------------


def test_hashes_do_not_depend_on_byte_order_or_strides():
    noise = torch.arange(6.0)
    assert noise_hash(noise) == noise_hash(torch.stack([noise, noise], 1)[:, 0])
    assert feedbacks.FORMAT == "bench-feedback/1"

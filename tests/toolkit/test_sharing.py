"""Batches that two processes compute together: gradients, second ones included, are those of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.core import code_hash, together
from bench.errors import PluginError, UsageError
from bench.toolkit import sharing, student
from bench.toolkit.sharing import share_of, shared

SCRIPT = Path(__file__).parents[1] / "support" / "gradients_in_shares.py"
ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
TRAININGS = ["penalty", "vae", "dcgan", "proggan", "proggan wgan-gp", "vdvae", "ours", "ours, conflicts", "ours, mask", "ours, low rank"]  # fmt: skip


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """Return relative differences between two processes and one, by training and by number of threads."""
    out, folders = tmp_path_factory.mktemp("differences") / "found.json", [ROOT, SCRIPT.parent]
    path = os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    found = {}
    for threads in (1, 2):  # with two, a second thread prepares the next step
        done = subprocess.run(
            [*launcher, str(SCRIPT), str(out), str(threads)],
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        found |= {(name, threads): values for name, values in json.loads(out.read_text()).items()}
    return found


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("training", TRAININGS)
def test_gradients_and_weights_are_those_of_one_process(training, threads, differences):
    """Weights: after four steps. Batches of 24, of 15 for students, so that shares differ in size."""
    assert 0 < differences[training, threads]["gradients"] < 1e-5  # 0: the batch was not divided
    assert differences[training, threads]["weights"] < 1e-5


def test_one_process_computes_with_the_function_itself():
    layer = nn.Linear(2, 1)
    assert shared(layer) is layer


def crew(rank, size):
    return together.Crew(rank, size, (None, None))


@pytest.mark.parametrize(("count", "group", "size"), [(12, 1, 3), (16, 1, 3), (16, 4, 2), (24, 4, 5), (7, 1, 7), (6, 4, 1)])  # fmt: skip
def test_shares_hold_each_sample_once_and_whole_groups(count, group, size):
    shares = [share_of(crew(rank, size), count, group, CPU).own.tolist() for rank in range(size)]
    assert sorted(i for share in shares for i in share) == [*range(count)]
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= group
    if count % group == 0:
        groups = count // group
        for share in shares:  # as the function that is handed the share sees them
            own = len(share) // group
            assert all({share[k * own + j] % groups for k in range(group)} == {share[j]} for j in range(own))


@pytest.mark.parametrize(
    ("count", "group", "size", "words"),
    [
        (3, 1, 4, "a batch of 3 samples cannot be divided between 4 processes. Start at most 3"),
        (16, 4, 8, "a batch of 4 group(s) of 4 samples cannot be divided between 8 processes. Start at most 4"),
        (10, 4, 2, "a batch of 1 group(s) of 10 samples cannot be divided between 2 processes. Start at most 1"),
    ],
)
def test_a_batch_that_is_too_small_is_refused_with_what_to_type(count, group, size, words):
    with pytest.raises(UsageError) as error:
        share_of(crew(0, size), count, group, CPU)
    assert words in str(error.value) and f"a multiple of {group * size} (-p batch_size)" in str(error.value)


def test_what_is_not_one_row_for_each_sample_is_refused():
    share = share_of(crew(1, 2), 4, 1, CPU)
    with pytest.raises(PluginError, match="one row for each sample"):
        sharing._whole(share, torch.zeros(()))


def test_sharing_counts_in_no_key(monkeypatch):
    """What is wrapped counts; that it is wrapped, and how, does not."""
    symbols = [s for s in code_hash.reached(student.train_student) if s.name == "train_student"]
    (text,) = map(code_hash._text, symbols)
    assert "edited_images" in text and "shared" not in text and "(trainee)" not in text
    assert not any(s.module.name == "bench.toolkit.sharing" for s in code_hash.reached(student.train_student))

"""What the library refuses, in the words of Python."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch

import bench
from bench.api import Diverged, Method
from bench.errors import BenchError, UsageError

TASK = {"feature": "thickness", "dataset": "mnist"}
LABELS = np.arange(6) < 2
WRONG_CLICKS = {
    "two streams": ({"labels": LABELS, "stream": "s", "noise": np.zeros((6, 6))}, "exactly one of stream="),
    "no stream": ({"labels": LABELS}, "exactly one of stream="),
    "no positives": ({"labels": ~LABELS | LABELS, "stream": "s"}, "all 6 are True; both kinds are needed"),
    "scores": ({"labels": LABELS * 0.5, "stream": "s"}, "labels.: holds other values than True and False"),
    "a column": ({"labels": LABELS[:, None], "stream": "s"}, r"labels.: has the shape \(6, 1\); expected \(N,\)"),
    "short noise": (
        {"labels": LABELS, "noise": np.zeros((5, 6))},
        r"noise.: is float64 \(5, 6\); expected float32 \(6,",
    ),
    "no number": ({"labels": LABELS, "noise": np.full((6, 6), np.nan)}, "noise.: holds NaN or infinite values"),
    "short also": (
        {"labels": LABELS, "stream": "s", "also": {"A": LABELS[:5]}},
        r"also\['A'\]\): .* one for each label",
    ),
    "a list also": (
        {"labels": LABELS, "stream": "s", "also": [LABELS]},
        r"also\): is a list; expected a dict, also=\{NAME: labels\}$",
    ),
    "NA among booleans": (
        {"labels": pd.array([True, pd.NA, False], dtype="boolean"), "stream": "s"},
        "1 are missing .NA, NaN or None., the first is that of sample 1. Click each",
    ),
    "NA among integers": (
        {"labels": pd.array([1, 0, pd.NA], dtype="Int64"), "stream": "s"},
        "feedback.labels.: 1 are missing .*sample 2",
    ),
    "NA in a list": ({"labels": [True, pd.NA, False, pd.NA], "stream": "s"}, "feedback.labels.: 2 are missing"),
    "None in a list": ({"labels": [True, None, False], "stream": "s"}, "feedback.labels.: 1 are missing"),
    "NaN": ({"labels": [1.0, np.nan, 0.0], "stream": "s"}, "feedback.labels.: 1 are missing"),
    "NaT": ({"labels": pd.Series([True, pd.NaT, False]), "stream": "s"}, "feedback.labels.: 1 are missing"),
    "NA in further clicks": (
        {
            "labels": LABELS,
            "stream": "s",
            "also": {"A": pd.array([True, pd.NA, False, True, False, True], dtype="boolean")},
        },
        "also.'A'..: 1 are missing",
    ),
    "NA in noise": (
        {"labels": LABELS[1:3], "noise": pd.DataFrame([[1.0, pd.NA], [0.5, 0.2]])},
        "feedback.noise.: is object",
    ),
    "texts": ({"labels": ["yes", "no", "no"], "stream": "s"}, "feedback.labels.: holds other values"),
    "sparse labels": (
        {"labels": torch.eye(2).to_sparse(), "stream": "s"},
        r"feedback\(labels\): is not an array of numbers",
    ),
}


@pytest.mark.parametrize("case", WRONG_CLICKS)
def test_wrong_clicks_are_refused(case):
    arguments, message = WRONG_CLICKS[case]
    with pytest.raises(UsageError, match=message):
        bench.make_feedback(**arguments)


WRONG_CALLS = {
    "method": ({"method": "our"}, r"unlearn\(method=...\): .*method 'our'. Did you mean 'ours'"),
    "field": ({"lrr": 1, "alpha": -1}, r"unlearn\(method='ours'\): 2 wrong value\(s\)\n.*\n.*Did you mean 'lr'"),
    "no task": (
        {"method": "reject"},
        r"unlearn\(method='reject'\): needs more than clicks; .*task=bench.Task\(feature=",
    ),
    "a dict": ({"method": "reject", "task": TASK}, r"unlearn\(task\): is a dict; bench.Task\("),
    "feature": (
        {"method": "reject", "task": bench.Task("thick", "mnist")},
        r"^bench.Task\(dataset='mnist', feature=...\): .*feature 'thick'. Did you mean 'thickness'",
    ),
    "clicks": ({"keep": ["area"]}, r"no clicks for area, which the method asks for; .*also="),
}


@pytest.mark.parametrize("case", WRONG_CALLS)
def test_a_wrong_call_is_refused(case, original, clicked):
    arguments, message = WRONG_CALLS[case]
    with pytest.raises(UsageError, match=message):
        bench.unlearn(original, clicked[0], **arguments)


WRONG_TASKS = {
    "feature": ({"feature": 3}, "is 3; a name is expected"),
    "dataset": ({"dataset": None}, "is None; a name is expected"),
    "threshold": ({"threshold": "midpoint"}, "is 'midpoint'; a number is expected"),
    "oracle": ({"oracle": 5}, "is 5; a name or a file is expected"),
}


@pytest.mark.parametrize("name", WRONG_TASKS)
def test_a_wrong_task_is_refused_by_the_call_that_makes_it(name, original):
    changed, message = WRONG_TASKS[name]
    with pytest.raises(UsageError, match=rf"^Task\({name}\): {message}$"):
        bench.Task(**TASK | changed)
    if name != "dataset":
        with pytest.raises(UsageError, match=rf"^evaluate\({name}\): {message}$"):
            bench.evaluate(original, original, **TASK | changed)
    with pytest.raises(UsageError, match=r"^Task\(threshold\): is nan"):
        bench.Task(**TASK, threshold=float("nan"))


def test_what_does_not_fit_is_refused(original, clicked):
    noise = bench.make_feedback(LABELS, noise=np.zeros((6, 5), np.float32))
    with pytest.raises(UsageError, match="noise has 5 numbers a sample; the generator draws from 6"):
        bench.unlearn(original, noise)
    with pytest.raises(UsageError, match=r"shape \(2, 3, 28, 28\); the data set 'mnist' has images \(N, 1, 28, 28\)"):
        bench.ask_oracle(torch.zeros(2, 3, 28, 28), "thickness", "mnist")
    with pytest.raises(UsageError, match="feature= and dataset= go together"):
        bench.evaluate(original, original, feature="thickness")
    with pytest.raises(UsageError, match="evaluate: feedback= teaches a judge where no oracle judges"):
        bench.evaluate(original, original, **TASK, feedback=bench.make_feedback(LABELS, stream="s"))
    with pytest.raises(UsageError, match="evaluate: feedback is a ndarray; bench.make_feedback"):
        bench.evaluate(original, original, feedback=LABELS)
    with pytest.raises(UsageError, match="evaluate: the feedback's noise has 3 numbers a sample; the generator draws"):
        bench.evaluate(original, original, feedback=bench.make_feedback(LABELS, noise=np.zeros((6, 3))))
    with pytest.raises(UsageError, match=r"^evaluate\(dataset='synthfaces'\): its images are \(3, 64, 64\)"):
        bench.evaluate(original, original, feature="beard", dataset="synthfaces", count=2)
    faces = bench.load("vdvae-synthfaces")  # compared before a data set is looked for
    with pytest.raises(UsageError, match=r"the generators differ in \(noise_dim, image_shape\): \(6, \(1, 28, 28\)\)"):
        bench.evaluate(faces, original, feature="beard", dataset="nowhere", count=2)
    with pytest.raises(UsageError, match="feedback is a ndarray; bench.make_feedback"):
        bench.unlearn(original, LABELS)
    with pytest.raises(UsageError, match="a generator is expected, not a str: bench.load"):
        bench.sample("vae-mnist")
    with pytest.raises(BenchError, match="at least 1"):
        bench.sample(original, 0)
    with pytest.raises(AttributeError, match="module 'bench' has no attribute 'unlern'"):
        bench.unlern  # noqa: B018
    assert set(bench.__all__) <= set(dir(bench)) and all(getattr(bench, name).__doc__ for name in bench.__all__)


NOT_A_GENERATOR = {
    "unlearn(original)": lambda of: bench.unlearn("vae-mnist", bench.make_feedback(LABELS, stream="s")),
    "evaluate(unlearned)": lambda of: bench.evaluate("vae-mnist", of),
    "evaluate(original)": lambda of: bench.evaluate(of, "vae-mnist"),
    "sample(generator)": lambda of: bench.sample("vae-mnist"),
    "save(unlearned)": lambda of: bench.save("vae-mnist", "x.safetensors"),
}


@pytest.mark.parametrize("argument", NOT_A_GENERATOR)
def test_a_name_is_no_generator(argument, original):
    with pytest.raises(UsageError) as caught:
        NOT_A_GENERATOR[argument](original)
    assert str(caught.value) == f"{argument}: a generator is expected, not a str: bench.load(FILE) gives one"


@pytest.mark.parametrize("value", ["5", 2.0, True, -1, None])
def test_a_number_is_a_whole_number(value, original, clicked):
    calls = {
        ("sample(count)", 1): lambda: bench.sample(original, value),
        ("evaluate(count)", 2): lambda: bench.evaluate(original, original, count=value),
        ("unlearn(seed)", 0): lambda: bench.unlearn(original, clicked[0], seed=value),
    }
    for (argument, least), call in calls.items():
        with pytest.raises(UsageError) as caught:
            call()
        assert str(caught.value) == f"{argument}: is {value!r}; a whole number is expected, at least {least}"


@pytest.mark.parametrize("stream", ["", None, 3])
def test_a_stream_has_a_name(stream, original):
    with pytest.raises(UsageError, match=r"sample\(stream\): a name is expected"):
        bench.sample(original, 1, stream=stream)


@pytest.mark.parametrize("path", ["", None, 3])
def test_what_is_loaded_has_a_name(path):
    with pytest.raises(UsageError, match=r"load\(path\): a file or a name of the zoo is expected"):
        bench.load(path)


def test_a_whole_number_of_numpy_s_will_do(original):
    assert np.array_equal(bench.sample(original, np.int64(3)), bench.sample(original, 3))


class Diverging(Method):
    def unlearn(self, generator, feedback, context):
        raise Diverged(3, "loss", float("nan"))


UNKNOWN = {
    "ask_oracle(dataset=...): .*Did you mean 'mnist'": lambda of, clicks: bench.ask_oracle(
        bench.sample(of, 2), "thickness", "mnis"
    ),
    "evaluate(dataset=...): .*Did you mean 'mnist'": lambda of, clicks: bench.evaluate(
        of, of, feature="thickness", dataset="mnis"
    ),
    "evaluate(dataset='mnist', feature=...): .*Did you mean 'slant'": lambda of, clicks: bench.evaluate(
        of, of, feature="slan", dataset="mnist"
    ),
    "bench.Task(dataset=...): .*Did you mean 'mnist'": lambda of, clicks: bench.unlearn(
        of, clicks, "reject", task=bench.Task("thickness", "mnis")
    ),
    "unlearn(suite=...): .*Did you mean 'lite'": lambda of, clicks: bench.unlearn(of, clicks, suite="light"),
    "unlearn(suite='x.toml'): .*no such file": lambda of, clicks: bench.unlearn(of, clicks, suite="x.toml"),
    "evaluate(dataset='own'): .*has no oracle": lambda of, clicks: bench.evaluate(of, of, feature="x", dataset="own"),
    "evaluate(extractors=...): .*Did you mean 'digits'": lambda of, clicks: bench.evaluate(
        of, of, **TASK, extractors=["digit"]
    ),
    "evaluate(extractors): is a text; give a list: extractors=['digits']": lambda of, clicks: bench.evaluate(
        of, of, **TASK, extractors="digits"
    ),
    "open_workspace(device='tpu'): ": lambda of, clicks: bench.open_workspace(device="tpu"),
    "MNIST is needed.*(data_dir= or BENCH_DATA).* pass data_dir='data'": lambda of, clicks: bench.unlearn(
        of, clicks, "retrain", task=bench.Task(**TASK)
    ),
    "training diverged.*(lr=...)": lambda of, clicks: bench.unlearn(of, clicks, Diverging),
}


@pytest.mark.parametrize("message", UNKNOWN)
def test_errors_name_the_arguments_of_python(message, original, clicked):
    """Not command-line options, except in commands that make what is missing."""
    pieces = [re.escape(piece) for piece in message.split(".*")]
    with pytest.raises(BenchError, match=f"(?s)^{'.*'.join(pieces)}") as caught:
        UNKNOWN[message](original, clicked[0])
    assert " --" not in str(caught.value) and "(-" not in str(caught.value)


def test_bfloat16_clicks_and_noise_are_read(original):
    noise = torch.randn(6, 6, generator=torch.Generator().manual_seed(0)).bfloat16()
    feedback = bench.make_feedback(torch.from_numpy(LABELS).bfloat16(), noise=noise)
    assert np.array_equal(feedback.labels, LABELS)
    assert np.array_equal(feedback.noise_array, noise.float().numpy())

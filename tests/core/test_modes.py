"""Whatever a caller, or the import of a plug-in, has switched in torch, the same numbers come out."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch

import bench
from bench.api import repeatable
from bench.core import modes
from bench.errors import UsageError
from bench.experiments.stages import evaluating
from bench.experiments.stages import first_stages as stages
from bench.registry import Registry
from bench.toolkit import student

CLICKS = bench.make_feedback(np.arange(40) % 4 == 0, stream="feedback/0")


@contextlib.contextmanager
def double_by_default():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def coarse_products():
    torch.set_float32_matmul_precision("medium")
    try:
        yield
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


MODES = {
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "double by default": double_by_default,
    "coarse matrix products": coarse_products,
    "another device by default": lambda: torch.device("meta"),
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True),
}


def done():
    """Return all that is done with a generator in Python."""
    generator = bench.load("vae-mnist")
    unlearned = bench.unlearn(generator, CLICKS, epochs=2, batch_size=4)
    numbers = bench.evaluate(unlearned, generator, count=65)["value"].to_dict()
    return bench.sample(unlearned, 3), numbers, {n: t.clone() for n, t in unlearned.generator.state_dict().items()}


@pytest.fixture(scope="module")
def plainly():
    return done()


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("mode", MODES)
def test_the_caller_s_mode_changes_nothing(mode, plainly):
    with MODES[mode]():
        images, numbers, weights = done()
    assert np.array_equal(images, plainly[0]) and numbers == pytest.approx(plainly[1], abs=0, rel=0, nan_ok=True)
    assert all(torch.equal(weights[name], tensor) for name, tensor in plainly[2].items())


@pytest.mark.parametrize("change", ["half", "double", "bfloat16"])
@pytest.mark.parametrize("call", ["sample", "unlearn", "evaluate"])
def test_weights_of_another_type_are_one_error_that_names_the_argument(call, change):
    generator = bench.load("vae-mnist")
    getattr(generator.generator, change)()
    calls = {
        "sample": lambda: bench.sample(generator, 2),
        "unlearn": lambda: bench.unlearn(generator, CLICKS, epochs=1),
        "evaluate": lambda: bench.evaluate(generator, bench.load("vae-mnist"), count=64),
    }
    with pytest.raises(
        UsageError,
        match=rf"^{call}\(\w+\): the generator's layers\S+ is torch\.\w+, not torch\.float32; call \.float\(\)",
    ):
        calls[call]()
    generator.generator.float()
    calls[call]()


TF32 = torch.backends.cudnn


@pytest.mark.parametrize("outside", [True, False])
def test_convolutions_are_float32_in_library_calls_and_tf32_in_trainings(outside, monkeypatch):
    monkeypatch.setattr(TF32, "allow_tf32", outside)
    with modes.ordinary():
        assert not TF32.allow_tf32
        with modes.ordinary(tf32=True):
            assert TF32.allow_tf32
        assert not TF32.allow_tf32
    assert TF32.allow_tf32 == outside
    with pytest.raises(ZeroDivisionError), modes.convolutions(tf32=not outside):
        assert TF32.allow_tf32 != outside
        raise ZeroDivisionError
    assert TF32.allow_tf32 == outside


def test_a_cell_unlearns_with_tf32_and_is_clicked_checked_and_evaluated_without(on_bars, monkeypatch):
    seen = {}

    def watched(owner, name):
        real = getattr(owner, name)

        def watching(*args, **kwargs):
            seen.setdefault(name, set()).add(TF32.allow_tf32)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, watching)

    watched(student, "loss_terms")
    watched(repeatable, "_sampled")
    watched(stages, "simulate_feedback")
    watched(evaluating, "run_pass")
    watched(evaluating, "compute_metrics")
    assert TF32.allow_tf32, "torch's default"
    done = on_bars("ours", "-p", "epochs=1")
    assert done.code == 0, done.err
    evaluation = {name: seen.get(name) for name in ("_sampled", "simulate_feedback", "run_pass", "compute_metrics")}
    assert evaluation == dict.fromkeys(evaluation, {False}) and seen.get("loss_terms", {True}) == {True}
    assert TF32.allow_tf32


def test_a_module_built_under_inference_mode_is_told():
    model = Registry().get("models", "vae")()
    with torch.inference_mode():
        generator = model.build(model.Config()).generator
    with pytest.raises(UsageError, match=r"was made under torch\.inference_mode\(\); build or load it outside"):
        bench.unlearn(generator, CLICKS, epochs=1)


SWITCHED = {
    "gradients": ("torch.set_grad_enabled(False)", torch.is_grad_enabled, True),
    "type": ("torch.set_default_dtype(torch.float64)", torch.get_default_dtype, torch.float32),
    "device": ("torch.set_default_device('meta')", torch.get_default_device, torch.device("cpu")),
    "determinism": (
        "torch.use_deterministic_algorithms(True)",
        torch.are_deterministic_algorithms_enabled,
        torch.are_deterministic_algorithms_enabled(),
    ),
    "threads": ("torch.set_num_threads(3)", torch.get_num_threads, torch.get_num_threads()),
}


@pytest.mark.parametrize("what", SWITCHED)
def test_what_the_import_of_a_plug_in_switches_is_put_back(what, on_bars, plugins):
    line, asked, expected = SWITCHED[what]
    plugins.add("plain", ("import torch\n", f"import torch\n\n{line}\n"))
    for method in (("plain",), ("ours", "-p", "epochs=1")):
        done = on_bars(*method, plugins=plugins.path)
        assert done.code == 0, done.err
    Registry(plugins.path).get("methods", "plain")
    assert asked() == expected
    with torch.no_grad():
        Registry(plugins.path).get("methods", "plain")
        assert not torch.is_grad_enabled(), "the caller's own mode stays"

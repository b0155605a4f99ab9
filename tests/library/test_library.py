"""``import bench``: the same weights and numbers as ``bench run``, generators of one's own, and what is refused."""

from __future__ import annotations

import json
from copy import deepcopy

import numpy as np
import pytest
import torch

import bench
from bench.api import NoiseLatentGenerator
from bench.errors import BenchError, CheckpointError, UsageError
from bench.workspace import checkpoint

TASK = {"feature": "thickness", "dataset": "mnist"}


@pytest.fixture
def original(bars):
    return bench.load(bars.weights, plugins=bars.folder.path)


@pytest.fixture
def clicked(original):
    """Return the clicks of the simulated user of seed 0 on a hundred samples, and where it cut."""
    images = bench.sample(original, 100, stream="feedback/0")
    labels, threshold = bench.ask_oracle(images, "thickness", "mnist")
    return bench.make_feedback(labels, stream="feedback/0"), threshold


# --- the same as a cell -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params"), [("ours", {"epochs": 4, "batch_size": 8, "lr": 0.002}), ("reject", {"redraws": 3})]
)
def test_weights_and_numbers_are_those_of_bench_run(method, params, on_bars, original, clicked, bars, tmp_path):
    """Bit for bit: by way of the method that reads clicks alone, and of one that is handed the oracle."""
    done = on_bars(method, "--json", *(f"-p{name}={value}" for name, value in params.items()))
    assert done.code == 0, done.err
    record = json.loads(done.out)
    feedback, threshold = clicked
    assert record["provenance"]["oracle"]["threshold"] == threshold
    assert record["provenance"]["feedback"] == {"count": 100, "positives": feedback.positives}

    task = TASK if method == "reject" else {}
    unlearned = bench.unlearn(original, feedback, method, **task, threshold=threshold, **params)
    path = bench.save(unlearned, tmp_path / "unlearned.safetensors")
    assert checkpoint.read(path).sha256 == record["artefacts"]["weights"]["sha256"]

    for generator in (unlearned, bench.load(path, plugins=bars.folder.path)):
        measured = bench.evaluate(generator, original, **TASK, threshold=threshold, count=130)
        computed = measured[measured["skipped"].isna()].drop(columns="skipped").astype(object)
        assert computed.where(computed.notna(), None).to_dict("index") == record["metrics"]
        assert measured["skipped"].dropna().to_dict() == record["skipped_metrics"]


def test_another_seed_or_parameter_gives_other_weights(original, clicked):
    def first_bias(**more):
        return bench.unlearn(original, clicked[0], epochs=2, batch_size=8, **more).layer.bias

    assert torch.equal(first_bias(), first_bias())
    assert not torch.equal(first_bias(), first_bias(seed=1)) and not torch.equal(first_bias(), first_bias(lr=0.01))


def test_the_suite_s_hyper_parameters_are_the_defaults():
    from bench.library.places import open_workspace
    from bench.library.unlearn import _configured

    workspace = open_workspace(torch.device("cpu"), None)
    faces = _configured(workspace, "unlearn", "ours", "proggan", "lite", {"alpha": 2}).config
    assert (faces.epochs, faces.batch_size, faces.lr, faces.alpha) == (500, 16, 2e-3, 2)
    own = _configured(workspace, "unlearn", "ours", "MyDecoder", "lite", {}).config
    assert own == type(own)()


# --- generators of one's own --------------------------------------------------------------------------


def test_a_generator_built_by_hand_is_unlearned_without_any_oracle(original, clicked, tmp_path):
    mine = deepcopy(original).train().requires_grad_(True)
    before = deepcopy(mine.state_dict())
    noise = torch.randn(100, mine.noise_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        width = mine(noise).sum((1, 2, 3))
    feedback = bench.make_feedback(width > width.quantile(0.8), noise=noise)
    unlearned = bench.unlearn(mine, feedback, epochs=30, batch_size=16, lr=0.05)
    assert all(torch.equal(tensor, before[name]) for name, tensor in mine.state_dict().items())
    assert not unlearned.training and not any(p.requires_grad for p in unlearned.parameters())
    with torch.no_grad():
        after = unlearned(noise).sum((1, 2, 3))
    assert (after > width.quantile(0.8)).sum() < 10 < feedback.positives

    measured = bench.evaluate(unlearned, mine, count=130)
    assert set(measured.index[measured["value"].notna()]) == {"flagged_ratio", "flagged_change", "unflagged_change"}
    change = measured.loc["flagged_change"]
    assert 0 < change["low"] < change["value"] < change["high"] < 0.3
    assert change["n"] + measured.loc["unflagged_change", "n"] == measured.loc["flagged_ratio", "n"] == 130
    assert change["source"] == "no oracle; 130 samples of Decoder"
    assert measured.loc["target_ratio", "skipped"] == "there is no oracle"
    same = bench.evaluate(mine, mine, count=130)["value"].dropna()
    assert dict(same) == {"change": 0.0}

    with pytest.raises(UsageError, match="another origin"):
        bench.save(unlearned, tmp_path / "x.safetensors")
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_method_is_handed_the_other_networks_of_the_file_if_it_needs_them(original, clicked, plugins):
    plugins.method(
        "curious",
        "assert context.encoder is not None and context.discriminator is None\nreturn Unlearned(deepcopy(generator))",
        "needs = frozenset({'encoder'})",
    )
    bench.unlearn(original, clicked[0], "curious", plugins=plugins.path)
    with pytest.raises(UsageError, match="needs the encoder, which these weights come without"):
        bench.unlearn(deepcopy(original), clicked[0], "curious", plugins=plugins.path)


# --- oracles that are named ----------------------------------------------------------------------------


class Skins(NoiseLatentGenerator):
    """Faces without a face, of three colours."""

    noise_dim = latent_dim = 3
    image_shape = (3, 64, 64)

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(1))

    def render(self, latents):
        return torch.sigmoid(self.gain * latents)[:, :, None, None].expand(-1, 3, 64, 64)


def test_an_oracle_is_named_by_the_file_that_holds_it():
    """Data set celeba has no oracle of its own here; what synthfaces' two copies say of its images is compared."""
    skins, copies = Skins().eval(), ("mobilenet-synthfaces-a", "mobilenet-synthfaces-b")
    images = bench.sample(skins, 64, stream="evaluation")
    share = {name: bench.ask_oracle(images, "bang", "celeba", oracle=name)[0].mean() for name in copies}
    assert bench.ask_oracle(images, "bang", "synthfaces")[0].mean() == share[copies[0]] != share[copies[1]]
    for name in copies:
        task = {"feature": "bang", "dataset": "celeba", "oracle": name}
        measured = bench.evaluate(skins, skins, **task, extractors=(), count=64).loc["target_ratio"]
        assert measured["value"] == share[name]
        assert measured["source"] == f"CelebA (real photographs); oracle {name}; 64 samples of Skins"
        feedback = bench.make_feedback(np.arange(64) < 8, stream="evaluation")
        assert bench.unlearn(skins, feedback, "reject", **task, redraws=1).oracle.weights == name


MISSING = (
    "{call}(dataset='celeba'): the weights 'mobilenet-celeba-{copy}' are neither shipped with this version nor a file. "
    "Make them: bench pretrain --classifier mobilenet --dataset celeba --seed {seed} --ship mobilenet-celeba-{copy}; "
    "or name others: {call}(..., oracle=FILE)"
)


def test_an_oracle_that_is_missing_is_named_as_in_python(tmp_path):
    skins, task = Skins().eval(), {"feature": "bang", "dataset": "celeba"}
    feedback = bench.make_feedback(LABELS, stream="s")
    calls = {
        ("ask_oracle", "a", 0): lambda **more: bench.ask_oracle(bench.sample(skins, 2), **task, **more),
        ("evaluate", "b", 1): lambda **more: bench.evaluate(skins, skins, **task, **more),
        ("unlearn", "a", 0): lambda **more: bench.unlearn(skins, feedback, "reject", **task, **more),
    }
    for (call, copy, seed), of in calls.items():
        with pytest.raises(CheckpointError) as caught:
            of()
        assert str(caught.value) == MISSING.format(call=call, copy=copy, seed=seed)
        with pytest.raises(CheckpointError, match=rf"--out {tmp_path}/x.safetensors; or name others: {call}\("):
            of(oracle=tmp_path / "x.safetensors")
        with pytest.raises(CheckpointError, match="holds the classifier 'digits', not the classifier 'mobilenet'"):
            of(oracle="digits")


def test_an_oracle_that_is_not_asked_is_refused(original):
    with pytest.raises(UsageError) as caught:
        bench.ask_oracle(bench.sample(original, 2), "slant", "mnist", oracle="digits")
    assert str(caught.value) == (
        "ask_oracle(oracle=...): 'morpho_mnist' of 'mnist' is not trained, so it has no weights to name"
    )
    with pytest.raises(UsageError, match="evaluate: oracle= judges a feature of a data set; give feature= and dataset"):
        bench.evaluate(original, original, oracle="digits")


# --- what is refused ----------------------------------------------------------------------------------

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
    "sparse labels": ({"labels": torch.eye(2).to_sparse(), "stream": "s"}, r"feedback\(labels\): is no array"),
}


@pytest.mark.parametrize("case", WRONG_CLICKS)
def test_wrong_clicks_are_refused(case):
    arguments, message = WRONG_CLICKS[case]
    with pytest.raises(UsageError, match=message):
        bench.make_feedback(**arguments)


WRONG_CALLS = {
    "method": ({"method": "our"}, r"unlearn\(method=...\): there is no method 'our'. Did you mean 'ours'"),
    "field": ({"lrr": 1, "alpha": -1}, r"unlearn\(method='ours'\): 2 wrong value\(s\)\n.*\n.*Did you mean 'lr'"),
    "no task": ({"method": "reject"}, r"unlearn\(method='reject'\): needs more than clicks; .*feature=..., dataset="),
    "feature": ({"method": "reject", **TASK, "feature": "thick"}, "no feature 'thick'. Did you mean 'thickness'"),
    "clicks": ({"keep": ["area"]}, r"no clicks for area, which the method asks for; .*also="),
}


@pytest.mark.parametrize("case", WRONG_CALLS)
def test_a_wrong_call_is_refused(case, original, clicked):
    arguments, message = WRONG_CALLS[case]
    with pytest.raises(UsageError, match=message):
        bench.unlearn(original, clicked[0], **arguments)


def test_what_does_not_fit_is_refused(original, clicked):
    noise = bench.make_feedback(LABELS, noise=np.zeros((6, 5), np.float32))
    with pytest.raises(UsageError, match="noise has 5 numbers a sample; the generator draws from 6"):
        bench.unlearn(original, noise)
    with pytest.raises(UsageError, match=r"shape \(2, 3, 28, 28\); the data set 'mnist' has images \(N, 1, 28, 28\)"):
        bench.ask_oracle(torch.zeros(2, 3, 28, 28), "thickness", "mnist")
    with pytest.raises(UsageError, match="feature= and dataset= go together"):
        bench.evaluate(original, original, feature="thickness")
    with pytest.raises(UsageError, match=r"draws images \(1, 28, 28\); what judges synthfaces"):
        bench.evaluate(original, original, feature="beard", dataset="synthfaces", count=2)
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


def test_a_whole_number_of_numpy_s_will_do(original):
    assert np.array_equal(bench.sample(original, np.int64(3)), bench.sample(original, 3))


UNKNOWN = {
    "ask_oracle(dataset=...): there is no data set 'mnis'. Did you mean 'mnist'?": lambda of, clicks: bench.ask_oracle(
        bench.sample(of, 2), "thickness", "mnis"
    ),
    "evaluate(dataset=...): there is no data set 'mnis'. Did you mean 'mnist'?": lambda of, clicks: bench.evaluate(
        of, of, feature="thickness", dataset="mnis"
    ),
    "unlearn(dataset=...): there is no data set 'mnis'. Did you mean 'mnist'?": lambda of, clicks: bench.unlearn(
        of, clicks, "reject", feature="thickness", dataset="mnis"
    ),
    "unlearn(suite=...): there is no suite 'light'. Did you mean 'lite'?": lambda of, clicks: bench.unlearn(
        of, clicks, suite="light"
    ),
    "evaluate(dataset='own'): has no oracle; name a data set that has one": lambda of, clicks: bench.evaluate(
        of, of, feature="x", dataset="own"
    ),
}


@pytest.mark.parametrize("message", UNKNOWN)
def test_what_is_unknown_is_named_as_in_python(message, original, clicked):
    with pytest.raises(UsageError) as caught:
        UNKNOWN[message](original, clicked[0])
    assert str(caught.value).startswith(message)


def test_bfloat16_clicks_and_noise_are_read(original):
    noise = torch.randn(6, 6, generator=torch.Generator().manual_seed(0)).bfloat16()
    feedback = bench.make_feedback(torch.from_numpy(LABELS).bfloat16(), noise=noise)
    assert np.array_equal(feedback.labels, LABELS)
    assert np.array_equal(feedback.noise_array, noise.float().numpy())


# --- the range of images ------------------------------------------------------------------------------


def test_images_in_the_range_are_clicked_alike(original):
    images = bench.sample(original, 40)
    labels, threshold = bench.ask_oracle(images, "thickness", "mnist")
    overshoot = np.where(np.arange(images.size).reshape(images.shape) % 100 == 0, images + 0.4 * (images >= 1), images)
    for same in (
        (images * 255).round().astype(np.uint8),
        torch.from_numpy(images).double(),
        torch.from_numpy(images).requires_grad_(True),
        torch.from_numpy(images.copy()) - 0.04 * torch.from_numpy(images == 0),
        overshoot,
    ):
        found, cut = bench.ask_oracle(same, "thickness", "mnist")
        assert np.array_equal(found, labels) and cut == threshold
    assert overshoot.max() > 1.3


WRONG_RANGES = {
    "0..255": (lambda x: x * 255, r"hold values from 0 to 255, \d+% of them outside \[0, 1\]\. .* images / 255;"),
    "[-1, 1]": (lambda x: x * 2 - 1, r"hold values from -1 to 1, \d+% .* \[-1, 1\], pass \(images \+ 1\) / 2;"),
    "[-0.5, 0.5]": (lambda x: x - 0.5, r"hold values from -0.5 to 0.5, \d+% .* overshoots, images.clip\(0, 1\)$"),
    "NaN": (lambda x: np.where(x > 0.9, np.nan, x), "hold NaN or infinite values"),
    "infinite": (lambda x: np.where(x > 0.9, np.inf, x), "hold NaN or infinite values"),
    "int64": (lambda x: (x * 255).astype(np.int64), "are torch.int64; expected float in .0, 1., or uint8 in 0..255"),
    "bool": (lambda x: x > 0.5, "are torch.bool; expected float in"),
    "complex": (lambda x: x.astype(np.complex64), "are torch.complex64; expected float in"),
    "text": (lambda x: x.astype(str), "are no array of numbers"),
    "ragged": (lambda x: [x[0], x[0, 0]], "are no array of numbers"),
}


@pytest.mark.parametrize("case", WRONG_RANGES)
def test_images_in_another_range_are_refused(case, original):
    change, message = WRONG_RANGES[case]
    with pytest.raises(UsageError, match=rf"^ask_oracle\(images\): {message}"):
        bench.ask_oracle(change(bench.sample(original, 40)), "thickness", "mnist")

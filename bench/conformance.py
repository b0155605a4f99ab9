"""``bench check``: small named checks of one plug-in, on tiny inputs. The test suite runs them on every built-in.

A model is checked with its own default configuration; a method on a tiny generator; a metric on a perfect and on
a null pass.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench import api, randomness
from bench.context import Context, TrainingData
from bench.errors import BenchError, PluginError
from bench.feedback import Feedback
from bench.registry import KINDS, Registry
from bench.training import build, train

IMAGE_SHAPE = (1, 28, 28)
STEPS = 3


@dataclass(frozen=True)
class Outcome:
    """How one check went; ``problem`` is None if it passed."""

    plugin: str
    check: str
    problem: str | None


def check(registry: Registry, name: str, kind: str | None = None) -> list[Outcome]:
    """Run every check that applies to a plug-in, of each kind it is registered as.

    Raises
    ------
    UsageError
        If no plug-in has this name.
    """
    kinds = [k for k in KINDS if name in registry.names(k)] if kind is None else [kind]
    if not kinds:
        from bench.errors import unknown

        raise unknown("plug-in", name, {n for k in KINDS for n in registry.names(k)}, "NAME")
    outcomes = []
    for each in kinds:
        label = f"{each[:-1]} {name}"
        try:
            cls = registry.get(each, name)
        except PluginError as error:
            outcomes.append(Outcome(label, "loads", str(error)))
            continue
        outcomes.append(Outcome(label, "loads", None))
        outcomes += [_outcome(label, test, cls) for test in _checks_for(cls)]
    return outcomes


def _checks_for(cls: type[Any]) -> list[Callable[[Any], None]]:
    checks: list[Callable[[Any], None]] = [has_a_docstring]
    for base, more in (
        (api.Model, MODEL_CHECKS),
        (api.Method, METHOD_CHECKS),
        (api.Metric, METRIC_CHECKS),
        (api.Classifier, CLASSIFIER_CHECKS),
        (api.Extractor, EXTRACTOR_CHECKS),
        (api.Dataset, DATASET_CHECKS),
    ):
        if issubclass(cls, base):
            checks += more
    return checks


def _outcome(label: str, test: Callable[[Any], None], cls: type[Any]) -> Outcome:
    try:
        test(cls)
    except AssertionError as error:
        return Outcome(label, test.__name__, str(error) or "failed")
    except BenchError as error:
        return Outcome(label, test.__name__, str(error))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome(label, test.__name__, f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})")
    return Outcome(label, test.__name__, None)


# --- every plug-in ------------------------------------------------------------------------------------


def has_a_docstring(cls: type[Any]) -> None:
    """`bench list` shows the first line of the module's docstring."""
    module = inspect.getmodule(cls)
    assert module is not None and (module.__doc__ or "").strip(), (
        "the file has no docstring; bench list shows its first line"
    )


def config_is_strict(cls: type[Any]) -> None:
    """A typo in -p must be an error."""
    config = cls.Config.model_config
    assert issubclass(cls.Config, api.Params), "Config is no subclass of bench.api.Params"
    assert config.get("frozen") and config.get("extra") == "forbid", "Config must stay frozen, with extra='forbid'"
    undescribed = [name for name, field in cls.Config.model_fields.items() if not field.description]
    assert not undescribed, f"fields without a description: {', '.join(undescribed)}"


def config_has_defaults(cls: type[Any]) -> None:
    """A plug-in runs without any -p."""
    cls.Config()


# --- models -------------------------------------------------------------------------------------------


def _networks(cls: type[Any]) -> api.Networks[Any]:
    networks: api.Networks[Any] = build(cls(), cls.Config(), "check")
    for module in networks.modules().values():
        module.eval().requires_grad_(False)
    return networks


def _generator(cls: type[Any]) -> api.Generator:
    generator = _networks(cls).generator
    assert isinstance(generator, api.Generator), "build() gave no generator that is a bench.api.Generator"
    return generator


def generator_keeps_its_shapes(cls: type[Any]) -> None:
    """Shapes and types of sample, decode and forward are those the generator declares."""
    generator = _generator(cls)
    noise = randomness.draw("check", range(5), generator.noise_dim)
    latents, images = generator.sample(noise)
    assert latents.shape == (5, generator.latent_dim), (
        f"sample gave latents {tuple(latents.shape)}, not (5, {generator.latent_dim})"
    )
    assert images.shape == (5, *generator.image_shape), (
        f"sample gave images {tuple(images.shape)}, not (5, {generator.image_shape})"
    )
    assert images.dtype == torch.float32, f"images are {images.dtype}, not float32"
    assert torch.allclose(generator(noise), images, atol=1e-6), "forward(noise) differs from sample(noise)[1]"
    assert torch.allclose(generator.decode(latents, noise), images, atol=1e-4), (
        "decode(latents, noise) does not give sample's images back"
    )


def same_noise_gives_the_same_image(cls: type[Any]) -> None:
    """No hidden randomness, and an image does not depend on its batch."""
    generator = _generator(cls)
    noise = randomness.draw("check", range(4), generator.noise_dim)
    first = generator(noise)
    assert torch.equal(first, generator(noise)), "two calls on the same noise differ: hidden randomness, or train mode"
    singles = torch.cat([generator(row[None]) for row in noise])
    assert torch.allclose(first, singles, atol=1e-4), "images depend on the batch they are drawn in"


def generator_is_differentiable(cls: type[Any]) -> None:
    """The student is trained through its images."""
    generator = _generator(cls).requires_grad_(True)
    generator(randomness.draw("check", range(2), generator.noise_dim)).sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.parameters()), (
        "no gradient reaches the parameters"
    )


def state_round_trips(cls: type[Any]) -> None:
    """Weights loaded into fresh networks give the same images."""
    first, second = _networks(cls), build(cls(), cls.Config(), "check another")
    assert first.generator is not None and second.generator is not None
    second.generator.load_state_dict(first.generator.state_dict())
    noise = randomness.draw("check", range(3), first.generator.noise_dim)
    assert torch.equal(first.generator(noise), second.generator.eval()(noise)), (
        "state_dict does not hold all that an image depends on"
    )


def training_step_trains(cls: type[Any]) -> None:
    """A few steps change the weights, keep them finite, and are the same twice."""
    states = [_trained(cls) for _ in range(2)]
    before = _networks(cls).generator
    assert before is not None
    assert any(not torch.equal(states[0][name], tensor) for name, tensor in before.state_dict().items()), (
        "training changed nothing"
    )
    assert all(torch.isfinite(t).all() for t in states[0].values() if t.is_floating_point()), "training gave NaN"
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0]), (
        "training is not deterministic: use `rng` alone"
    )


def _trained(cls: type[Any]) -> dict[str, Tensor]:
    networks: api.Networks[Any] = build(cls(), cls.Config(), "check")
    context = Context(stream="check", device=torch.device("cpu"))
    train(cls(), networks, toy_split(networks.config.image_shape), context, epochs=1, batch_size=8)
    assert networks.generator is not None
    return networks.generator.state_dict()


MODEL_CHECKS: list[Callable[[Any], None]] = [
    config_is_strict,
    config_has_defaults,
    generator_keeps_its_shapes,
    same_noise_gives_the_same_image,
    generator_is_differentiable,
    state_round_trips,
    training_step_trains,
]


# --- methods ------------------------------------------------------------------------------------------


class ToyGenerator(api.NoiseLatentGenerator):
    """A tiny generator whose first latent is brightness; methods are checked on it."""

    image_shape, noise_dim, latent_dim = IMAGE_SHAPE, 4, 4

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 28 * 28)
        with torch.no_grad():
            self.layer.weight[:, 0] += 1.0

    def render(self, latents: Tensor) -> Tensor:  # noqa: D102 (inherited)
        return torch.sigmoid(self.layer(latents)).view(-1, *IMAGE_SHAPE)


class ToyModel(api.Model[api.TrainingConfig]):
    """The recipe around it: match the mean training image."""

    Config = api.TrainingConfig

    def build(self, config: api.TrainingConfig) -> api.Networks[api.TrainingConfig]:  # noqa: D102 (inherited)
        return api.Networks(
            config, generator=ToyGenerator(), encoder=nn.Linear(784, 4), discriminator=nn.Linear(784, 1)
        )

    def optimisers(self, networks: Any) -> dict[str, torch.optim.Optimizer]:  # noqa: D102 (inherited)
        return {"generator": torch.optim.Adam(networks.generator.parameters(), lr=networks.config.lr)}

    def training_step(self, networks: Any, optimisers: Any, batch: Any, rng: Any, progress: float) -> dict[str, Tensor]:  # noqa: D102
        noise = torch.randn(len(batch.images), 4, generator=rng)
        loss = (networks.generator(noise) - batch.images).abs().mean()
        optimisers["generator"].zero_grad()
        loss.backward()
        optimisers["generator"].step()
        return {"loss": loss.detach()}


class ToyClassifier(api.Classifier):
    """Scores brightness."""

    attributes = ("bright",)
    cuts = {"bright": 0.5}

    def scores(self, images: Tensor, attributes: Any) -> NDArray[np.float64]:  # noqa: D102 (inherited)
        return images.double().mean(dim=(1, 2, 3))[:, None].numpy() / 255


def toy_split(image_shape: tuple[int, int, int]) -> api.Split:
    """Return 32 random images with one attribute."""
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (32, *image_shape), dtype=np.uint8))
    return api.Split(pd.DataFrame({"bright": np.arange(32) % 2}), lambda i: images[torch.from_numpy(i)], "toy")


def _quick(cls: type[Any]) -> Any:
    """Build the method with as little work as its fields allow."""
    fields = cls.Config.model_fields
    return cls(cls.Config(**{name: value for name, value in (("epochs", STEPS), ("batch_size", 16)) if name in fields}))


def _toy() -> tuple[api.Networks[Any], Feedback, api.Oracle]:
    networks = build(ToyModel(), api.TrainingConfig(), "check")
    for module in networks.modules().values():
        module.eval().requires_grad_(False)
    assert networks.generator is not None
    brightness = networks.generator(randomness.draw("check", range(100), 4)).mean(dim=(1, 2, 3)).numpy()
    labels = brightness >= np.quantile(brightness, 0.8)
    oracle = api.Oracle(ToyClassifier(), "toy", "bright", float(np.quantile(brightness, 0.8)))
    return networks, Feedback(labels, "check"), oracle


def _unlearned(cls: type[Any]) -> tuple[api.Networks[Any], api.Unlearned, Any, api.Oracle]:
    networks, feedback, oracle = _toy()
    assert networks.generator is not None
    method, split = _quick(cls), toy_split(IMAGE_SHAPE)
    context = Context(
        stream="check",
        device=torch.device("cpu"),
        oracle=oracle if "oracle" in cls.needs else None,
        encoder=networks.encoder if "encoder" in cls.needs else None,
        discriminator=networks.discriminator if "discriminator" in cls.needs else None,
        training_data=TrainingData(split, split.attributes["bright"].to_numpy() == 1, ToyModel(), networks)
        if "training_data" in cls.needs
        else None,
    )
    given = feedback if cls.reads_feedback else Feedback(feedback.labels[:0], feedback.stream)
    return networks, method.unlearn(networks.generator, given, context), method, oracle


def needs_are_known(cls: type[Any]) -> None:
    """Only what the contract can hand over may be asked for."""
    assert cls.needs <= api.NEEDS, f"needs {sorted(cls.needs - api.NEEDS)}; allowed: {sorted(api.NEEDS)}"


def original_is_left_alone(cls: type[Any]) -> None:
    """The original is frozen; the student is a copy."""
    before = _toy()[0].generator
    networks, unlearned, _, _ = _unlearned(cls)
    assert before is not None and networks.generator is not None
    assert unlearned.generator is not networks.generator, "unlearn returned the original itself, not a copy"
    changed = [n for n, t in networks.generator.state_dict().items() if not torch.equal(t, before.state_dict()[n])]
    assert not changed, f"unlearn changed the original: {', '.join(changed)}"


def unlearning_is_deterministic(cls: type[Any]) -> None:
    """Same seed, same weights."""
    first, second = (_unlearned(cls)[1].generator.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first), (
        "two runs differ: draw from context.noise or context.rng"
    )


def global_randomness_is_left_alone(cls: type[Any]) -> None:
    """A global seed would make other code's randomness depend on this method."""
    with torch.random.fork_rng(devices=[]):
        torch.seed()  # a state that no earlier run of the method has left behind
        before = torch.get_rng_state()
        _unlearned(cls)
        after = torch.get_rng_state()
    assert torch.equal(before, after), (
        "unlearn uses the global random state: draw from context.noise or context.rng, and set no global seed"
    )


def unlearned_keeps_the_contract(cls: type[Any]) -> None:
    """The student draws images like the original's; its score gives one number per latent."""
    _, unlearned, _, _ = _unlearned(cls)
    assert isinstance(unlearned, api.Unlearned) and isinstance(unlearned.generator, api.Generator), (
        "unlearn must return bench.api.Unlearned"
    )
    noise = randomness.draw("check", range(6), unlearned.generator.noise_dim)
    images = unlearned.generator(noise)
    assert images.shape == (6, *IMAGE_SHAPE) and torch.isfinite(images).all(), (
        "the student's images have another shape, or NaN"
    )
    if unlearned.score is not None:
        assert isinstance(unlearned.score, nn.Module), "score must be an nn.Module, so that it can be stored"
        assert unlearned.score(noise).shape == (6,), "score(latents) must have shape (N,)"


def rebuild_gives_the_same_back(cls: type[Any]) -> None:
    """What is stored and rebuilt draws the same images and scores the same."""
    networks, unlearned, method, oracle = _unlearned(cls)
    rebuilt = method.rebuild(networks.generator, oracle if "oracle" in cls.needs else None)
    assert (rebuilt.score is None) == (unlearned.score is None), (
        "unlearn returns a score and rebuild does not, or the other way round: override rebuild"
    )
    rebuilt.generator.load_state_dict(unlearned.generator.state_dict())
    noise = randomness.draw("check", range(6), unlearned.generator.noise_dim)
    assert torch.equal(rebuilt.generator.eval()(noise), unlearned.generator.eval()(noise)), (
        "the rebuilt generator draws other images"
    )
    if rebuilt.score is not None and unlearned.score is not None:
        rebuilt.score.load_state_dict(unlearned.score.state_dict())
        rebuilt.score.eval()
        assert torch.equal(rebuilt.score(noise), unlearned.score(noise)), "the rebuilt score differs"


METHOD_CHECKS: list[Callable[[Any], None]] = [
    config_is_strict,
    config_has_defaults,
    needs_are_known,
    original_is_left_alone,
    unlearning_is_deterministic,
    global_randomness_is_left_alone,
    unlearned_keeps_the_contract,
    rebuild_gives_the_same_back,
]


# --- metrics ------------------------------------------------------------------------------------------


def toy_columns(*, perfect: bool) -> api.Columns:
    """Return columns of 200 samples: all features gone and nothing else touched, or nothing changed at all."""
    rng = np.random.default_rng(0)
    n = 200
    before = np.arange(n) % 5 == 0
    after = np.zeros(n, dtype=bool) if perfect else before
    scores = before + 0.1 * rng.standard_normal(n)
    features = rng.standard_normal((n, 4)).astype(np.float32)
    logits = rng.standard_normal((n, 3)).astype(np.float32)
    attributes = pd.DataFrame({"other": rng.random(n) < 0.3})
    covariance = np.cov(features.astype(np.float64), rowvar=False)
    reference = api.Statistics(features.astype(np.float64).mean(0), covariance, n, "toy")
    change = np.where(before, 0.1, 0.0) if perfect else np.zeros(n)
    inside = np.where(before, rng.random(n) * 0.01 if perfect else 0.1, np.nan)
    return api.Columns(
        labels=after,
        original_labels=before,
        scores=scores * after,
        original_scores=scores,
        projection=scores,
        pixel_change=change,
        counterfactual_error=np.stack([inside, 0 * inside], axis=1),
        attributes=attributes,
        original_attributes=attributes,
        extractor="toy",
        features=features,
        original_features=features,
        logits=logits,
        original_logits=logits,
        reference=reference,
        reference_retain=reference,
    )


def columns_are_known(cls: type[Any]) -> None:
    """A metric may only read what the engine gathers."""
    known = set(api.Columns.__dataclass_fields__)
    assert cls.columns <= known, f"reads {sorted(cls.columns - known)}; allowed: {sorted(known)}"


def values_are_sound(cls: type[Any]) -> None:
    """Values are finite, lie in their interval, and are the same twice."""
    for perfect in (True, False):
        values = cls().compute(toy_columns(perfect=perfect))
        assert values, "computes nothing on 200 samples with and without the feature"
        for name, value in values.items():
            numbers = [x for x in (value.value, value.low, value.high) if x is not None]
            assert np.isfinite(numbers).all(), f"{name} is {value.value}, interval {value.low} to {value.high}"
            if value.low is not None and value.high is not None:
                assert value.low - 1e-12 <= value.value <= value.high + 1e-12, (
                    f"{name} = {value.value} lies outside [{value.low}, {value.high}]"
                )
        again = cls().compute(toy_columns(perfect=perfect))
        assert {n: v.value for n, v in again.items()} == {n: v.value for n, v in values.items()}, "two calls differ"


METRIC_CHECKS: list[Callable[[Any], None]] = [columns_are_known, values_are_sound]


# --- classifiers, extractors, data sets ---------------------------------------------------------------


def _degenerate_images(image_shape: tuple[int, int, int] = IMAGE_SHAPE) -> Tensor:
    images = torch.zeros(4, *image_shape, dtype=torch.uint8)
    images[1] = 255
    images[2, :, 10:18, 12:16] = 255
    images[3, :, 14, 14] = 255
    return images


def _with_networks(cls: Any) -> tuple[Any, Tensor]:
    """Return a classifier or extractor, with untrained networks if it has any, and degenerate images for it."""
    if not issubclass(cls, api.Trainable):
        return cls(), _degenerate_images()
    networks = _networks(cls)
    recipe: Any = cls
    return recipe(networks), _degenerate_images(networks.config.image_shape)


def scores_are_finite(cls: type[Any]) -> None:
    """Blank, full and one-pixel images get an answer."""
    classifier, images = _with_networks(cls)
    scores = classifier.scores(images, classifier.attributes)
    assert scores.shape == (4, len(classifier.attributes)), f"scores have shape {scores.shape}"
    assert np.isfinite(scores).all(), "a degenerate image got NaN or infinity"


def every_attribute_has_a_cut(cls: type[Any]) -> None:
    """Attributes other than the target are cut at a shipped constant."""
    classifier, _ = _with_networks(cls)
    missing = [name for name in classifier.attributes if name not in classifier.cuts]
    assert not missing, f"no cut for {', '.join(missing)}"


def outputs_have_their_shapes(cls: Any) -> None:
    """One feature row and one logit per class for each image."""
    if not issubclass(cls, api.Trainable):
        return  # its weights are not ours to build
    extractor, images = _with_networks(cls)
    features, logits = extractor.outputs(images.float() / 255)
    assert features.ndim == 2 and len(features) == 4, f"features have shape {tuple(features.shape)}"
    assert logits.shape == (4, len(cls.classes)), (
        f"logits have shape {tuple(logits.shape)}, not {(4, len(cls.classes))}"
    )


def oracle_is_named(cls: type[Any]) -> None:
    """A data set names its oracle and its features."""
    assert cls.features and isinstance(cls.classifier, str) and cls.label, "features, classifier and label must be set"
    assert len(cls.image_shape) == 3, "image_shape is (C, H, W)"


def features_follow_attributes(cls: type[Any]) -> None:
    """``feature_attributes`` says which value of which attribute is the feature; else the oracle says."""
    assert set(cls.feature_attributes) <= set(cls.features), "feature_attributes names what is no feature"
    for feature, (attribute, value) in cls.feature_attributes.items():
        labels = cls().has_feature(pd.DataFrame({attribute: [True, False]}), feature)
        assert labels is not None and labels.tolist() == [value, not value], f"has_feature is wrong about {feature}"


CLASSIFIER_CHECKS: list[Callable[[Any], None]] = [scores_are_finite, every_attribute_has_a_cut]
EXTRACTOR_CHECKS: list[Callable[[Any], None]] = [outputs_have_their_shapes]
DATASET_CHECKS: list[Callable[[Any], None]] = [oracle_is_named, features_follow_attributes]


def report(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield one line per check."""
    for outcome in outcomes:
        yield f"{'ok    ' if outcome.problem is None else 'FAILED'} {outcome.plugin}: {outcome.check}" + (
            "" if outcome.problem is None else f"\n       {outcome.problem}"
        )

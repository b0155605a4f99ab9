from __future__ import annotations

from copy import deepcopy

import pytest
from pydantic import Field

from bench.api import Method, Params, Unlearned
from bench.authoring.conformance.methods import every_option_works
from bench.authoring.conformance.trials import try_method
from bench.authoring.conformance.variants import quick, variants
from bench.registry import Registry

LOOP = """
student = deepcopy(generator).requires_grad_(True)
optimiser = torch.optim.SGD(student.parameters(), lr=0.1)
for step in context.steps(3, {"student": student, "optimiser": optimiser}):
    loss = student(NOISE).square().mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    context.log(step, loss=loss)
return Unlearned(student.requires_grad_(False))
"""
GOOD_LOOP = LOOP.replace("NOISE", "context.noise(step, 8, generator.noise_dim)")
BAD_METHODS = {
    "edits_in_place": (
        "with torch.no_grad():\n    for p in generator.parameters():\n        p.mul_(0.5)\nreturn Unlearned(deepcopy(generator))",
        "", "original_is_left_alone", "unlearn changed the original: layer.weight, layer.bias",
    ),
    "returns_the_original": ("return Unlearned(generator)", "", "original_is_left_alone", "returned the original itself"),
    "global_randomness": (
        LOOP.replace("NOISE", "torch.randn(8, generator.noise_dim)"), "", "unlearning_is_deterministic", "two runs differ",
    ),
    "global_seed": (
        "torch.manual_seed(0)\n" + LOOP.replace("NOISE", "torch.randn(8, generator.noise_dim)"), "",
        "global_randomness_is_left_alone", "global random state",
    ),
    "greedy": ("return Unlearned(deepcopy(generator))", 'needs = frozenset({"labels"})', "needs_are_known", "needs ['labels']"),
    "scoring_without_rebuild": (
        "return Unlearned(deepcopy(generator), torch.nn.Flatten(0))", "", "rebuild_gives_the_same_back", "override rebuild",
    ),
    "score_of_wrong_shape": (
        "return Unlearned(deepcopy(generator), torch.nn.Identity())",
        "def rebuild(self, original, oracle):\n    return Unlearned(deepcopy(original), torch.nn.Identity())",
        "unlearned_keeps_the_contract", "identifier(latents) must have shape (N,)",
    ),
    "nan": (
        "student = deepcopy(generator)\nstudent.layer.bias.data.fill_(float('nan'))\nreturn Unlearned(student)", "",
        "unlearned_keeps_the_contract", "or NaN",
    ),
    "forgets_a_part": (
        "student = deepcopy(generator)\nstudent.render = lambda z: torch.zeros(len(z), 1, 28, 28)\nreturn Unlearned(student)", "",
        "rebuild_gives_the_same_back", "draws other images",
    ),
    "returns_a_generator": ("return deepcopy(generator)", "", "unlearned_keeps_the_contract", ""),
    "raises": ("raise KeyError('lost')", "", "unlearning_is_deterministic", "KeyError: 'lost'"),
    "loose_config": (
        "return Unlearned(deepcopy(generator))", "class Config(Params):\n    model_config = {'extra': 'ignore'}\n    lr: float = 1",
        "config_is_strict", "extra='forbid'",
    ),
    "rebuilds_in_vain": (
        "return Unlearned(deepcopy(generator))", "def rebild(self, original, oracle):\n    return 1",
        "no_name_is_misspelt", "rebild (did you mean rebuild?)",
    ),
    "needs_in_vain": (
        "return Unlearned(deepcopy(generator))", 'need = frozenset({"oracle"})', "no_name_is_misspelt", "need (did you mean needs?)",
    ),
    "undescribed": (
        "return Unlearned(deepcopy(generator))", "class Config(Params):\n    lr: float = 1", "config_is_strict",
        "fields without a description: lr",
    ),
    "no_default": (
        "return Unlearned(deepcopy(generator))", "class Config(Params):\n    lr: float", "config_has_defaults", "Field required",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_METHODS)
def test_a_bad_method_is_caught(name, plugins, problems):
    body, attributes, where, message = BAD_METHODS[name]
    plugins.method(name, body, attributes)
    found = problems(name)
    assert where in found, found
    assert message in found[where]


def test_a_sound_method_passes(plugins, problems):
    plugins.method("sound", GOOD_LOOP)
    assert problems("sound") == {}


def test_a_file_without_a_docstring_is_caught(plugins, problems):
    file = plugins.add("plain")
    file.write_text(file.read_text().partition('"""\n')[2])
    assert problems("plain") == {"has_a_docstring": "the file has no docstring; bench list shows its first line"}


# --- options ------------------------------------------------------------------------------------------

REBUILD = "Direction.unfitted(original.latent_dim, self.config)"
OPTIONS = {  # what is changed in the template, and what is said of it
    "rebuild_forgets_the_landing": (
        (REBUILD, "Direction(original.latent_dim)"), "-p landing=reflect: the rebuilt generator draws other images", 0,
    ),
    "rebuild_forgets_the_scale": (
        (REBUILD, 'Direction(original.latent_dim, self.config.landing == "reflect")'),
        "-p scale=deviation, -p keep=other, -p keep_rule=conditional -p keep=other and 1 more: the identifier that rebuild "
        "returns has another structure than unlearn's", 1,
    ),
    "asks_for_no_clicks": (
        ("return self.config.keep", "return ()"),
        "-p keep=other is refused (-p keep=other: the feedback has no clicks on 'other' (further attributes clicked: none)", 1,
    ),
    "an_option_crashes": (
        ("student = deepcopy", "1 / (self.config.step == 'unit')\n        student = deepcopy"),
        "-p step=raw raises ZeroDivisionError: division by zero", 1,
    ),
}  # fmt: skip


class Switches(Params):
    """Five switches; none works."""

    a: bool = Field(False, description="a")
    b: bool = Field(False, description="b")
    c: bool = Field(False, description="c")
    d: bool = Field(False, description="d")
    e: bool = Field(False, description="e")


class Broken(Method[Switches]):
    """Any switch breaks it."""

    Config = Switches

    def unlearn(self, generator, feedback, context):
        if self.config != Switches():
            raise ValueError("broken")
        return Unlearned(deepcopy(generator))


def test_one_fault_of_many_options_is_told_once():
    with pytest.raises(AssertionError) as told:
        every_option_works(Broken)
    text = str(told.value).partition("\n")[0]
    assert text == "-p a=true, -p b=true, -p c=true and 2 more raises ValueError: broken"


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_that_does_not_work_is_caught(name, changed, problems):
    change, message, told = OPTIONS[name]
    changed("method", change)
    found = problems("mine")
    assert set(found) == {"every_option_works"}
    assert (message in found["every_option_works"]) == bool(told)


@pytest.mark.parametrize(
    ("swept", "message"),
    [
        ('{"shift": (1.0,)}', "sweep names 'shift', which is not a field of its Config"),
        ('{"threshold_shift": ("far",)}', "threshold_shift"),
    ],
)
def test_a_curve_along_what_is_no_parameter_is_caught(swept, message, changed, problems):
    changed("method", ('{"threshold_shift": (-0.5, 0.5, 1.0)}', swept))
    assert message in problems("mine").get("sweep_is_of_its_config", "")


def test_a_method_may_decline_in_words(changed, problems):
    """A toy world cannot meet every condition: what is refused by an error of ours is not held against it."""
    changed(
        "method",
        ("from bench.api import Context", "from bench.api import UsageError, Context"),
        (
            "student = deepcopy",
            "if self.config.shrink:\n            raise UsageError('too few')\n        student = deepcopy",
        ),
    )
    assert problems("mine") == {}


@pytest.mark.parametrize("name", ["ours", "latent_edit", "probe", "retrain", "reject"])
def test_every_option_of_a_built_in_is_tried_and_none_is_declined(name):
    method = Registry().get("methods", name)
    tried = dict(variants(quick(method.Config)))
    fields = {setting.removeprefix("-p ").partition("=")[0] for setting in tried}
    assert fields == set(method.Config.model_fields)
    for config in tried.values():
        assert try_method(method, config).unlearned.generator is not None


def test_what_is_handed_over_is_what_is_needed():
    """The toy world is as strict as the engine."""
    seen = {}

    class Curious(Registry().get("methods", "original")):
        needs = frozenset({"encoder"})

        def unlearn(self, generator, feedback, context):
            seen.update(vars(context), positives=feedback.positives, shown=len(feedback))
            return super().unlearn(generator, feedback, context)

    try_method(Curious)
    assert seen["encoder"] is not None
    assert seen["oracle"] is seen["discriminator"] is seen["training_data"] is None
    reads = Curious.reads_feedback
    assert (seen["shown"], seen["positives"]) == ((100, 20) if reads else (0, 0))

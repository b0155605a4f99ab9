"""A run that is interrupted and started again must end the same: methods in every phase, and what is trained."""

from __future__ import annotations

import pytest
import torch

from bench.authoring.conformance.recording import RecordingContext, Stop, stops_of
from bench.authoring.conformance.trials import try_method
from bench.registry import Registry

LOOP = """
student = deepcopy(generator).requires_grad_(True)
adam = torch.optim.Adam(student.parameters(), lr=0.1)
BEFORE
for step in context.steps(3, {STATE}):
    loss = student(context.noise(step, 8, generator.noise_dim)).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    INSIDE
    context.log(step, loss=loss)
AFTER
return Unlearned(student.requires_grad_(False))
"""
WHOLE = '"student": student, "adam": adam'
FIRST = "interrupted after step 1 of 3 and started again, it"


def loop(state=WHOLE, before="", inside="", after=""):
    return LOOP.replace("BEFORE", before).replace("STATE", state).replace("INSIDE", inside).replace("AFTER", after)


TWO_PHASES = """
probe = torch.nn.utils.skip_init(torch.nn.Linear, generator.noise_dim, 1)
with torch.no_grad():
    probe.weight.zero_()
    probe.bias.zero_()
sgd = torch.optim.SGD(probe.parameters(), lr=0.1, momentum=0.9)
for step in context.steps(2, {FIRST}, name="probe"):
    loss = (probe(context.noise(step, 8, generator.noise_dim)) - 1).square().mean()
    sgd.zero_grad()
    loss.backward()
    sgd.step()
student = deepcopy(generator).requires_grad_(True)
adam = torch.optim.Adam(student.parameters(), lr=0.1)
for step in context.steps(3, {"student": student, "adam": adam}, name="student"):
    noise = context.noise(step, 8, generator.noise_dim)
    loss = (student(noise).mean((1, 2, 3)) - probe(noise)[:, 0].detach()).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
return Unlearned(student.requires_grad_(False))
"""
BAD = {
    "no_optimiser": (loop('"student": student'), f"{FIRST} ends with another student (layer.weight): give context.steps"),
    "no_student": (loop('"adam": adam'), f"{FIRST} ends with another student (layer.weight)"),
    "a_number_of_its_own": (
        loop(before="weight = 1.0", inside="weight *= 0.5\n    student.layer.bias.data += weight"),
        f"{FIRST} ends with another student (layer.weight)",
    ),
    "a_generator_of_its_own": (
        loop(before="own = torch.Generator().manual_seed(1)", inside="student.layer.bias.data += torch.rand(784, generator=own)"),
        f"{FIRST} ends with another student (layer.weight)",
    ),
    "reads_the_loop_s_variable": (
        loop(after="student.layer.bias.data += 0 * loss.item()"),
        "interrupted after step 3 of 3 and started again, it raises UnboundLocalError",
    ),
    "does_not_stop": (
        "try:\n" + "".join(f"    {line}\n" for line in loop().splitlines()) + "except BaseException:\n    return Unlearned(deepcopy(generator))",
        "interrupted after step 1 of 3, it does not stop. Let Interrupted and KeyboardInterrupt through",
    ),
    "other_names": (
        loop('f"student{os.urandom(4).hex()}": student, "adam": adam', before="import os"),
        f"{FIRST} takes 3 steps, not the 2 that are left",
    ),
    "no_probe": (
        TWO_PHASES.replace("FIRST", '"sgd": sgd'),
        "interrupted after step 1 of 2 of the phase 'probe' and started again, it ends with another student",
    ),
    "no_momentum": (
        TWO_PHASES.replace("FIRST", '"probe": probe'),
        "interrupted after step 1 of 2 of the phase 'probe' and started again, it ends with another student",
    ),
    "a_phase_that_leaves_nothing": (
        TWO_PHASES.replace("FIRST", '"student": generator'),
        "interrupted after step 1 of 2 of the phase 'probe' and started again, it ends with another student",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_method_that_does_not_resume_is_caught(name, plugins, problems):
    body, message = BAD[name]
    plugins.method(name, body)
    assert message in problems(name).get("an_interrupted_run_is_resumed", "")


GOOD = {"one_loop": loop(), "two_phases": TWO_PHASES.replace("FIRST", '"probe": probe, "sgd": sgd'), "none": "return Unlearned(deepcopy(generator))"}  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("name", GOOD)
def test_a_method_that_resumes_passes(name, plugins, problems):
    plugins.method(name, GOOD[name])
    assert problems(name) == {}


def test_it_is_interrupted_in_every_phase_after_the_first_and_the_last_step(plugins):
    plugins.method("two", GOOD["two_phases"])
    context = RecordingContext("check", torch.device("cpu"))
    try_method(Registry(plugins.path).get("methods", "two"), context=context)
    assert context.taken == [Stop("probe", i, 2) for i in range(2)] + [Stop("student", i, 3) for i in range(3)]
    assert stops_of(context.taken) == [
        Stop("probe", 0, 2), Stop("probe", 1, 2), Stop("student", 0, 3), Stop("student", 2, 3),
    ]  # fmt: skip


def test_a_method_whose_steps_cannot_be_counted_is_caught(changed, problems):
    """The template with a named loop, and with a loop of another length than ``epochs``."""
    loop, named = 'context.steps(self.config.epochs, {"student": student, "adam": adam}', ', name="student"'
    changed("method", (f"{loop})", f"{loop}{named})"))
    assert problems("mine") == {
        "steps_are_those_of_the_main_loop": "step_count() says 3 steps, and no loop is the main one: "
        "context.steps(total, state, name, main=True)"
    }
    changed(
        "method", (f"{loop})", f"{loop}{named}, main=True)".replace("self.config.epochs", "2 * self.config.epochs"))
    )
    assert problems("mine") == {
        "steps_are_those_of_the_main_loop": "step_count() says 3 steps, and the main loop takes 6: override step_count"
    }


def test_an_option_that_does_not_resume_is_caught(changed, problems):
    """The template with one more option, whose other choice forgets the optimiser."""
    changed(
        "method",
        ("    epochs: int", '    forget: bool = Field(False, description="forget")\n    epochs: int'),
        ('{"student": student, "adam": adam}', '{"student": student} if self.config.forget else {"student": student, "adam": adam}'),
    )  # fmt: skip
    assert problems("mine") == {
        "every_option_works": "-p forget=true: interrupted after step 1 of 3 and started again, it ends with another student "
        "(layer.weight): give context.steps, as its second argument, everything that changes from step to step"
    }


# --- what is trained --------------------------------------------------------------------------------------


def test_a_model_that_does_not_resume_is_caught(plugins, problems):
    plugins.add(
        "bars",
        ("        loss = (drawn - batch.images).abs().mean()\n", "        self.count = getattr(self, 'count', 0) + 1\n        loss = self.count**2 * (drawn - batch.images).abs().mean() ** self.count\n"),
        as_name="counting",
    )  # fmt: skip
    plugins.add(
        "bars",
        ('        return {"adam": torch', '        self.adam = torch'),
        ("lr=networks.config.lr)}", "lr=networks.config.lr)\n        return {}"),
        ('        optimisers["adam"].zero_grad()', "        self.adam.zero_grad()"),
        ('        optimisers["adam"].step()', "        self.adam.step()"),
        as_name="hiding",
    )  # fmt: skip
    for name in ("counting", "hiding"):
        told = problems(name)["an_interrupted_training_is_resumed"]
        assert told.startswith("interrupted after step 1 of 2 and started again, it ends with another generator")
    assert problems("bars") == {}


def test_a_classifier_that_does_not_resume_is_caught(plugins, problems):
    plugins.add(
        "level",
        ("torch.optim.SGD(learnt(networks).parameters(), lr=networks.config.lr)", "torch.optim.SGD(learnt(networks).parameters(), lr=0.1, momentum=0.9)"),
        ('        return {"sgd": torch', '        self.kept = {"sgd": torch'),
    )  # fmt: skip
    text = (plugins.path / "level.py").read_text()
    text = text.replace("momentum=0.9)}", "momentum=0.9)}\n        return {}").replace(
        'optimisers["sgd"]', 'self.kept["sgd"]'
    )
    plugins.write("level", text)
    assert "it ends with another classifier (level)" in problems("level")["an_interrupted_training_is_resumed"]


@pytest.mark.parametrize(
    ("option", "crash", "told"),
    [
        ('shape: Literal["flat", "deep"] = Field("flat", description="shape")', "1 / (config.shape == 'flat')", "-p shape=deep raises ZeroDivisionError"),
        ('deep: bool = Field(False, description="deep")', "1 / (not config.deep)", "-p deep=true raises ZeroDivisionError"),
        ('deep: bool | None = Field(None, description="deep")', "1 / (not config.deep)", "-p deep=true raises ZeroDivisionError"),
    ],
)  # fmt: skip
def test_a_choice_of_a_model_that_does_not_work_is_caught(option, crash, told, changed, problems):
    changed(
        "model",
        ("from math import prod\n", "from math import prod\nfrom typing import Literal\n"),
        ("    latent_dim: int", f"    {option}\n    latent_dim: int"),
        ('        """Return untrained networks; they are stored together."""\n', f"        {crash}\n"),
    )
    assert told in problems("mine")["every_choice_works"]


def test_a_choice_that_is_built_otherwise_than_stored_is_caught(plugins, problems):
    built = """Level.builds += config.wide
        learnt = Learnt()
        if config.wide:
            learnt.register_buffer(f'b{Level.builds}', torch.zeros(1))
        return Networks(config, classifier=learnt)"""
    config = "class Config(TrainingConfig):\n    wide: bool = Field(False, description='wide')\n\n\n"
    plugins.add(
        "level",
        ("class Level(", f"{config}class Level("),
        ("    Config = TrainingConfig", "    Config = Config\n    builds = 0"),
        ("return Networks(config, classifier=Learnt())", built),
        ("import numpy as np", "import numpy as np\nfrom pydantic import Field"),
    )
    told = problems("level")["every_choice_works"]
    assert "-p wide=true: networks built by the stored configuration have other tensors (classifier (b" in told


def test_what_pretrain_reads_must_be_there(plugins, problems):
    plugins.add(
        "level",
        ("class Level(", "class Config(Params):\n    lr: float = Field(0.1, description='rate')\n\n\nclass Level("),
        ("Trainable[TrainingConfig]):\n    Config = TrainingConfig", "Trainable[Config]):\n    Config = Config"),
        ("from bench.api import Batch,", "from pydantic import Field\n\nfrom bench.api import Params, Batch,"),
    )
    told = problems("level")["what_training_reads_is_there"]
    assert told == "Config has no epochs and no batch_size: derive it from bench.api.TrainingConfig"

"""What a plug-in leaves behind in its process is told, whatever it is."""

from __future__ import annotations

import builtins
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import bench.toolkit.losses
from bench.api import NoiseLatentGenerator
from bench.authoring.conformance.toys import ToyGenerator

DONE = "\nreturn Unlearned(deepcopy(generator))"


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Undo what the plug-ins of these tests do."""
    owners = (torch, torch.nn.functional, torch.Tensor, np.random, np, builtins, bench.toolkit.losses, ToyGenerator, NoiseLatentGenerator)  # fmt: skip  # noqa: E501
    kept = [(owner, dict(vars(owner))) for owner in owners]
    threads, dtype, limit, here = (
        torch.get_num_threads(),
        torch.get_default_dtype(),
        sys.getrecursionlimit(),
        Path.cwd(),
    )
    environment, out, handlers = (
        dict(os.environ),
        sys.stdout,
        {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)},
    )
    with np.errstate():
        yield
    for owner, attributes in kept:
        for name in vars(owner).keys() - attributes.keys() if owner in (torch.Tensor, ToyGenerator) else ():
            delattr(owner, name)
        for name, value in attributes.items():
            if vars(owner).get(name) is not value:
                setattr(owner, name, value)
    torch.set_num_threads(threads)
    torch.set_default_dtype(dtype)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.use_deterministic_algorithms(False)
    sys.setrecursionlimit(limit)
    os.chdir(here)
    os.environ.update(environment)
    sys.stdout = out
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in handlers.items():
        signal.signal(number, handler)


LEFT = {
    "patched_torch": ("torch.randn = lambda *a, **k: torch.zeros(8, 8)", "torch.randn is another one"),
    "wrapped_torch": (
        "import functools\nold = torch.rand\n@functools.wraps(old)\ndef new(*a, **k):\n    return old(*a, **k)\ntorch.rand = new",
        "torch.rand is another one",
    ),
    "patched_tensor": ("torch.Tensor.mean = torch.Tensor.sum", "what torch.Tensor defines has changed"),
    "patched_functional": ("torch.nn.functional.l1_loss = torch.nn.functional.mse_loss", "torch.nn.functional.l1_loss is another one"),
    "patched_numpy": ("import numpy as np\nnp.random.default_rng = lambda seed=None: None", "numpy.random.default_rng is another"),
    "patched_loss": (
        "import bench.toolkit.losses as losses\nlosses.l1 = lambda *a: 0", "bench.toolkit.losses.l1 is another one",
    ),
    "patched_class": (
        "type(generator).render = lambda self, z: torch.zeros(len(z), 1, 28, 28)",
        "bench.authoring.conformance.toys.ToyGenerator.render is another one",
    ),
    "patched_base": (
        "from bench.api import NoiseLatentGenerator as N\nN.decode = lambda self, z, noise: self.render(z)",
        "bench.api.models.NoiseLatentGenerator.decode is another one",
    ),
    "patched_builtin": ("import builtins\nbuiltins.sum = max", "builtins.sum is another one"),
    "threads": ("torch.set_num_threads(2)", "the number of threads (torch.set_num_threads) has changed"),
    "dtype": ("torch.set_default_dtype(torch.float64)", "the default type (torch.set_default_dtype) has changed"),
    "device": ("torch.set_default_device('meta')", "the default device (torch.set_default_device) has changed"),
    "no_gradients": ("torch.set_grad_enabled(False)", "whether gradients are computed (torch.set_grad_enabled) has changed"),
    "deterministic": ("torch.use_deterministic_algorithms(True)", "torch.use_deterministic_algorithms has changed"),
    "recursion": ("import sys\nsys.setrecursionlimit(5000)", "sys.setrecursionlimit has changed"),
    "folder": ("import os\nos.chdir('/')", "the working folder (os.chdir) has changed"),
    "environment": ("import os\nos.environ['PATH'] = ''", "os.environ['PATH'] has changed"),
    "stdout": ("import io, sys\nsys.stdout = io.StringIO()", "sys.stdout has changed"),
    "handler": (
        "import signal\nsignal.signal(signal.SIGTERM, lambda *a: None)", "the handler of SIGTERM has changed",
    ),
    "alarm": ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 3600)", "an alarm (signal.alarm) has changed"),
    "thread": (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()", "which threads run has changed",
    ),
    "numpy_errors": ("import numpy as np\nnp.seterr(all='ignore')", "numpy.seterr has changed"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_what_a_method_leaves_in_its_process_is_told(name, plugins, problems):
    body, message = LEFT[name]
    plugins.method(name, body + DONE)
    told = problems(name).get("leaves_nothing_behind", "")
    assert message in told and told.startswith("after the check "), problems(name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("torch.Tensor.mean = torch.Tensor.sum", "after importing it, what torch.Tensor defines has changed"),
    ],
)  # fmt: skip
def test_what_an_import_leaves_is_told(line, message, plugins, problems):
    file = plugins.add("bars", as_name="importing")
    file.write_text(f"{file.read_text()}\n\n{line}\n")
    assert message in problems("importing")["leaves_nothing_behind"]


@pytest.mark.parametrize("switch", ["torch.set_grad_enabled(False)", "torch.set_num_threads(2)"])
def test_what_an_import_switches_in_torch_is_put_back_and_no_fault(switch, plugins, problems):
    file = plugins.add("bars", as_name="importing")
    file.write_text(f"{file.read_text()}\n\n{switch}\n")
    assert problems("importing") == {} and torch.is_grad_enabled() and torch.get_num_threads() == 1


def test_other_kinds_are_watched_too(changed, problems):
    changed(
        "metric",
        (
            "        before = columns",
            "        import torch\n        torch.set_num_threads(3)\n        before = columns",
        ),
    )
    assert "the number of threads" in problems("mine")["leaves_nothing_behind"]


ORIGINAL = {
    "forward_hook": ("generator.layer.register_forward_hook(lambda m, i, o: o * 0.9)", "forward hooks of layer"),
    "pre_hook": ("generator.register_forward_pre_hook(lambda m, i: None)", "1 forward pre hooks"),
    "render": ("generator.render = lambda z: torch.zeros(len(z), 1, 28, 28)", "attribute render"),
    "train_mode": ("generator.train()", "train mode"),
    "gradients": ("generator.requires_grad_(True)", "gradient of layer."),
    "buffer": ("generator.layer.register_buffer('more', torch.zeros(1))", "_buffers more of layer"),
    "swapped": ("generator.layer = torch.nn.Sequential(generator.layer)", "layer.weight, layer.bias"),
    "note": ("generator.note = 1", "attribute note"),
}  # fmt: skip


@pytest.mark.parametrize("name", ORIGINAL)
def test_what_a_method_does_to_the_original_is_told(name, plugins, problems):
    body, message = ORIGINAL[name]
    plugins.method(name, f"student = deepcopy(generator)\n{body}\nreturn Unlearned(student)")
    told = problems(name)["original_is_left_alone"]
    assert "unlearn changed the original" in told and message in told


def test_the_encoder_and_the_discriminator_are_left_alone(plugins, problems):
    for part, layer, name in (("encoder", "", "weight"), ("discriminator", "[1]", "1.weight")):
        body = f"context.{part}{layer}.weight.data.zero_()\nreturn Unlearned(deepcopy(generator))"
        plugins.method(part, body, f'needs = frozenset({{"{part}"}})')
        assert problems(part)["original_is_left_alone"] == f"unlearn changed the original's {part}: {name}"


@pytest.mark.parametrize(
    ("line", "library"),
    [
        ("import numpy as np\nnp.random.seed(0)", "NumPy"), ("import numpy as np\nnp.random.rand()", "NumPy"),
        ("import random\nrandom.seed(0)", "Python"), ("import random\nrandom.random()", "Python"),
        ("torch.manual_seed(0)", "torch"),
    ],
)  # fmt: skip
def test_every_global_random_state_is_watched(line, library, plugins, problems):
    plugins.method("seeding", line + DONE)
    told = problems("seeding")["global_randomness_is_left_alone"]
    assert told.startswith(f"unlearn uses the global random state of {library}: ")

"""Old import paths of what plug-ins use; they work until version 1.0, with a warning that names the new path."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "bench.adversarial": "bench.toolkit.adversarial",
    "bench.augmentation": "bench.toolkit.augmentation",
    "bench.context": "bench.api.context",
    "bench.estimation": "bench.toolkit.moments",
    "bench.files": "bench.core.files",
    "bench.intervals": "bench.toolkit.intervals",
    "bench.keys": "bench.core.code_hash",
    "bench.latent": "bench.toolkit.latent",
    "bench.linear": "bench.toolkit.linear_directions",
    "bench.losses": "bench.toolkit.losses",
    "bench.randomness": "bench.core.randomness",
    "bench.rendering": "bench.core.rendering",
    "bench.statistics": "bench.toolkit.frechet",
    "bench.student": "bench.toolkit.student",
    "bench.training": "bench.toolkit.training",
}


def warn(old: str, new: str, stacklevel: int) -> None:
    """Warn the author of a plug-in, naming the old path and what to import instead."""
    surface = new if new.startswith("bench.toolkit.") else "bench.api"
    text = f"{old} has moved and goes away with version 1.0; import from {surface} instead"
    warnings.warn(text, DeprecationWarning, stacklevel=stacklevel + 1)


class OldPaths:
    """Finds a module under its old name and loads the one of the new name."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for an old name, None for any other."""
        return ModuleSpec(name, self) if name in MOVED else None  # type: ignore[arg-type]  # a loader by its methods

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python create an empty module, which ``exec_module`` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        """Replace the empty module by the one of the new name."""
        old = module.__name__
        warn(old, MOVED[old], stacklevel=2)
        sys.modules[old] = import_module(MOVED[old])


def install() -> None:
    """Let Python look for old paths, after all other finders."""
    if not any(isinstance(finder, OldPaths) for finder in sys.meta_path):
        sys.meta_path.append(OldPaths())  # a finder by its method

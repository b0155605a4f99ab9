"""Map the tensors of a generator that wraps a torch module to the tensors of that module's file.

The file's names lack the attribute that holds the module: "net.layers.0.weight" here is "layers.0.weight" in the file.
Older torch gave some of them other names, and lacked others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

COUNTER = "num_batches_tracked"  # since torch 0.4.1; in eval mode no image depends on it
# A parametrisation's names, and those of torch.nn.utils.weight_norm and spectral_norm for the same numbers.
OLDER = (
    (r"parametrizations\.(\w+)\.original0$", r"\1_g"),
    (r"parametrizations\.(\w+)\.original1$", r"\1_v"),
    (r"parametrizations\.(\w+)\.original$", r"\1_orig"),
    (r"parametrizations\.(\w+)\.0\._u$", r"\1_u"),
    (r"parametrizations\.(\w+)\.0\._v$", r"\1_v"),
)


@dataclass(frozen=True)
class Naming:
    """The file's name of each tensor of a generator, under the generator's.

    Attributes
    ----------
    origin : mapping of str to str
    absent : frozenset of str
        Counters of batch norm that the file has none of, under the generator's names.
    own : frozenset of str
        Parameters and buffers of the wrapper itself, under the generator's names.
    """

    origin: Mapping[str, str]
    absent: frozenset[str]
    own: frozenset[str]

    def misfits(self, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> int:
        """Count the tensors that are missing, of another shape, or unexpected."""
        missing = sum(1 for name in self.origin.values() if name not in found)
        shapes = sum(
            1 for ours, name in self.origin.items() if name in found and found[name].shape != wanted[ours].shape
        )
        return missing + shapes + len(found.keys() - set(self.origin.values()))


def naming(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Naming:
    """Choose the naming that fits a file, or the one whose differences an error had best name.

    Parameters
    ----------
    found : mapping of str to Tensor
        The file's tensors.
    wanted : mapping of str to Tensor
        The generator's.
    """
    namings = {holder: _within(holder, found, wanted) for holder in _holders(wanted)}
    fits = [each for each in namings.values() if not each.misfits(found, wanted)]
    if fits:
        return min(fits, key=lambda each: len(each.own))
    outer = [each for holder, each in namings.items() if holder.count(".") < 2]
    return min(outer, key=lambda each: (each.misfits(found, wanted), len(each.own)))


def _holders(wanted: Collection[str]) -> list[str]:
    """Return where the wrapped module may be held, the deepest first; "" if the generator is the module itself."""
    parts = [name.split(".") for name in wanted]
    holders = {".".join(each[:depth]) + "." for each in parts for depth in range(1, len(each))}
    return [*sorted(holders, key=len, reverse=True), ""]


def _within(holder: str, found: Collection[str], wanted: Collection[str]) -> Naming:
    """Name the tensors as those of a module that is held at ``holder``, as in "net."."""
    own = {name for name in wanted if not name.startswith(holder) and "." not in name}
    origin = {name: _name_in(found, name.removeprefix(holder)) for name in wanted if name not in own}
    absent = {ours for ours, name in origin.items() if ours.endswith(COUNTER) and name not in found}
    return Naming({o: name for o, name in origin.items() if o not in absent}, frozenset(absent), frozenset(own))


def _name_in(found: Collection[str], name: str) -> str:
    """Return the older name of a tensor where the file has that one, else the name."""
    if name in found:
        return name
    older = (re.sub(pattern, spelling, name) for pattern, spelling in OLDER)
    return next((each for each in older if each != name and each in found), name)

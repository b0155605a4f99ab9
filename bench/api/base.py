"""What every plug-in starts from: the hook marker, and the base of all that a user can type."""

from __future__ import annotations

from typing import TypeVar

import pluggy
from pydantic import BaseModel, ConfigDict

hookimpl = pluggy.HookimplMarker("bench")

NEEDS = frozenset({"training_data", "oracle", "encoder", "discriminator"})


class Params(BaseModel):
    """Base of everything a user can type: frozen, and a typo is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


ConfigT = TypeVar("ConfigT", bound=Params)

"""From causes to a table of numbers and colours per face; every remaining latent is drawn by its own name.

Nothing here may depend on ``people.bangs`` or ``people.beard`` but the numbers that switch these layers on: that is
what makes a counterfactual the same face. Lengths are in head units (about half a face width), y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import causes
from .causes import People
from .colouring import colouring
from .draws import Draws, Numbers
from .palettes import Colours
from .wardrobe import accessories, clothes


@dataclass(frozen=True)
class Appearance:
    """All that the layers read: numbers (N,) float64 and colours (N, 3) float64 by name."""

    numbers: dict[str, Numbers]
    colours: dict[str, Colours]


def appearance(people: People, draws: Draws) -> Appearance:
    """Turn causes into geometry and colours."""
    draws = draws.room("appearance")
    numbers: dict[str, Numbers] = {}
    for group in (_pose, _head, _eyes, _nose_and_mouth, _age, _hair, _fringe, _beard, clothes, accessories):
        numbers |= group(people, draws)
    return Appearance(numbers, colouring(people, draws))


def _pose(people: People, draws: Draws) -> dict[str, Numbers]:
    half = draws.normal("tilt", 0, 0.03).clip(-0.075, 0.075)  # tangent of half the angle: 8.6 degrees at most
    norm = 1 + half * half
    side = np.where(draws.chance("light side", 0.5), 1.0, -1.0)
    return {
        "scale": draws.normal("scale", 15.6, 0.45).clip(14.5, 16.7),  # pixels per head unit
        "centre_x": draws.normal("centre x", 32, 1.0).clip(29.5, 34.5),
        "centre_y": draws.normal("centre y", 32.3, 0.5).clip(31.1, 33.5),
        "cosine": (1 - half * half) / norm,
        "sine": 2 * half / norm,
        "turn": draws.normal("turn", 0, 0.055).clip(-0.14, 0.14),
        "light_x": side * draws.uniform("light x", 0.35, 1.0),
        "light_y": draws.uniform("light y", -0.9, -0.3),
        "light": draws.uniform("light", 0.65, 1.1),
    }


def _head(people: People, draws: Draws) -> dict[str, Numbers]:
    male, oval, chubby = people.male, people.oval, people.chubby
    return {
        "face_width": np.where(male, 0.97, 0.93)
        + draws.uniform("face width", -0.02, 0.03)
        + 0.075 * chubby
        - 0.075 * oval,
        "face_top": 1.18 + draws.uniform("face top", -0.03, 0.05),
        "face_bottom": np.where(male, 1.27, 1.19) + draws.uniform("face bottom", -0.04, 0.04) + 0.07 * oval,
        "cheeks": 0.08 + draws.uniform("cheeks", 0, 0.14) + 0.30 * chubby - 0.05 * oval,
        "taper": np.where(male, 0.06, 0.26) + draws.uniform("taper", -0.10, 0.10) - 0.12 * chubby,
        "ears": draws.uniform("ears", 0.16, 0.22),
        "double_chin": people.double_chin * draws.uniform("double chin depth", 0.8, 1.0),
        "rosy": people.rosy * draws.uniform("rosy cheeks", 0.48, 0.62),
        "glow": draws.uniform("glow", 0.06, 0.16),
        "freckles": np.where(draws.chance("freckles", 0.10) & (people.skin < 0.5) & people.young, 0.5, 0.0),
    }


def _eyes(people: People, draws: Draws) -> dict[str, Numbers]:
    male, arched, bushy = people.male, people.arched, people.bushy
    open_ = np.where(people.narrow_eyes, draws.uniform("eye", 0.46, 0.54), draws.uniform("eye", 0.92, 1.12))
    return {
        "eye_x": draws.uniform("eye x", 0.385, 0.435),
        "eye_y": draws.uniform("eye y", -0.01, 0.05),
        "eye_w": np.where(male, 0.225, 0.25) + draws.uniform("eye width", -0.012, 0.015),
        "eye_up": open_ * np.where(male, 0.15, 0.175),
        "eye_low": open_ * np.where(male, 0.10, 0.112) * np.where(people.smiling, 0.86, 1.0),
        "eye_tilt": draws.uniform("eye tilt", -0.06, 0.14),
        "iris": draws.uniform("iris", 0.140, 0.155) * np.where(male, 0.97, 1.08),
        "gaze_x": draws.normal("gaze x", 0, 0.03).clip(-0.075, 0.075),
        "gaze_y": draws.normal("gaze y", 0, 0.015).clip(-0.03, 0.03),
        "lashes": np.where(male, 0.026, 0.040) + 0.014 * people.makeup,
        "wing": np.where(people.makeup, 0.085, np.where(male, 0.0, 0.03)),
        "shadow": people.makeup * draws.uniform("eye shadow", 0.62, 0.85),
        "bags": people.bags * draws.uniform("bags", 0.55, 0.7),
        "brow_y": np.where(male, -0.285, -0.33) + draws.uniform("brow y", -0.03, 0.02),
        "brow_w": np.where(male, 0.27, 0.255) + draws.uniform("brow width", -0.02, 0.02),
        "brow_half": np.where(bushy, 0.080, np.where(male, 0.044, 0.034)) + draws.uniform("brow half", -0.004, 0.006),
        "brow_arch": np.where(arched, draws.uniform("arch", 0.115, 0.145), draws.uniform("arch", 0.015, 0.05)),
        "brow_slope": np.where(arched, 0.04, 0.0) + draws.uniform("brow slope", -0.05, 0.03),
        "brow_ink": np.where(bushy, 1.0, np.where(male, 0.88, 0.80)),
    }


def _nose_and_mouth(people: People, draws: Draws) -> dict[str, Numbers]:
    smiling, open_, thick = people.smiling, people.mouth_open, people.big_lips
    return {
        "nose_y": draws.uniform("nose y", 0.40, 0.45) + 0.02 * people.big_nose,
        "nose_w": np.where(people.big_nose, draws.uniform("nose", 0.235, 0.275), draws.uniform("nose", 0.125, 0.16)),
        "nose_h": np.where(people.big_nose, 0.15, 0.105),
        "mouth_y": draws.uniform("mouth y", 0.755, 0.80),
        "mouth_w": np.where(smiling, draws.uniform("mouth", 0.36, 0.42), draws.uniform("mouth", 0.255, 0.30)),
        "smile": np.where(smiling, draws.uniform("smile", 0.13, 0.19), draws.uniform("smile", -0.035, 0.03)),
        "gap": np.where(
            open_, np.where(smiling, draws.uniform("gap", 0.15, 0.21), draws.uniform("gap", 0.11, 0.16)), 0
        ),
        "teeth": open_ * np.where(smiling, 1.0, 0.75),
        "lip_up": np.where(thick, 0.115, np.where(people.male, 0.040, 0.058)) + draws.uniform("upper lip", 0, 0.012),
        "lip_low": np.where(thick, 0.150, np.where(people.male, 0.062, 0.082)) + draws.uniform("lower lip", 0, 0.015),
        "lip_ink": np.where(people.lipstick, 0.95, np.where(people.male, 0.62, 0.74)),
    }


def _age(people: People, draws: Draws) -> dict[str, Numbers]:
    old = ~people.young * draws.uniform("wrinkles", 0.70, 0.92)
    return {"old": old, "brow_lines": old * (draws.uniform("brow lines") < 0.7)}


def _hair(people: People, draws: Draws) -> dict[str, Numbers]:
    length, texture, bald = people.length, people.texture, people.bald
    short, tied = length == causes.SHORT, length >= causes.UPDO
    curly = texture == causes.CURLY
    sleek = short & ~curly & ~people.hat
    tucked = draws.chance("tucked", 0.35)  # behind the ears
    ring = draws.chance("ring of hair", 0.6)  # at the sides of a bald head
    mane = ~bald & ((length == causes.MEDIUM) | (length == causes.LONG))
    afro = ~bald & ~tied & curly & ~people.hat
    buzz = short & (texture == causes.SMOOTH) & draws.chance("buzz", 0.35)
    volume = np.where(short, draws.uniform("volume", 0.15, 0.34), draws.uniform("volume", 0.16, 0.25))
    volume = np.where(buzz, 0.05, np.where(tied, 0.11, np.where(sleek, volume - 0.03, volume)))
    end = np.where(length == causes.LONG, draws.uniform("end", 1.75, 2.5), draws.uniform("end", 0.95, 1.35))
    waviness = np.where(texture == causes.WAVY, draws.uniform("waviness", 0.075, 0.105), 0.0)
    return {
        "cap": 1.0 * (~bald | ring),
        "volume": np.where(bald, 0.03, np.where(people.hat, 0.08, volume)),
        "side_volume": np.where(bald | buzz, 0.03, np.where(short, draws.uniform("side volume", 0.015, 0.04), 0.10)),
        "hairline": _hairline(people, draws),
        "cap_top": np.where(bald, draws.uniform("ring top", -0.62, -0.40), -9.0),
        "temples": np.where(people.receding, draws.uniform("temples", 0.24, 0.36), 0.0),
        "parting": draws.uniform("parting", -0.45, 0.45),
        "skew": np.where(people.receding | bald | buzz, 0.0, draws.normal("skew", 0, 0.13).clip(-0.25, 0.25)),
        "side_end": np.where(mane & ~tucked, end, draws.uniform("side end", 0.06, 0.20)),
        "side_curve": np.where(mane & ~tucked, 0.12, 0.0),
        "locks": np.where(mane & ~tucked, draws.uniform("locks", 0.02, 0.12), np.where(short & ~bald, 0.045, 0.0)),
        "quiff": np.where(sleek & ~buzz, draws.normal("quiff", 0, 0.35).clip(-0.7, 0.7), 0.0),
        "spikes": np.where(
            sleek & (texture == causes.WAVY),
            0.075,
            np.where(sleek & (texture == causes.STRAIGHT) & people.young & draws.chance("spiky", 0.4), 0.05, 0.0),
        ),
        "spike_rate": np.where(texture == causes.WAVY, 1.35, 2.5),
        "ripple": np.where(texture == causes.WAVY, 0.14, 0.0),
        "jagged": np.where(short & ~bald, draws.uniform("jagged", 0.02, 0.05), 0.012),
        "parted": np.where(
            ~curly & ~bald & ~buzz & draws.chance("parted", 0.45), draws.uniform("part", 0.35, 0.55), 0.0
        ),
        "show_ears": 1.0 * (~mane | tucked),
        "mane": 1.0 * mane,
        "mane_width": draws.uniform("mane width", 0.15, 0.26) + 0.10 * (texture == causes.WAVY),
        "flare": np.where(length == causes.LONG, draws.uniform("flare", 0.04, 0.14), 0.05),
        "mane_end": end,
        "afro": 1.0 * afro,
        "afro_r": np.where(short, draws.uniform("afro", 0.13, 0.24), draws.uniform("afro", 0.28, 0.44)),
        "bun": 1.0 * ((length == causes.UPDO) & ~bald),
        "bun_x": draws.uniform("bun x", -0.22, 0.22),
        "bun_r": draws.uniform("bun r", 0.36, 0.46),
        "tail": 1.0 * ((length == causes.PONYTAIL) & ~bald),
        "tail_side": np.where(draws.chance("tail side", 0.5), 1.0, -1.0),
        "curls": np.where(curly & ~bald, 0.055, 0.0),
        "waviness": waviness,
        "phase": draws.uniform("phase"),
        "wave_rate": draws.uniform("wave rate", 1.25, 1.6),
        "strands": np.where(texture == causes.STRAIGHT, 0.30, np.where(texture == causes.WAVY, 0.20, 0.04)),
        "strand_rate": draws.uniform("strand rate", 2.9, 3.8),
        "shine": draws.uniform("shine", 0.25, 0.5) * np.where(curly | buzz, 0.35, 1.0),
        "fade": np.where(sleek & people.male & draws.chance("fade", 0.45), 0.55, 1.0),
    }


def _fringe(people: People, draws: Draws) -> dict[str, Numbers]:
    return {
        "sideburns": 1.0 * people.sideburns,
        "bangs": 1.0 * people.bangs,
        "fringe_end": draws.uniform("fringe end", -0.42, -0.36),
        "fringe_slope": np.where(draws.chance("swept", 0.45), draws.uniform("sweep", -0.20, 0.20), 0.0),
        "fringe_curve": draws.uniform("fringe curve", -0.06, 0.12),
        "fringe_cut": np.where(draws.chance("choppy", 0.5), draws.uniform("chop", 0.03, 0.06), 0.01),
    }


def _hairline(people: People, draws: Draws) -> Numbers:
    line = draws.uniform("hairline", -0.84, -0.72)
    return np.where(people.bald, -1.75, np.where(people.receding, line - 0.13, line))


def _beard(people: People, draws: Draws) -> dict[str, Numbers]:
    shape = people.beard_shape
    goatee, boxed, long_ = (shape == k for k in (causes.GOATEE, causes.BOXED, causes.LONG_BEARD))
    return {
        "beard": 1.0 * people.beard,
        "beard_length": np.where(
            long_,
            draws.uniform("beard length", 0.34, 0.55),
            np.where(boxed, 0.04, draws.uniform("beard length", 0.09, 0.20)),
        ),
        "beard_top": np.where(boxed, draws.uniform("beard top", 0.62, 0.74), draws.uniform("beard top", 0.44, 0.58)),
        "beard_side": draws.uniform("beard side", 0.02, 0.14),
        "goatee": 1.0 * goatee,
        "goatee_w": draws.uniform("goatee width", 0.20, 0.26),
        "beard_ink": draws.uniform("beard ink", 0.90, 0.98),
        "beard_phase": draws.uniform("beard phase"),
        "moustache": 1.0 * people.moustache,
        "moustache_w": draws.uniform("moustache width", 0.34, 0.42),
        "moustache_h": draws.uniform("moustache height", 0.075, 0.10),
        "moustache_droop": draws.uniform("moustache droop", -0.02, 0.12),
    }

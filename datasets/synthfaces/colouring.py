"""From causes to the colours of a face and of what is worn and behind it; all (N, 3) float64 sRGB in [0, 1]."""

from __future__ import annotations

import numpy as np

from . import causes, palettes
from .causes import People
from .draws import Draws, Flags
from .palettes import Colours, mix, pick, scaled

WHITE = np.ones(3)


def colouring(people: People, draws: Draws) -> dict[str, Colours]:
    """Draw all colours, by name."""
    return _skin_colours(people, draws) | _hair_colours(people, draws) | _things(people, draws)


def _skin_colours(people: People, draws: Draws) -> dict[str, Colours]:
    skin = palettes.skin(people.skin)
    warm = draws.uniform("warmth", -0.012, 0.012)[:, None] * np.array([1.0, 0.2, -1.0])
    skin = np.clip(skin + np.where(people.pale[:, None], 0, warm), 0, 1)
    lip = mix(scaled(skin, 0.86, 0.60, 0.58), np.array([0.72, 0.26, 0.28]), np.where(people.male, 0.22, 0.45))
    lip = np.where(people.lipstick[:, None], pick(palettes.LIPSTICKS, draws.uniform("lipstick shade")), lip)
    blush = mix(skin, np.array([0.86, 0.30, 0.30]), 0.75)
    shade = draws.uniform("shadow shade")
    eyelid = np.where(
        (shade < 0.5)[:, None], pick(palettes.DYES, draws.uniform("eyelid")), scaled(skin, 0.62, 0.42, 0.42)
    )
    return {
        "skin": skin,
        "skin_shade": scaled(skin, 0.76, 0.60, 0.56),
        "skin_deep": scaled(skin, 0.55, 0.38, 0.34),
        "skin_light": mix(skin, np.array([1.0, 0.96, 0.88]), 0.55),
        "blush": blush,
        "lip": lip,
        "lip_dark": scaled(lip, 0.62, 0.50, 0.50),
        "lip_light": mix(lip, WHITE, 0.40),
        "eyelid": eyelid,
        "iris": mix(
            palettes.IRISES[draws.choice("iris colour", palettes.IRIS_WEIGHTS)],
            palettes.IRISES[1],
            np.where((people.skin > 0.6) & draws.chance("dark iris", 0.85), 0.9, 0.0),
        ),
    }


def _hair_colours(people: People, draws: Draws) -> dict[str, Colours]:
    share = draws.uniform("hair shade")
    hair = mix(palettes.HAIR_DARK[people.colour], palettes.HAIR_LIGHT[people.colour], share)
    dyed = people.colour == causes.DYED
    hair = np.where(dyed[:, None], pick(palettes.DYES, share), hair)
    root = mix(hair, palettes.HAIR_DARK[causes.BROWN], np.where(dyed, 0.8, 0.0))  # brows and beards are not dyed
    fair = (people.colour == causes.BLOND) | (people.colour == causes.GRAY)
    return {
        "hair": hair,
        "hair_dark": scaled(hair, 0.62, 0.56, 0.56),
        "hair_light": mix(hair, np.array([1.0, 0.93, 0.82]), np.where(people.colour == causes.BLACK, 0.26, 0.36)),
        "brow": mix(scaled(root, 0.74, 0.68, 0.66), scaled(root, 0.60, 0.52, 0.46), 1.0 * fair),
        "beard": mix(
            scaled(root, 0.86, 0.82, 0.82), scaled(root, 0.66, 0.53, 0.44), 1.0 * (people.colour == causes.BLOND)
        ),
        "beard_dark": scaled(root, 0.58, 0.52, 0.52),
        "beard_light": mix(root, np.array([1.0, 0.93, 0.82]), 0.20),
        "lash": scaled(root, 0.30, 0.24, 0.24) * 0.6,
    }


def _things(people: People, draws: Draws) -> dict[str, Colours]:
    sky = draws.uniform("sky")
    cloth = pick(palettes.CLOTHES, draws.uniform("cloth"))
    shirt = pick(palettes.SHIRTS, draws.uniform("shirt"))
    plain = np.where((people.necktie | draws.chance("white shirt", 0.5))[:, None], shirt, cloth)
    hat = pick(palettes.CLOTHES, draws.uniform("hat"))
    gem = pick(palettes.GEMS, draws.uniform("gem"))
    light = _light(draws, draws.chance("warm light", 0.5))
    return {
        "sky": pick(palettes.SKIES, sky),
        "ground": pick(palettes.GROUNDS, sky),
        "cloth": cloth,
        "cloth_dark": scaled(cloth, 0.70, 0.66, 0.70),
        "cloth_light": mix(cloth, WHITE, 0.45),
        "shirt": plain,
        "shirt_dark": scaled(plain, 0.80, 0.80, 0.84),
        "suit": pick(palettes.DARK_SUITS, draws.uniform("suit shade")),
        "tie": pick(palettes.TIES, draws.uniform("tie")),
        "metal": pick(palettes.METALS, draws.uniform("metal")),
        "gem": gem,
        "hat": hat,
        "hat_dark": scaled(hat, 0.66, 0.62, 0.66),
        "hat_light": mix(hat, WHITE, 0.30),
        "frame": pick(palettes.FRAMES, draws.uniform("frame")),
        "light": light,
    }


def _light(draws: Draws, warm: Flags) -> Colours:
    tint = np.where(warm[:, None], np.array([1.0, 0.90, 0.74]), np.array([0.86, 0.93, 1.0]))
    return np.asarray(mix(np.broadcast_to(WHITE, tint.shape), tint, draws.uniform("tint", 0.1, 0.6)))

"""Numbers for what is worn and what is behind: clothes, hat, earrings, glasses, background."""

from __future__ import annotations

import numpy as np

from .causes import People
from .draws import Draws, Numbers


def clothes(people: People, draws: Draws) -> dict[str, Numbers]:
    """Draw neck, shoulders and what covers them."""
    tie, chain = people.necktie, people.necklace
    men, women = [0.40, 0.20, 0.22, 0.08, 0.10], [0.24, 0.30, 0.10, 0.10, 0.26]  # crew, V, collar, turtleneck, scoop
    style = draws.choice("clothes", [np.where(people.male, m, w) for m, w in zip(men, women, strict=True)])
    style = np.where(chain & ((style == 2) | (style == 3)), 4, style)  # a necklace is seen on skin
    style = np.where(tie, 2, style)
    return {
        "neck": np.where(people.male, 0.55, 0.41) + 0.05 * people.chubby + draws.uniform("neck", -0.02, 0.02),
        "shoulder": draws.uniform("shoulder", 1.58, 1.66),
        "slope": np.where(people.male, 0.085, 0.115) + draws.uniform("slope", 0, 0.02),
        "crew": 1.0 * ((style == 0) | (style == 4)),
        "neckline": np.where(style == 4, draws.uniform("neckline", 0.42, 0.52), draws.uniform("neckline", 0.16, 0.24)),
        "vee": 1.0 * (style == 1),
        "collar": 1.0 * (style == 2),
        "turtleneck": 1.0 * (style == 3),
        "suit": 1.0 * (tie & draws.chance("suit", 0.7)),
        "necktie": 1.0 * tie,
        "necklace": 1.0 * chain,
        "beads": 1.0 * draws.chance("beads", 0.5),
        "stripes": ((style != 2) & draws.chance("stripes", 0.2)) * 0.5,
    }


def accessories(people: People, draws: Draws) -> dict[str, Numbers]:
    """Draw hat, jewellery, glasses and the scenery."""
    hat = draws.choice("hat kind", [0.4, 0.3, 0.3])
    ring = draws.choice("earring kind", [0.4, 0.3, 0.3])
    frame = draws.choice("frame kind", [0.45, 0.55])
    scenery = draws.choice("scenery", [0.4, 0.35, 0.25])
    return {
        "hat": 1.0 * people.hat,
        "beanie": people.hat * (hat == 0),
        "peaked": people.hat * (hat == 1),
        "brimmed": people.hat * (hat == 2),
        "hat_y": draws.uniform("hat y", -0.58, -0.50),
        "stud": people.earrings * (ring == 0),
        "hoop": people.earrings * (ring == 1),
        "drop": people.earrings * (ring == 2),
        "glasses": 1.0 * people.glasses,
        "frame_square": 1.0 * (frame == 0),
        "frame_r": draws.uniform("frame r", 0.30, 0.335),
        "frame_half": draws.uniform("frame half", 0.034, 0.052),
        "sky_x": draws.uniform("sky x", -1, 1),
        "sky_y": draws.uniform("sky y", 0.3, 1),
        "disc": 1.0 * (scenery == 1),
        "disc_r": draws.uniform("disc r", 23, 27),
        "bokeh": 1.0 * (scenery == 2),
        "bokeh_x": draws.uniform("bokeh x"),
        "bokeh_y": draws.uniform("bokeh y"),
    }

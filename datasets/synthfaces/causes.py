"""The causal model: who a face is, from sex and age down to the fringe.

Arrows, in the order of drawing (each line of ``sample`` has a probability given its parents)::

    sex ------> age, hair length and texture, beard, moustache, brows, make-up, jewellery, tie, nose, lips, smile
    age ------> grey hair, bald, receding, glasses, chubby, double chin, bags, nose, beard
    skin -----> hair colour            sex, age -> bald -> no fringe, no hair colour to be seen
    make-up --> lipstick, blush        smile -> open mouth        beard -> moustache; full beard -> no sideburns
    hat ------> hides fringe, baldness, receding hairline, and the hair of short-haired heads

Marginals and the main dependencies follow CelebA's ``list_attr_celeba`` (Liu et al., ICCV 2015): male .417,
young .774 (women .87, men .64), bangs .152, no beard .835, ... ``benchmarks/celeba_attributes.py`` compares all rates
and correlations (results/reference/celeba-attributes.csv; docs/results/synthfaces.md).

Deviations on purpose: glasses .092 for .065 (a rare attribute is hard for small generators); moustache .105 for .042
(CelebA leaves most moustaches of bearded men unlabelled); hair colours share half of the 37 % that CelebA leaves
unlabelled (black .311 for .239, brown .281 for .205), the other half is auburn, copper or dyed; no man wears lipstick,
no woman has a beard (CelebA: under 1 %). An attribute says what can be *seen*.

Deviations found later, which stay because every shipped weight was trained on these faces: **sideburns belong to
clean-shaven men**. Of faces with Sideburns 20 % are not No_Beard, in CelebA 99 %, so that "beard" here is a drawn chin
beard, without the sideburns and most of the moustaches that go with it in CelebA. And attributes that are drawn apart
from each other, though they go together in CelebA: double chin, chubby, big nose; black hair, bushy brows; baldness,
receding hairline, grey hair; smile, rosy cheeks, oval face.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .draws import Codes, Draws, Flags, Numbers

# Target features of the benchmark: the attribute that carries each, and the value that means "has it".
FEATURES = {"bang": ("Bangs", True), "beard": ("No_Beard", False)}

SHORT, MEDIUM, LONG, UPDO, PONYTAIL = range(5)  # hair length
SMOOTH, STRAIGHT, WAVY, CURLY = range(4)  # hair texture
BLACK, BROWN, BLOND, GRAY, AUBURN, DYED = range(6)  # hair colour
FULL, BOXED, GOATEE, LONG_BEARD = range(4)  # beard shape


@dataclass(frozen=True)
class People:
    """The causal variables of N people: (N,) bool, or (N,) codes of the constants above."""

    male: Flags
    young: Flags
    skin: Numbers  # [0, 1], palest to deepest
    pale: Flags
    chubby: Flags
    double_chin: Flags
    oval: Flags
    hat: Flags
    bald: Flags
    receding: Flags
    bangs: Flags
    length: Codes
    texture: Codes
    colour: Codes
    beard: Flags
    beard_shape: Codes
    moustache: Flags
    sideburns: Flags
    glasses: Flags
    makeup: Flags
    lipstick: Flags
    rosy: Flags
    earrings: Flags
    necklace: Flags
    necktie: Flags
    smiling: Flags
    mouth_open: Flags
    bushy: Flags
    arched: Flags
    big_nose: Flags
    big_lips: Flags
    narrow_eyes: Flags
    bags: Flags


def sample(draws: Draws) -> People:
    """Draw people from the causal model."""
    draws = draws.room("causes")
    male = draws.chance("male", 0.417)
    young = draws.chance("young", np.where(male, 0.637, 0.872))
    old = ~young
    pale = draws.chance("pale", np.where(male, 0.032, 0.05))
    spread = draws.uniform("skin")
    skin = np.where(pale, 0.0, 0.14 + 0.86 * spread * (0.4 + 0.6 * spread))
    chubby = draws.chance("chubby", _by(male, young, 0.04, 0.15, 0.025, 0.12))
    hat = draws.chance("hat", np.where(male, 0.083, 0.026))
    bald = draws.chance("bald", _by(male, young, 0.019, 0.125, 0, 0)) & ~hat
    receding = draws.chance("receding", _by(male, young, 0.12, 0.34, 0.01, 0.05)) & ~bald & ~hat
    length, texture = _hair(draws, male, hat)
    short = length == SHORT
    can_fringe = ~bald & ~receding & ~hat
    makeup = draws.chance("makeup", np.where(male, 0, 0.66))
    beard_shape = draws.choice("beard shape", [0.32, 0.20, 0.38, 0.10])
    beard = draws.chance("beard", _by(male, young, 0.385, 0.425, 0, 0))
    full = beard & (beard_shape != GOATEE)  # sideburns are lost in it
    smiling = draws.chance("smiling", np.where(male, 0.40, 0.54))
    bushy = draws.chance("bushy", np.where(male, 0.25, 0.067))
    return People(
        male=male,
        young=young,
        skin=skin,
        pale=pale,
        chubby=chubby,
        double_chin=draws.chance("double chin", np.where(chubby, 0.45, np.where(young, 0.02, 0.12))),
        oval=draws.chance("oval", np.where(male, 0.235, 0.35)) & ~chubby,
        hat=hat,
        bald=bald,
        receding=receding,
        bangs=draws.chance("bangs", np.where(male, 0.125, 0.208)) & can_fringe,
        length=length,
        texture=texture,
        colour=_colour(draws, male, young, skin),
        beard=beard,
        beard_shape=beard_shape,
        moustache=draws.chance(
            "moustache", np.where(beard, 0.58, np.where(male & old, 0.06, np.where(male, 0.025, 0)))
        ),
        sideburns=draws.chance("sideburns", np.where(male, 0.20, 0)) & short & ~bald & ~hat & ~full,
        glasses=draws.chance("glasses", _by(male, young, 0.11, 0.25, 0.035, 0.12)),
        makeup=makeup,
        lipstick=draws.chance("lipstick", np.where(male, 0, np.where(makeup, 0.95, 0.53))),
        rosy=draws.chance("rosy", np.where(male, 0.005, np.where(makeup, 0.145, 0.04))),
        earrings=draws.chance("earrings", np.where(male, 0.019, 0.31)),
        necklace=draws.chance("necklace", np.where(male, 0, 0.21)),
        necktie=draws.chance("necktie", _by(male, young, 0.15, 0.22, 0, 0)),
        smiling=smiling,
        mouth_open=draws.chance("mouth open", np.where(smiling, 0.74, 0.245)),
        bushy=bushy,
        arched=draws.chance("arched", np.where(male, 0.05, 0.45)) & ~bushy,
        big_nose=draws.chance("big nose", _by(male, young, 0.36, 0.53, 0.09, 0.19)),
        big_lips=draws.chance("big lips", np.where(male, 0.16, 0.30)),
        narrow_eyes=draws.chance("narrow eyes", np.where(male, 0.13, 0.105)),
        bags=draws.chance("bags", _by(male, young, 0.25, 0.52, 0.07, 0.27)),
    )


def attributes(people: People) -> pd.DataFrame:
    """Return what can be seen, under CelebA's names: one bool column each."""
    covered = people.hat & np.isin(people.length, [SHORT, UPDO])  # no hair to speak of below the hat
    hair = ~people.bald & ~covered
    return pd.DataFrame(
        {
            "Arched_Eyebrows": people.arched,
            "Bags_Under_Eyes": people.bags,
            "Bald": people.bald,
            "Bangs": people.bangs,
            "Big_Lips": people.big_lips,
            "Big_Nose": people.big_nose,
            "Black_Hair": hair & (people.colour == BLACK),
            "Blond_Hair": hair & (people.colour == BLOND),
            "Brown_Hair": hair & (people.colour == BROWN),
            "Bushy_Eyebrows": people.bushy,
            "Chubby": people.chubby,
            "Double_Chin": people.double_chin & ~people.beard,
            "Eyeglasses": people.glasses,
            "Goatee": people.beard & (people.beard_shape == GOATEE),
            "Gray_Hair": hair & (people.colour == GRAY),
            "Heavy_Makeup": people.makeup,
            "Male": people.male,
            "Mouth_Slightly_Open": people.mouth_open,
            "Mustache": people.moustache,
            "Narrow_Eyes": people.narrow_eyes,
            "No_Beard": ~people.beard,
            "Oval_Face": people.oval,
            "Pale_Skin": people.pale,
            "Receding_Hairline": people.receding,
            "Rosy_Cheeks": people.rosy,
            "Sideburns": people.sideburns,
            "Smiling": people.smiling,
            "Straight_Hair": hair & (people.texture == STRAIGHT),
            "Wavy_Hair": hair & (people.texture == WAVY),
            "Wearing_Earrings": people.earrings,
            "Wearing_Hat": people.hat,
            "Wearing_Lipstick": people.lipstick,
            "Wearing_Necklace": people.necklace,
            "Wearing_Necktie": people.necktie,
            "Young": people.young,
        }
    )


def can_show(people: People, feature: str) -> Flags:
    """Return (N,) bool: faces that can show a feature: no fringe under a hat, bald or receding; no bearded woman."""
    if feature == "bang":
        return ~people.hat & ~people.bald & ~people.receding
    return people.male


def intervene(people: People, feature: str, value: bool) -> People:
    """Set a feature where it can show, and hold everything else: moustache, sideburns and the rest stay."""
    if feature == "bang":
        return replace(people, bangs=can_show(people, feature) & value)
    return replace(people, beard=can_show(people, feature) & value)


def _by(male: Flags, young: Flags, m_young: float, m_old: float, f_young: float, f_old: float) -> Numbers:
    """Look a probability up by sex and age."""
    return np.where(male, np.where(young, m_young, m_old), np.where(young, f_young, f_old))


def _hair(draws: Draws, male: Flags, hat: Flags) -> tuple[Codes, Codes]:
    men = [0.88, 0.07, 0.04, 0.0, 0.01]
    women = [0.09, 0.22, 0.47, 0.12, 0.10]
    length = draws.choice("length", [np.where(male, m, w) for m, w in zip(men, women, strict=True)])
    length = np.where(hat & (length >= UPDO), LONG, length)  # a bun does not fit under a hat
    tied = length >= UPDO
    men, women = [0.48, 0.20, 0.175, 0.145], [0.10, 0.15, 0.50, 0.25]
    texture = draws.choice("texture", [np.where(male, m, w) for m, w in zip(men, women, strict=True)])
    loose = (length == MEDIUM) | (length == LONG)
    texture = np.where(loose & (texture == SMOOTH), STRAIGHT, texture)  # loose hair without waves looks straight
    return length, np.where(tied & (texture != CURLY) & (length == UPDO), SMOOTH, texture)


def _colour(draws: Draws, male: Flags, young: Flags, skin: Numbers) -> Codes:
    """Hair colour from sex and skin; grey only with age."""
    dark, fair = np.clip((skin - 0.55) / 0.3, 0, 1), np.clip((0.6 - skin) / 0.3, 0, 1)
    natural = draws.choice(
        "hair colour",
        [
            np.where(male, 0.27, 0.17) + 0.62 * dark,  # black
            np.where(male, 0.38, 0.34) * (1 - 0.55 * dark),  # brown
            np.where(male, 0.05, 0.30) * (0.35 + 0.9 * fair),  # blond
            0.0,  # gray: below
            0.17 * (1 - 0.8 * dark),  # auburn
            np.where(young, np.where(male, 0.03, 0.05), 0.0),  # dyed
        ],
    )
    return np.where(draws.chance("gray", _by(male, young, 0, 0.29, 0, 0.12)), GRAY, natural)

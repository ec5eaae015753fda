"""Who the people are: everything that stays with a person, drawn from a seed.

Nobody is real: the faces are sums of the targets of a CC0 mesh with random weights, the names are
put together from lists. `skin` is our own scale from 0 (lightest) to 1 (darkest).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

HAIR_COLOURS = {
    "black": (24, 20, 19),
    "dark brown": (46, 33, 25),
    "brown": (78, 54, 37),
    "chestnut": (96, 56, 34),
    "light brown": (128, 94, 62),
    "blond": (188, 152, 104),
    "red": (140, 68, 34),
    "grey": (150, 147, 143),
    "white": (212, 209, 204),
}
IRIS = {
    "dark brown": (52, 33, 22),
    "brown": (88, 56, 33),
    "hazel": (112, 88, 48),
    "green": (96, 112, 72),
    "blue": (92, 124, 152),
    "grey": (118, 130, 138),
}
BEARDS = ("none", "stubble", "short", "full", "goatee", "moustache")
EARLIER_BEARD = {
    "none": "stubble",
    "stubble": "none",
    "short": "stubble",
    "full": "short",
    "goatee": "short",
    "moustache": "moustache",
}
STYLES_M = (
    "short",
    "crop",
    "side",
    "quiff",
    "buzz",
    "bald",
    "receding",
    "wavy",
    "curly",
    "afro",
    "tied",
)
STYLES_F = (
    "long",
    "wavy long",
    "bob",
    "side",
    "tied",
    "bun",
    "fringe",
    "curly long",
    "afro",
    "short",
    "locs",
    "scarf",
)

# Standard deviations of the paired targets (full strength is 1); a bias in the second place.
SHAPE: dict[str, tuple[float, float]] = {
    "nose/nose-scale-horiz": (0.45, 0),
    "nose/nose-scale-vert": (0.5, 0),
    "nose/nose-scale-depth": (0.5, 0),
    "nose/nose-width1": (0.5, 0),
    "nose/nose-width2": (0.5, 0),
    "nose/nose-width3": (0.45, 0),
    "nose/nose-hump": (0.5, 0),
    "nose/nose-curve": (0.4, 0),
    "nose/nose-base": (0.4, 0),
    "nose/nose-point": (0.4, 0.05),
    "nose/nose-point-width": (0.5, 0),
    "nose/nose-volume": (0.4, 0),
    "nose/nose-greek": (0.3, -0.1),
    "nose/nose-nostrils-width": (0.4, 0),
    "nose/nose-nostrils-angle": (0.3, 0),
    "nose/nose-flaring": (0.4, 0),
    "nose/nose-septumangle": (0.4, 0),
    "nose/nose-compression": (0.3, 0),
    "nose/nose-trans-ud": (0.35, 0),
    "mouth/mouth-scale-horiz": (0.5, 0),
    "mouth/mouth-scale-vert": (0.25, 0),
    "mouth/mouth-upperlip-height": (0.5, 0),
    "mouth/mouth-lowerlip-height": (0.5, 0),
    "mouth/mouth-upperlip-volume": (0.5, 0),
    "mouth/mouth-lowerlip-volume": (0.5, 0),
    "mouth/mouth-upperlip-width": (0.35, 0),
    "mouth/mouth-lowerlip-width": (0.35, 0),
    "mouth/mouth-cupidsbow": (0.5, 0),
    "mouth/mouth-cupidsbow-width": (0.4, 0),
    "mouth/mouth-philtrum-volume": (0.4, 0),
    "mouth/mouth-trans-ud": (0.4, 0),
    "mouth/mouth-angles": (0.18, 0.45),
    "mouth/mouth-dimples": (0.3, 0),
    "chin/chin-bones": (0.45, -0.1),
    "chin/chin-cleft": (0.35, -0.1),
    "chin/chin-height": (0.45, 0.1),
    "chin/chin-jaw-drop": (0.45, 0),
    "chin/chin-prognathism": (0.35, 0),
    "chin/chin-prominent": (0.45, 0),
    "chin/chin-width": (0.42, -0.18),
    "cheek/cheek-bones": (0.55, 0),
    "cheek/cheek-inner": (0.5, 0),
    "cheek/cheek-trans": (0.5, 0),
    "cheek/cheek-volume": (0.45, 0),
    "eyes/eye-scale": (0.3, 0.3),
    "eyes/eye-height1": (0.25, 0.1),
    "eyes/eye-height2": (0.25, 0.18),
    "eyes/eye-height3": (0.25, 0.1),
    "eyes/eye-trans-io": (0.5, 0),
    "eyes/eye-trans-ud": (0.35, 0),
    "eyes/eye-corner1": (0.4, 0),
    "eyes/eye-corner2": (0.4, -0.05),
    "eyes/eye-eyefold": (0.4, 0),
    "eyes/eye-eyefold-angle": (0.4, 0),
    "eyes/eye-push1": (0.3, 0),
    "eyes/eye-push2": (0.3, 0),
    "forehead/forehead-nubian": (0.35, 0),
    "forehead/forehead-scale-vert": (0.5, 0),
    "forehead/forehead-temple": (0.5, 0),
    "forehead/forehead-trans": (0.4, 0),
    "eyebrows/eyebrows-trans-ud": (0.35, 0.2),
    "eyebrows/eyebrows-trans-bf": (0.4, 0),
    "eyebrows/eyebrows-angle": (0.25, 0),
    "head/head-scale-horiz": (0.3, -0.15),
    "head/head-scale-vert": (0.35, 0),
    "head/head-scale-depth": (0.3, 0),
    "head/head-back-scale-depth": (0.35, 0),
    "head/head-fat": (0.35, -0.2),
    "ears/ear-scale": (0.4, 0),
    "ears/ear-wing": (0.45, -0.1),
    "ears/ear-lobe": (0.5, 0),
    "ears/ear-flap": (0.3, 0),
    "ears/ear-scale-vert": (0.3, 0),
    "neck/neck-scale-horiz": (0.3, 0),
    "neck/neck-scale-depth": (0.25, 0),
}
HEADS = ("oval", "round", "square", "rectangular", "triangular", "invertedtriangular", "diamond")
OPPOSITES = (
    ("incr", "decr"),
    ("up", "down"),
    ("out", "in"),
    ("forward", "backward"),
    ("convex", "concave"),
    ("compress", "uncompress"),
)


@dataclass(frozen=True)
class Brow:
    """The painted and grown brow, in canonical decimetres."""

    inner: float
    outer: float
    arch: float
    tail: float
    peak: float
    thickness: float
    density: float
    lift: float


@dataclass(frozen=True, eq=False)
class Person:
    """All that stays with one person; `seed` alone decides it together with the cast's plan."""

    number: int
    seed: int
    name: str
    sex: str
    age: float
    skin: float
    ancestry: tuple[float, float, float]
    maleness: float
    muscle: float
    weight: float
    shape: dict[str, float]
    asymmetry: dict[str, float]
    head_shape: dict[str, float]
    brow: Brow
    hair: str
    hair_colour: str
    iris: str
    beard: str
    glasses: bool
    parting: float
    hairline: float
    freckles: float
    n_moles: int
    ruddy: float
    tired: float
    makeup: float
    lip_tint: tuple[float, float, float]
    look2: dict[str, object] = field(default_factory=dict, repr=False)

    @property
    def id(self) -> str:
        """The identity used in people.csv."""
        return f"p{self.number:03d}"

    @property
    def age_group(self) -> str:
        """Age group of people.csv."""
        for limit, name in ((18, "under 18"), (30, "18-29"), (45, "30-44"), (60, "45-59")):
            if self.age < limit:
                return name
        return "60 and over"

    @property
    def skin_index(self) -> int:
        """1 (lightest) to 10 (darkest), our own scale."""
        return min(int(self.skin * 10), 9) + 1


def _shape(rng: np.random.Generator, gain: float) -> dict[str, float]:
    return {
        k: float(np.clip(rng.normal(0, s) * gain, -1.05, 1.05) + b) for k, (s, b) in SHAPE.items()
    }


def _hair_colour(rng: np.random.Generator, age: float, skin: float) -> str:
    if age > 52 and rng.random() < min(0.95, (age - 45) / 25):
        return str(rng.choice(["grey", "white"], p=[0.6, 0.4]))
    if skin > 0.45:
        return str(rng.choice(["black", "dark brown"], p=[0.7, 0.3]))
    names = ["black", "dark brown", "brown", "chestnut", "light brown", "blond", "red"]
    return str(rng.choice(names, p=[0.15, 0.2, 0.2, 0.12, 0.14, 0.12, 0.07]))


def _style(rng: np.random.Generator, sex: str, age: float, skin: float) -> str:
    if age < 18:
        return str(
            rng.choice(
                ["short", "wavy", "crop"] if sex == "M" else ["long", "tied", "fringe", "bob"]
            )
        )
    if sex == "M":
        p = np.array([0.17, 0.14, 0.14, 0.1, 0.1, 0.07, 0.1, 0.1, 0.05, 0.02, 0.01])
        if age > 50:
            p = p * [1, 0.8, 1, 0.2, 1, 2, 2.5, 0.8, 0.5, 0.5, 0.2]
        if skin > 0.6:
            p = p * [0.4, 1, 0.1, 0.1, 2.5, 1.5, 1, 0.05, 3, 6, 0.1]
        return str(rng.choice(STYLES_M, p=p / p.sum()))
    p = np.array([0.13, 0.13, 0.14, 0.06, 0.12, 0.1, 0.09, 0.08, 0.03, 0.05, 0.02, 0.06])
    if age > 55:
        p = p * [0.4, 0.6, 1.6, 2, 1, 1.5, 0.3, 0.6, 0.6, 3, 0.2, 1]
    if skin > 0.6:
        p = p * [0.3, 0.3, 0.5, 0.5, 1.5, 1.7, 0.4, 2.2, 4, 1.2, 5, 1]
    return str(rng.choice(STYLES_F, p=p / p.sum()))


def _iris(rng: np.random.Generator, skin: float, hair: str) -> str:
    if skin > 0.42 or (hair == "black" and rng.random() < 0.6):
        return str(rng.choice(["dark brown", "brown"], p=[0.65, 0.35]))
    return str(rng.choice(list(IRIS), p=[0.12, 0.22, 0.18, 0.14, 0.24, 0.10]))


def _second_look(
    rng: np.random.Generator, sex: str, hair: str, beard: str, glasses: bool
) -> dict[str, object]:
    """What may differ in some photos: another cut, a beard grown or shaved, glasses."""
    look: dict[str, object] = {}
    change = rng.random()
    if change < 0.25 and hair not in ("bald", "scarf", "buzz", "receding", "afro", "locs"):
        look["hair"] = str(
            rng.choice(
                ["short", "side", "wavy"] if sex == "M" else ["tied", "bun", "bob", "wavy long"]
            )
        )
    if change > 0.6 and sex == "M":
        look["beard"] = EARLIER_BEARD[beard]
    if rng.random() < 0.12:
        look["glasses"] = not glasses
    return look


def _brow(rng: np.random.Generator, male: bool) -> Brow:
    return Brow(
        inner=rng.uniform(0.10, 0.17),
        outer=rng.uniform(0.50, 0.58),
        arch=rng.uniform(0.0, 0.055),
        tail=rng.uniform(-0.10, -0.03),
        peak=rng.uniform(0.55, 0.72),
        thickness=rng.uniform(0.026, 0.046) * (1.15 if male else 0.72),
        density=rng.uniform(0.3, 0.85),
        lift=rng.uniform(-0.02, 0.05),
    )


def person(
    number: int, seed: int, plan: dict[str, float | str], name: str, gain: float = 1.0
) -> Person:
    """Draw one person; `plan` fixes sex, age and skin so that the cast is balanced."""
    rng = np.random.default_rng([20261124, seed])
    sex, age, skin = str(plan["sex"]), float(plan["age"]), float(plan["skin"])
    light, dark = (1 - skin) ** 2, skin**2
    between = float(np.exp(-(((skin - 0.35) / 0.22) ** 2)))
    ancestry = rng.dirichlet([0.25 + 1.8 * light, 0.15 + 2.4 * dark, 0.2 + 1.1 * between])
    male = sex == "M"
    hair = _style(rng, sex, age, skin)
    colour = _hair_colour(rng, age, skin)
    beard = str(rng.choice(BEARDS, p=[0.42, 0.24, 0.14, 0.09, 0.06, 0.05]))
    beard = beard if male and age > 19 else "none"
    glasses = bool(rng.random() < (0.2 if age < 50 else 0.32))
    shape = _shape(rng, gain)
    shape["eyes/eye-epicanthus"] = float(rng.normal(0, 0.15) - 0.8 * (ancestry[2] - 0.25))
    asymmetry = {
        k: float(rng.normal(0, 0.12))
        for k in ("eyes", "cheek", "brow", "mouth", "jaw", "nose", "temple")
    }
    brow = _brow(rng, male)
    tints = ((168, 62, 66), (186, 92, 90), (150, 48, 70), (196, 110, 98), (140, 66, 60))
    tint = tints[int(rng.integers(len(tints)))]
    maleness = rng.normal(0.92, 0.06) if male else rng.normal(0.07, 0.06)
    maleness = float(np.clip(maleness, 0.75, 1) if male else np.clip(maleness, 0, 0.22))
    return Person(
        number,
        seed,
        name,
        sex,
        age,
        skin,
        (float(ancestry[0]), float(ancestry[1]), float(ancestry[2])),
        maleness,
        float(rng.uniform(0.3, 0.7)),
        float(np.clip(rng.normal(0.5, 0.2), 0.1, 0.95)),
        shape,
        asymmetry,
        {
            f"head/head-{h}": float(w * rng.uniform(0.2, 0.5))
            for h, w in zip(HEADS, rng.dirichlet([0.4] * 7), strict=True)
        },
        brow,
        hair,
        colour,
        _iris(rng, skin, colour),
        beard,
        glasses,
        float(rng.choice([-1, 1]) * rng.uniform(0.12, 0.4)),
        float(rng.normal(0, 0.04) + (0.10 * np.clip((age - 35) / 35, 0, 1) if male else 0)),
        float(rng.uniform(0.4, 1) if skin < 0.3 and rng.random() < 0.35 else 0),
        int(rng.poisson(2.0)),
        float(rng.uniform(0.4, 1)),
        float(rng.uniform(0.1, 0.7)),
        float(rng.uniform(0.3, 1) if not male and age > 18 and rng.random() < 0.6 else 0),
        tint,
        _second_look(rng, sex, hair, beard, glasses),
    )


def plans(n: int, rng: np.random.Generator) -> list[dict[str, float | str]]:
    """Sex, age and skin for n people, each spread evenly over its range and shuffled."""
    bands = [(9, 16)] * 2 + [(19, 30)] * 9 + [(30, 45)] * 9 + [(45, 60)] * 7 + [(60, 80)] * 6
    ages = [rng.uniform(*bands[i % len(bands)]) for i in range(n)]
    skins = (np.arange(n) + rng.random(n)) / n
    sexes = ["F" if i % 2 else "M" for i in range(n)]
    rng.shuffle(ages)
    rng.shuffle(skins)
    rng.shuffle(sexes)
    return [
        {"sex": s, "age": float(a), "skin": float(k)}
        for s, a, k in zip(sexes, ages, skins, strict=True)
    ]

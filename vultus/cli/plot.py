"""Small drawings for a report: lines and points on two axes, as SVG text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 380  # of the drawing
LEFT, RIGHT, TOP, BOTTOM = 76, 16, 14, 52  # margins


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`; in the logarithm where `log`."""

    label: str
    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value lies, from 0 to 1; what lies outside is put at the edge."""
        if self.log:
            if value <= 0:
                return 0.0
            value = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            value = (value - self.low) / (self.high - self.low)
        return min(max(value, 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Values to name: powers of ten, or some six steps of 1, 2 or 5 times one."""
        if self.log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1)]
        least = (self.high - self.low) / 6
        power = 10.0 ** math.floor(math.log10(least))
        step = next(n * power for n in (1, 2, 5, 10) if n * power >= least)
        first = math.ceil(self.low / step)
        return [step * n for n in range(first, math.floor(self.high / step) + 1)]


@dataclass(frozen=True)
class Series:
    """Points (x, y), joined or not, with bars from low to high where they are given."""

    name: str
    points: Sequence[tuple[float, float]]
    joined: bool = True
    bars: Sequence[tuple[float, float]] = ()
    dashed: bool = False


def decades(values: Sequence[float], lowest: float) -> tuple[float, float]:
    """Whole powers of ten around the values above 0, at least two of them apart."""
    kept = [value for value in values if value > 0] or [lowest]
    low = 10.0 ** math.floor(math.log10(max(min(kept), lowest)))
    high = 10.0 ** math.ceil(math.log10(max(kept)))
    return low, max(high, 10 * low)


def draw(title: str, x: Axis, y: Axis, series: Sequence[Series]) -> str:
    """The drawing as an `svg` element; the title is read out by a screen reader."""
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        *grid(x, y),
    ]
    for number, one in enumerate(series):
        parts += drawn(one, x, y, number)
    return "".join([*parts, "</svg>"])


def at(x: Axis, y: Axis, point: tuple[float, float]) -> tuple[float, float]:
    across = LEFT + x.place(point[0]) * (WIDTH - LEFT - RIGHT)
    return across, HEIGHT - BOTTOM - y.place(point[1]) * (HEIGHT - TOP - BOTTOM)


def grid(x: Axis, y: Axis) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for tick in x.ticks():
        across, _ = at(x, y, (tick, y.low))
        parts.append(f'<path class="grid" d="M{across:.1f} {TOP}V{bottom}"/>')
        parts.append(label(across, bottom + 18, named(tick), "middle"))
    for tick in y.ticks():
        _, down = at(x, y, (x.low, tick))
        parts.append(f'<path class="grid" d="M{LEFT} {down:.1f}H{right}"/>')
        parts.append(label(LEFT - 8, down + 4, named(tick), "end"))
    parts.append(label((LEFT + right) / 2, HEIGHT - 10, x.label, "middle"))
    turned = f'transform="rotate(-90 14 {(TOP + bottom) / 2:.0f})"'
    parts.append(label(14, (TOP + bottom) / 2, y.label, "middle", turned))
    return parts


def label(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place} {more}>{escape(text)}</text>"


def named(value: float) -> str:
    return f"{value:.3g}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.0e}"


def drawn(one: Series, x: Axis, y: Axis, number: int) -> list[str]:
    parts = []
    places = [at(x, y, point) for point in one.points]
    style = f"series s{number}" + (" dashed" if one.dashed else "")
    if one.joined and places:
        path = "L".join(f"{across:.1f} {down:.1f}" for across, down in places)
        parts.append(f'<path class="{style}" d="M{path}"/>')
    for point, (low, high) in zip(one.points, one.bars, strict=False):
        across, top = at(x, y, (point[0], high))
        _, bottom = at(x, y, (point[0], low))
        parts.append(f'<path class="{style}" d="M{across:.1f} {top:.1f}V{bottom:.1f}"/>')
    if not one.joined or one.bars:
        parts += [
            f'<circle class="point s{number}" cx="{across:.1f}" cy="{down:.1f}" r="3.5"/>'
            for across, down in places
        ]
    if one.name:
        down = TOP + 16 + 18 * number
        middle = WIDTH - RIGHT - 150
        parts.append(f'<path class="{style}" d="M{middle} {down - 4}h24"/>')
        parts.append(label(middle + 32, down, one.name, "start"))
    return parts

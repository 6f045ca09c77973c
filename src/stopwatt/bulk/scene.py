"""Seeded pictures of overlapping shapes, with the boxes of what can be seen. Integers throughout: equal everywhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = ("disc", "ring", "square", "triangle", "star", "cross")
"""The classes, in order."""
_FEWEST, _MOST = 3, 12
_SMALLEST, _LARGEST = 0.04, 0.17
"""Radius of a shape, in shares of the picture's shorter side."""
_SEEN = 0.4
"""Share of every shape that no other shape and no border may hide."""
_CONTRAST = 55
"""By how much a shape differs from what lies behind its centre, in one channel at least."""
_TRIES = 30
_FINEST = 7 * 1920
"""256ths of a turn in the finest stripes, times the picture's longer side: a stripe is 1.9 % of that side at least."""
_FINE = 4
"""Outlines are drawn so many times larger, and averaged: their edges are smooth."""
_ROUND = 40
"""Corners of a disc."""
_WAVE = np.array([round(127 * math.sin(2 * math.pi * step / 256)) for step in range(256)], np.int16)

Pixels = NDArray[np.uint8]
Corners = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of a scene.

    Attributes:
        kind: Place in `KINDS`.
        x: Left edge of what can be seen of it, in pixels.
        y: Upper edge.
        width: Of what can be seen of it.
        height: The same.
        area: Pixels that can be seen.
    """

    kind: int
    x: int
    y: int
    width: int
    height: int
    area: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, uint8 [height, width, 3] RGB, and the shapes in it, those in front last."""

    pixels: Pixels
    shapes: tuple[Shape, ...]


def scene(width: int, height: int, seed: Sequence[int]) -> Scene:
    """Draw one scene.

    Args:
        width: Of the picture, in pixels, 64 at least.
        height: The same.
        seed: Numbers that fix everything in it.
    """
    generator = np.random.default_rng(seed)
    canvas = _Canvas(_background(width, height, generator), generator)
    for _ in range(int(generator.integers(_FEWEST, _MOST + 1))):
        canvas.add()
    _add_noise(canvas.pixels, generator)
    return Scene(canvas.pixels, canvas.shapes())


@dataclass(frozen=True, slots=True)
class _Placed:
    """A shape on the canvas: which pixels of which part of it are the shape's."""

    kind: int
    rows: slice
    columns: slice
    area: int


class _Canvas:
    """Shapes one over another, and which of them every pixel shows."""

    def __init__(self, pixels: Pixels, generator: np.random.Generator) -> None:
        self.pixels = pixels
        self._generator = generator
        self._owner: Pixels = np.zeros(pixels.shape[:2], np.uint8)  # 0: the background; n: the nth shape
        self._placed: list[_Placed] = []

    def add(self) -> None:
        """One more shape, where it hides no other one too much; none where no such place is found."""
        kind = int(self._generator.integers(len(KINDS)))
        for _ in range(_TRIES):
            mask = _mask(kind, self._radius(), self._generator)
            placed, seen = self._place(kind, mask)
            if placed is not None:
                self._paint(placed, seen)
                return

    def shapes(self) -> tuple[Shape, ...]:
        """All shapes with the boxes of what can be seen of them now."""
        return tuple(self._visible(number, one) for number, one in enumerate(self._placed, 1))

    def _radius(self) -> float:
        """Small ones are as frequent as large ones."""
        side = min(self._owner.shape[:2])
        return float(side * _SMALLEST * (_LARGEST / _SMALLEST) ** self._generator.random())

    def _place(self, kind: int, mask: Pixels) -> tuple[_Placed | None, Pixels]:
        """A place drawn at random, and the part of the mask that lies inside; no place where too much would hide."""
        height, width = self._owner.shape
        tall, wide = mask.shape
        top = int(self._generator.integers(-tall // 3, height - tall + tall // 3 + 1))
        left = int(self._generator.integers(-wide // 3, width - wide + wide // 3 + 1))
        rows, columns = slice(max(0, top), min(height, top + tall)), slice(max(0, left), min(width, left + wide))
        seen = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        solid = seen >= 128  # noqa: PLR2004  (half of 255)
        area = int((mask >= 128).sum())  # noqa: PLR2004  (as above)
        hidden = np.bincount(self._owner[rows, columns][solid], minlength=len(self._placed) + 1)[1:]
        left_over = [self._seen(number, one) - lost for (number, one), lost in zip(self._all(), hidden, strict=True)]
        enough = all(have >= _SEEN * one.area for have, one in zip(left_over, self._placed, strict=True))
        if not enough or solid.sum() < max(1, _SEEN * area):
            return None, seen
        return _Placed(kind, rows, columns, area), seen

    def _all(self) -> list[tuple[int, _Placed]]:
        return list(enumerate(self._placed, 1))

    def _seen(self, number: int, one: _Placed) -> int:
        return int((self._owner[one.rows, one.columns] == number).sum())

    def _paint(self, placed: _Placed, mask: Pixels) -> None:
        self._placed.append(placed)
        self._owner[placed.rows, placed.columns][mask >= 128] = len(self._placed)  # noqa: PLR2004  (half of 255)
        behind = self.pixels[placed.rows, placed.columns]
        tall, wide = mask.shape
        base = _colour(behind[tall // 2, wide // 2].astype(int), self._generator)
        surface = np.clip(
            base + _texture(wide, tall, max(self._owner.shape), self._generator)[..., None], 0, 255
        ).astype(np.uint16)
        share = mask[..., None].astype(np.uint16)
        behind[:] = ((behind * (255 - share) + surface * share + 127) // 255).astype(np.uint8)

    def _visible(self, number: int, one: _Placed) -> Shape:
        shown = self._owner[one.rows, one.columns] == number
        rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
        x, y = one.columns.start + int(columns[0]), one.rows.start + int(rows[0])
        width, height = int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1
        return Shape(one.kind, x, y, width, height, int(shown.sum()))


def _background(width: int, height: int, generator: np.random.Generator) -> Pixels:
    """Soft clouds of colour, with a faint pattern."""
    from PIL import Image

    base = generator.integers(50, 206, 3)
    grid = np.clip(base + generator.integers(-45, 46, (5, 8, 3)), 0, 255).astype(np.uint8)
    soft = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
    pattern = _texture(width, height, max(width, height), generator) // 3
    pixels = np.asarray(soft).astype(np.int16) + pattern[..., None]
    return np.asarray(np.clip(pixels, 0, 255), np.uint8)


def _texture(width: int, height: int, side: int, generator: np.random.Generator) -> NDArray[np.int16]:
    """Nothing, stripes or checks, int16 [height, width] around 0; as fine as the picture's longer side allows."""
    kind = int(generator.integers(3))
    depth = int(generator.integers(15, 45))
    most = min(60, _FINEST // side)
    steps = generator.integers(-most, most + 1, (2, 2))
    if kind == 0:
        return np.zeros((height, width), np.int16)
    first = _WAVE[_phase(width, height, steps[0])]
    if kind == 1:
        return np.asarray(first * depth // 127, np.int16)
    second = _WAVE[_phase(width, height, steps[1])]
    return np.where((first >= 0) == (second >= 0), depth, -depth).astype(np.int16)


def _phase(width: int, height: int, steps: NDArray[Any]) -> NDArray[np.uint8]:
    """256ths of a turn at each pixel."""
    across = (np.arange(width) * int(steps[0])).astype(np.uint8)
    down = (np.arange(height) * int(steps[1])).astype(np.uint8)
    return np.asarray(across[None, :] + down[:, None], np.uint8)  # turns that overflow are the same turn


def _colour(behind: NDArray[Any], generator: np.random.Generator) -> NDArray[Any]:
    while True:
        colour = generator.integers(20, 236, 3)
        if abs(colour - behind).max() >= _CONTRAST:
            return colour


def _mask(kind: int, radius: float, generator: np.random.Generator) -> Pixels:
    """How much of each pixel a shape covers, 0 to 255: turned by any angle, squeezed a little."""
    from PIL import Image, ImageDraw

    angle, squeeze = float(generator.random()) * 2 * math.pi, 0.7 + 0.3 * float(generator.random())
    side = 2 * math.ceil(radius) + 2
    drawn = Image.new("L", (side * _FINE, side * _FINE))
    pen = ImageDraw.Draw(drawn)
    for corners, ink in _outlines(KINDS[kind]):
        turned = [_turned(corner, angle, squeeze) for corner in corners]
        middle, size = side * _FINE / 2, radius * _FINE
        pen.polygon([(round(middle + size * x), round(middle + size * y)) for x, y in turned], fill=ink)
    return _tight(np.asarray(drawn.reduce(_FINE)))


def _turned(corner: tuple[float, float], angle: float, squeeze: float) -> tuple[float, float]:
    x, y = corner[0], corner[1] * squeeze
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def _outlines(kind: str) -> list[tuple[Corners, int]]:
    """Polygons in the unit circle, and what is filled with 255 (shape) or 0 (hole)."""
    if kind == "ring":
        return [(_regular(_ROUND), 255), (_regular(_ROUND, 0.55), 0)]
    if kind == "star":
        return [([corner for pair in zip(_regular(5), _regular(5, 0.42, 0.5), strict=True) for corner in pair], 255)]
    if kind == "cross":
        thin, far = 0.28, 0.96
        return [
            ([(-far, -thin), (far, -thin), (far, thin), (-far, thin)], 255),
            ([(-thin, -far), (thin, -far), (thin, far), (-thin, far)], 255),
        ]
    return [(_regular({"disc": _ROUND, "square": 4, "triangle": 3}[kind]), 255)]


def _regular(corners: int, radius: float = 1.0, turned: float = 0.0) -> Corners:
    """A regular polygon; turned by a share of one corner's angle."""
    angles = [2 * math.pi * (corner + turned) / corners for corner in range(corners)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


def _tight(mask: Pixels) -> Pixels:
    """Without empty rows and columns around."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _add_noise(pixels: Pixels, generator: np.random.Generator) -> None:
    """The same grain in all channels, as strong as the picture's draw says, in place."""
    strength = int(generator.integers(2, 13))
    grain = generator.integers(-strength, strength + 1, pixels.shape[:2], np.int16)
    np.copyto(pixels, np.clip(pixels + grain[..., None], 0, 255), casting="unsafe")

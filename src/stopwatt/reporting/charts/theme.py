"""How every figure looks: fonts, colours for light and dark, and the configuration that all charts share.

A chart names its colours (`ink("quiet")` is `var(--quiet)`); a page defines them for light and dark, and `paint` puts
the values in where there is no page around the figure. Colours are those of Okabe & Ito (2008), which people with any
kind of colour vision can tell apart; a second channel (shape, dash, label) always says the same.
"""

import re
from collections.abc import Mapping
from typing import Any

import altair as alt

FONT = "Helvetica, Arial, 'Liberation Sans', Arimo, sans-serif"
"""Faces of the same widths: a figure that was laid out with one of them fits when another draws it."""
SETUPS = 8
"""Different colours of setups."""
CLUSTERS = 5
"""Different colours of clusters; the first is the main one."""
HEAT_STEPS = 9

_SETUPS_LIGHT = ("#0072b2", "#e69f00", "#009e73", "#56b4e9", "#1b1f24", "#b3a100", "#d55e00", "#cc79a7")
_SETUPS_DARK = ("#4aa3df", "#f0b23c", "#2fc49a", "#9fd8f7", "#e8eaed", "#f0e442", "#ff8a4a", "#e3a3c5")
_SETUP_NAMES_LIGHT = ("#005f96", "#8a5d00", "#00694d", "#1b6796", "#1b1f24", "#665c00", "#a84600", "#8c4a73")
_CLUSTERS_LIGHT = ("#8b949e", "#d55e00", "#cc79a7", "#0072b2", "#1b1f24")
_CLUSTERS_DARK = ("#7f8a95", "#ff8a4a", "#e3a3c5", "#4aa3df", "#e8eaed")
_CLUSTER_NAMES_LIGHT = ("#59636e", "#a84600", "#8c4a73", "#005f96", "#1b1f24")
_CLUSTER_NAMES_DARK = ("#a3adb8", *_CLUSTERS_DARK[1:])
_HEAT_LIGHT = (
    "#f1f6fb", "#dde9f5", "#c3d9ee", "#a3c5e4", "#7dacd6", "#548fc4", "#3070ab", "#15508a", "#08306b",
)  # fmt: skip
_HEAT_DARK = (
    "#1a2531", "#1d3145", "#20405d", "#245278", "#2f6a98", "#4a87b5", "#73a8ce", "#a4c9e3", "#d8ebf8",
)  # fmt: skip


def _numbered(letter: str, colours: tuple[str, ...]) -> dict[str, str]:
    return {f"{letter}{place}": colour for place, colour in enumerate(colours)}


LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "panel": "#f5f7f9",
    "ink": "#1b1f24",
    "quiet": "#59636e",
    "rule": "#8b949e",
    "faint": "#e4e8ec",
    "accent": "#005f96",
    "bad": "#a84600",
    "good": "#00694d",
    **_numbered("s", _SETUPS_LIGHT),
    **_numbered("sn", _SETUP_NAMES_LIGHT),
    **_numbered("c", _CLUSTERS_LIGHT),
    **_numbered("cn", _CLUSTER_NAMES_LIGHT),
    **_numbered("h", _HEAT_LIGHT),
    **_numbered("hn", ("#1b1f24",) * 6 + ("#ffffff",) * 3),
}
DARK: Mapping[str, str] = {
    "paper": "#14171a",
    "panel": "#1d2227",
    "ink": "#e8eaed",
    "quiet": "#a3adb8",
    "rule": "#6b7580",
    "faint": "#2c333a",
    "accent": "#6cb8ea",
    "bad": "#ff9a63",
    "good": "#4fd0a8",
    **_numbered("s", _SETUPS_DARK),
    **_numbered("sn", _SETUPS_DARK),
    **_numbered("c", _CLUSTERS_DARK),
    **_numbered("cn", _CLUSTER_NAMES_DARK),
    **_numbered("h", _HEAT_DARK),
    **_numbered("hn", ("#e8eaed",) * 5 + ("#10151a",) * 4),
}
"""Colours by name. `s0` ... are setups, `c0` ... clusters, `h0` ... steps of a heat map; `sn`, `cn`, `hn` are the
colours in which their names and numbers are written, readable on the paper or on the step."""

SHAPES = ("circle", "triangle-up", "square", "diamond", "cross", "triangle-down", "stroke", "triangle-right")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3], [10, 4], [6, 2, 2, 2, 2, 2])
"""What tells setups and clusters apart without colours."""


def ink(name: str) -> str:
    """A colour by name, as charts and style sheets write it.

    Raises:
        KeyError: There is no such colour.
    """
    if name not in LIGHT:
        raise KeyError(name)
    return f"var(--{name})"


def setup_ink(place: int, *, name: bool = False) -> str:
    """Colour of the setup at a place of the order that holds for the whole report; of its name in writing."""
    return ink(f"{'sn' if name else 's'}{place % SETUPS}")


def cluster_ink(place: int, *, name: bool = False) -> str:
    """Colour of a cluster; 0 is the main one."""
    return ink(f"{'cn' if name else 'c'}{place % CLUSTERS}")


def heat_inks(*, name: bool = False) -> list[str]:
    """Colours of a heat map from low to high, or those of the numbers written on them."""
    return [ink(f"{'hn' if name else 'h'}{step}") for step in range(HEAT_STEPS)]


CONFIG: Mapping[str, Any] = {
    "background": None,
    "font": FONT,
    "padding": 6,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "group",
        "color": ink("ink"),
        "fontSize": 15,
        "fontWeight": 600,
        "lineHeight": 19,
        "subtitleColor": ink("quiet"),
        "subtitleFontSize": 12,
        "subtitleLineHeight": 16,
        "subtitlePadding": 5,
        "offset": 14,
    },
    "axis": {
        "domainColor": ink("rule"),
        "tickColor": ink("rule"),
        "tickSize": 4,
        "gridColor": ink("faint"),
        "labelColor": ink("quiet"),
        "labelFontSize": 11,
        "labelPadding": 4,
        "titleColor": ink("quiet"),
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "header": {
        "labelColor": ink("ink"),
        "labelFontSize": 12,
        "titleColor": ink("quiet"),
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": ink("ink"),
        "labelFontSize": 12,
        "titleColor": ink("quiet"),
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "orient": "top",
        "offset": 26,
    },
    "text": {"color": ink("ink"), "fontSize": 11},
    "rule": {"color": ink("rule")},
    "point": {"filled": True},
}


def complete(chart: Any) -> dict[str, Any]:
    """A chart as a Vega-Lite document with the configuration; its colours still have names.

    The rows pass by Altair, which would copy each of them several times.
    """
    bare = chart.copy(deep=False)
    bare.datasets = alt.Undefined
    document: dict[str, Any] = bare.to_dict(validate=False)
    rows = {} if chart.datasets is alt.Undefined else dict(chart.datasets)
    return document | {"datasets": document.get("datasets", {}) | rows, "config": dict(CONFIG)}


def paint(text: str, colours: Mapping[str, str]) -> str:
    """A document in which every named colour is replaced by its value."""
    return re.sub(r"var\(--(\w+)\)", lambda found: colours[found[1]], text)

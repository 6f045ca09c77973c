"""The page of a comparison: the figures, and a panel for each of the images that differ most."""

import base64
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from stopwatt.images.pictures import Picture
from stopwatt.reporting.bulk.view import View
from stopwatt.reporting.charts.theme import DARK, LIGHT
from stopwatt.reporting.html.page import content_policy

SIDE = 800
"""Longer side of a picture on the page, in pixels."""


def rendered(template: str, view: View, panels: Sequence[Any], **more: Any) -> str:
    """A page as one HTML document that fetches nothing.

    Args:
        template: That shows the panels.
        view: What is said above them.
        panels: As the template takes them.
        more: The same.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            view=view,
            sides=[(letter, *side) for letter, side in zip("AB", view.sides, strict=True)],
            panels=panels,
            colours={"light": LIGHT, "dark": DARK},
            style=Markup(_style()),  # noqa: S704  (our own file)
            policy=content_policy(),
            **more,
        )
    )


def address_of(picture: Picture | None) -> str:
    """A picture as a `data:` address; empty where there is none."""
    if picture is None or not picture.jpeg:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode()}"


def missing(picture: Picture | None) -> str:
    """Why there is no picture; empty where there is one."""
    if picture is None:
        return "the image was not found; --data says where it is"
    return "" if picture.jpeg else picture.why


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("stopwatt.reporting.bulk"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


@cache
def _style() -> str:
    """That of the report, and what is added here."""
    report = files("stopwatt.reporting.html").joinpath("templates", "page.css").read_text(encoding="utf-8")
    own = files("stopwatt.reporting.bulk").joinpath("templates", "compared.css").read_text(encoding="utf-8")
    return report + own

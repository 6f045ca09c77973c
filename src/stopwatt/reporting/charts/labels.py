"""Labels that turn to the other side where they would leave the figure."""

from typing import Any

import altair as alt

TURN = 0.66
"""Share of the width beyond which a label stands to the left of its place."""


def side(share: float) -> str:
    """The side on which a label stands whose place is at that share of the width."""
    return "left" if share > TURN else "right"


def sided(base: alt.Chart, gap: int = 5, dy: int = 0, **mark: Any) -> list[alt.Chart]:
    """Text to the right and to the left of its place, as the column `side` says.

    Args:
        base: With the channels of the text and its place.
        gap: Pixels beside the place.
        dy: Pixels below it.
        mark: Further properties of the text.
    """
    right = base.transform_filter("datum.side == 'right'")
    left = base.transform_filter("datum.side == 'left'")
    return [
        right.mark_text(aria=False, align="left", dx=gap, dy=dy, **mark),
        left.mark_text(aria=False, align="right", dx=-gap, dy=dy, **mark),
    ]

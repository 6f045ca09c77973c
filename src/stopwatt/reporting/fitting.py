"""A table that breaks no number and no name: where the room is too narrow for it, each row becomes a few lines."""

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

_LONGEST_WORD = 32
"""A longer word, such as a path, may be broken: for its sake alone no table is given up."""
_GAP, _INDENT = "   ", "  "
"""Between the cells of a block, and before its lines but for the first."""
_HYPHEN = re.compile(r"(?<=\w)-\n")
"""Of a word that a head breaks by itself."""


class Fitting(Table):
    """A table of texts."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As a table with columns as wide as they need to be, closer together if they must, or as blocks."""
        needed = [_needed(column) for column in self.columns]
        for padding in (self.padding, (0, 1, 0, 0)):
            between = padding[1] + padding[3] + (self.box is not None)
            widths = _fitted(needed, options.max_width - between * (len(needed) - 1))
            if widths is not None:
                self.padding = padding
                for column, width in zip(self.columns, widths, strict=True):
                    column.width = width
                yield from super().__rich_console__(console, options)
                return
        yield from self._blocks(console, options.max_width)

    def _blocks(self, console: Console, room: int) -> Iterator[Text]:
        """Each row as `name: value` after `name: value`, as many to a line as there is room for."""
        if self.title:
            yield Text(str(self.title), style="table.title")
        heads = [_HYPHEN.sub("", _plain(column.header)).replace("\n/", "/") for column in self.columns]
        cells = zip(*(column.cells for column in self.columns), strict=True)
        for row, values in zip(self.rows, cells, strict=True):
            pairs = [_pair(head, _plain(value)) for head, value in zip(heads, values, strict=True)]
            pieces = (piece for pair in pairs for piece in pair.wrap(console, room - len(_INDENT), overflow="fold"))
            for line in _packed([piece for piece in pieces if piece.plain], room):
                line.style = row.style or ""
                yield line


def _pair(head: str, value: str) -> Text:
    """Nothing where the value is blank on purpose."""
    if not value.strip():
        return Text()
    return Text.assemble((f"{' '.join(head.split())}: " if head else "", "quiet"), " ".join(value.split()))


def _packed(pieces: Sequence[Text], room: int) -> Iterator[Text]:
    """Lines of pieces; all but the first are indented, so that rows can be told apart."""
    line = Text()
    for number, piece in enumerate(pieces):
        if number and line.cell_len + len(_GAP) + piece.cell_len > room:
            yield line
            line = Text(_INDENT)
        elif number:
            line.append(_GAP)
        line.append_text(piece)
    yield line


def _needed(column: Column) -> tuple[int, int]:
    """The least width of a column in which no number and no name is broken, and that in which no line is."""
    head, cells = _plain(column.header), [_plain(cell) for cell in column.cells]
    numbers = column.no_wrap or column.justify == "right"
    least = max(
        column.min_width or 0,
        _longest_line([head]) if column.no_wrap else _longest_word([head]),
        _longest_line(cells) if numbers else _longest_word(cells),
    )
    return least, max(least, _longest_line([head, *cells]))


def _fitted(needed: Sequence[tuple[int, int]], room: int) -> list[int] | None:
    """Widths that fill no more than the room, the widest columns giving way first; `None` where there are none."""
    widths = [most for _, most in needed]
    if sum(least for least, _ in needed) > room:
        return None
    while sum(widths) > room:
        _, place = max((width, place) for place, width in enumerate(widths) if width > needed[place][0])
        widths[place] -= 1
    return widths


def _plain(text: RenderableType) -> str:
    return text.plain if isinstance(text, Text) else str(text)


def _longest_line(texts: Sequence[str]) -> int:
    return max((cell_len(line) for text in texts for line in text.splitlines()), default=0)


def _longest_word(texts: Sequence[str]) -> int:
    return max((min(cell_len(word), _LONGEST_WORD) for text in texts for word in text.split()), default=0)

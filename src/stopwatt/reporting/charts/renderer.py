"""Draws many charts in a process of its own, while this one goes on.

The renderer is a JavaScript engine that holds Python's interpreter lock while it works, so a thread would not do. The
process reads Vega-Lite documents, one a line, on its standard input, draws each as it comes, and answers at the end
with one JSON document.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import IO, Self

from stopwatt.errors import StopwattError
from stopwatt.records import digest
from stopwatt.store.atomic import replacing
from stopwatt.sweeping import cache

_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_LAST = 800


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the process made.

    Attributes:
        svgs: One per document, colours by name.
        runtime: Vega, Vega-Lite and Vega-Embed as one script (BSD-3-Clause): draws the same charts in a browser.
    """

    svgs: tuple[str, ...]
    runtime: str


class Renderer:
    """The process; a context manager. It begins to work on the runtime at once."""

    def __init__(self) -> None:
        self._complaint: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed on leaving)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stopwatt.reporting.charts.renderer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaint,
        )
        assert self._process.stdin is not None  # noqa: S101  (a pipe, as asked for)
        assert self._process.stdout is not None  # noqa: S101
        self._to, self._from = self._process.stdin, self._process.stdout
        # The pipe holds less than a chart, and the process reads only between two of them: a thread waits for it.
        self._writer, self._reader = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._answer: Future[bytes] = self._reader.submit(self._from.read)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._writer.submit(_quietly, self._to.close)
        self._writer.shutdown()
        self._reader.shutdown()
        self._from.close()
        self._complaint.close()

    def send(self, document: str) -> None:
        """Give it a document, one line of JSON, to draw while other things are done."""
        self._writer.submit(_quietly, self._write, document)

    def receive(self) -> Drawn:
        """Wait for everything that was sent; once.

        Raises:
            StopwattError: The process failed.
        """
        self._writer.submit(_quietly, self._to.close)
        answer = self._answer.result()
        if self._process.wait():
            self._complaint.seek(0)
            last = self._complaint.read().decode(errors="replace").strip()[-_LAST:]
            raise StopwattError(
                "the figures could not be drawn", when=last, now="report it: this is a fault of stopwatt"
            )
        found = json.loads(answer)
        return Drawn(tuple(found["svgs"]), found["runtime"])

    def _write(self, document: str) -> None:
        self._to.write(document.encode() + b"\n")


def _quietly(action: Callable[..., object], *arguments: object) -> None:
    """Write or close, even if nobody reads any more: the exit code says what happened."""
    try:
        action(*arguments)
    except (BrokenPipeError, ValueError):  # ended, or closed before
        return


def browser_runtime() -> str:
    """What draws charts in a browser. Making it takes a second: it is kept in the cache, one for each version."""
    import vl_convert

    try:
        kept = cache.root() / f"runtime-{digest([version('vl-convert-python'), _SNIPPET])}.js"
    except StopwattError:  # no cache that could be trusted: make it anew
        return str(vl_convert.javascript_bundle(_SNIPPET))
    if not kept.is_file():
        with suppress(StopwattError), replacing(kept, overwrite=True) as file:
            file.write(vl_convert.javascript_bundle(_SNIPPET).encode())
    return kept.read_text() if kept.is_file() else str(vl_convert.javascript_bundle(_SNIPPET))


def main() -> None:
    """The process' side."""
    import vl_convert

    runtime = browser_runtime()
    svgs = [vl_convert.vegalite_to_svg(document.decode()) for document in sys.stdin.buffer]
    json.dump({"svgs": svgs, "runtime": runtime}, sys.stdout)


if __name__ == "__main__":
    main()

"""Draws many charts in a process of its own, while this one goes on.

The renderer is a JavaScript engine that holds Python's interpreter lock while it works, so a thread would not do. The
process reads a JSON list of Vega-Lite documents on its standard input and answers with one JSON document.
"""

import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from stopwatt.errors import StopwattError

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
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stopwatt.reporting.charts.renderer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._thread = ThreadPoolExecutor(1)
        self._answer: Future[tuple[bytes, bytes]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        if self._answer is None:
            self._process.communicate()
        self._thread.shutdown()

    def send(self, documents: list[str]) -> None:
        """Give it everything that is to be drawn; once."""
        self._answer = self._thread.submit(self._process.communicate, json.dumps(documents).encode())

    def receive(self) -> Drawn:
        """Wait for what was sent.

        Raises:
            StopwattError: The process failed.
        """
        if self._answer is None:
            raise ValueError("nothing was sent")
        answer, complaint = self._answer.result()
        if self._process.returncode:
            last = complaint.decode(errors="replace").strip()[-_LAST:]
            raise StopwattError(
                "the figures could not be drawn", when=last, now="report it: this is a fault of stopwatt"
            )
        found = json.loads(answer)
        return Drawn(tuple(found["svgs"]), found["runtime"])


def main() -> None:
    """The process' side."""
    import vl_convert

    runtime = vl_convert.javascript_bundle(_SNIPPET)
    documents: list[str] = json.load(sys.stdin.buffer)
    svgs = [vl_convert.vegalite_to_svg(document) for document in documents]
    json.dump({"svgs": svgs, "runtime": runtime}, sys.stdout)


if __name__ == "__main__":
    main()

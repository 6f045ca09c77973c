"""What a worker prints: its beginning and its end, in bounded memory."""

LOG_HEAD = LOG_TAIL = 32 * 1024
"""Bytes of a worker's output that are kept from its beginning and from its end."""


class Log:
    """The beginning and the end of everything a worker prints, in bounded memory."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self.lost = 0

    def add(self, data: bytes) -> None:
        """Take note of some output."""
        room = LOG_HEAD - len(self._head)
        self._head += data[:room]
        self._tail += data[max(room, 0) :]
        surplus = len(self._tail) - LOG_TAIL
        if surplus > 0:
            del self._tail[:surplus]
            self.lost += surplus

    def text(self) -> str:
        """What was kept, with a line that says how much was not."""
        gap = f"\n[... {self.lost} bytes left out ...]\n".encode() if self.lost else b""
        return (bytes(self._head) + gap + bytes(self._tail)).decode(errors="replace")

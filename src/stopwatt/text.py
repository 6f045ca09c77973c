"""Texts that come from outside (names, messages of models and runtimes), made harmless for a terminal."""


def printable(text: str) -> str:
    """Everything that could move the cursor or change the terminal as escapes; line ends stay."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def one_line(text: str) -> str:
    """The same on one line."""
    return " ".join(printable(text).split())


def counted(number: int, noun: str) -> str:
    """`1 image`, `7 images`, `206,268 images`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

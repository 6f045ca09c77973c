"""Did the kernel kill for lack of memory? Its own counters know."""

from pathlib import Path

ROOT = Path("/")


def kills(root: Path = ROOT) -> int:
    """Processes that the kernel killed so far for lack of memory: in this cgroup, or (without one) on this machine."""
    for name, key in (("sys/fs/cgroup/memory.events", "oom_kill"), ("proc/vmstat", "oom_kill")):
        count = _counter(root / name, key)
        if count is not None:
            return count
    return 0


def _counter(path: Path, key: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    pairs = (line.split() for line in lines)
    return next((int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] == key), None)  # noqa: PLR2004

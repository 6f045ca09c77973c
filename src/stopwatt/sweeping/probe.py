"""What each backend can do here, asked in a process of its own.

A vendor's package that segfaults, hangs or ends the process at import costs its own row and nothing else. The child
(`python -m stopwatt.sweeping.probe NAME DEVICE`, also by hand) answers on a pipe of its own in two lines: what
the backend is (`About`), before its runtime is touched, and then what its `check` found (`Support`).
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata

from stopwatt import wire
from stopwatt.backends.base import Backend, Support
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import StopwattError
from stopwatt.extensions import load, registered
from stopwatt.measuring.process import die_with

TIMEOUT_S = 60.0
AT_ONCE = 2
_LONGEST_ANSWER = 1 << 16


@dataclass(frozen=True, slots=True)
class About:
    """What a backend says of itself without touching its runtime.

    Attributes:
        summary: One line.
        variants: What may follow its name after a colon.
        precisions: What can be asked for on the device.
        packages: Distributions of its runtime.
    """

    summary: str = ""
    variants: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """A backend as this machine sees it."""

    about: About
    support: Support


def probe_backends(names: Sequence[str], device: str, *, timeout_s: float = TIMEOUT_S) -> dict[str, Support]:
    """Whether each backend can be used on a device."""
    described = describe_backends(names, device, timeout_s=timeout_s)
    return {name: description.support for name, description in described.items()}


def describe_backends(names: Sequence[str], device: str, *, timeout_s: float = TIMEOUT_S) -> dict[str, Description]:
    """What each backend is and whether it can be used; two children at a time.

    Args:
        names: As registered.
        device: As the user writes it.
        timeout_s: How long one child may take.

    Raises:
        UsageError: No such device name.
    """
    kind_of(device)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda name: _ask(name, device, timeout_s), names)
        return dict(zip(names, found, strict=True))


def _ask(name: str, device: str, timeout_s: float) -> Description:
    reading, writing = os.pipe()
    try:
        child = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "stopwatt.sweeping.probe", name, device),
                *("--answer-fd", str(writing), "--parent", str(os.getpid())),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            start_new_session=True,
        )
    finally:
        os.close(writing)
    try:
        lines, in_time = _listen(reading, time.monotonic() + timeout_s)
        if in_time:
            _wait(child)
        crash = child.poll()
    finally:
        os.close(reading)
        _end(child)
    return _conclude(name, device, lines, crash, timeout_s)


def _listen(pipe: int, deadline: float) -> tuple[list[bytes], bool]:
    """The lines of the answer, and whether it ended in time. Two lines are all of it."""
    answer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while answer.count(b"\n") < 2 and len(answer) < _LONGEST_ANSWER:  # noqa: PLR2004  (lines of an answer)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return answer.splitlines(), False
            data = os.read(pipe, _LONGEST_ANSWER)
            if not data:
                break
            answer += data
    return answer.splitlines(), True


def _wait(child: subprocess.Popen[bytes]) -> None:
    """Its answer has ended; it ends itself at once, or is ended."""
    try:
        child.wait(1.0)
    except subprocess.TimeoutExpired:
        return


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended, and so has all that it started
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _conclude(name: str, device: str, lines: list[bytes], returncode: int | None, timeout_s: float) -> Description:
    """The child's answer, or what can be said without one."""
    about, how = About(), _ending(returncode, timeout_s)
    try:
        if lines:
            about = wire.from_json(About, lines[0])
        if len(lines) > 1:
            return Description(about, wire.from_json(Support, lines[1]))
    except ValueError:
        how = "answered something that cannot be read"
    return Description(about, _failed(name, device, how, about.packages))


def _ending(returncode: int | None, timeout_s: float) -> str:
    if returncode is None:
        return f"did not answer within {timeout_s:g} s"
    if returncode < 0:
        return f"crashed with {signal.Signals(-returncode).name}"
    return f"ended the process with exit code {returncode} and without an answer"


def _failed(name: str, device: str, how: str, packages: Sequence[str]) -> Support:
    remedy = f"{_mend(name, packages)}  (to see it happen: python -m stopwatt.sweeping.probe {name} {device})"
    return Support(usable=False, why=f"its check {how}", remedy=remedy)


def _mend(name: str, packages: Sequence[str]) -> str:
    """How to install the packages of a runtime again, at the versions that are there."""
    if not packages:
        return _reinstall(name)
    return f"pip install --force-reinstall {' '.join(map(_pinned, packages))}"


def _pinned(package: str) -> str:
    try:
        return f"{package}=={metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package


def _reinstall(name: str) -> str:
    """How to mend the distribution that registers a backend."""
    point = registered("backends").get(name)
    distribution = point.dist.name if point is not None and point.dist is not None else name
    return f"pip install --force-reinstall {distribution}"


def _introduced(name: str, device: str) -> tuple[About, Backend]:
    backend = load("backends", name)
    backend = backend() if isinstance(backend, type) else backend
    about = About(
        summary=str(backend.summary),
        variants=tuple(backend.variants),
        precisions=tuple(str(precision) for precision in backend.precisions(kind_of(device))),
        packages=tuple(backend.packages),
    )
    return about, backend


def _looked(name: str, device: str) -> Iterator[About | Support]:
    """In the child: the two lines of the answer, whatever foreign code raises."""
    try:
        about, backend = _introduced(name, device)
    except BaseException as error:  # noqa: BLE001  (a module may raise SystemExit at import)
        yield About()
        yield Support(usable=False, why=_why(error), remedy=_reinstall(name))
        return
    yield about
    try:
        support = backend.check(device)
        if not isinstance(support, Support):
            support = _no_support(support, name)
        yield support
    except BaseException as error:  # noqa: BLE001  (so may its runtime)
        yield Support(usable=False, why=f"its check failed: {_why(error)}", remedy=_mend(name, about.packages))


def _no_support(answer: object, name: str) -> Support:
    why = f"its check returned {type(answer).__name__} instead of Support"
    return Support(usable=False, why=why, remedy=f"report it to the author of backend {name!r}")


def _why(error: BaseException) -> str:
    if isinstance(error, StopwattError):
        return error.what
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def main(arguments: Sequence[str] | None = None) -> None:
    """The child: look at one backend, answer, and end without running what foreign code left for the exit."""
    parser = ArgumentParser(prog="python -m stopwatt.sweeping.probe", description="Look at one backend.")
    parser.add_argument("name")
    parser.add_argument("device")
    parser.add_argument("--answer-fd", type=int, default=1, help="where the answer goes")
    parser.add_argument("--parent", type=int, default=0, help="process without which this one ends")
    options = parser.parse_args(arguments)
    die_with(options.parent)
    for part in _looked(options.name, options.device):
        os.write(options.answer_fd, wire.to_json(part) + b"\n")
    os._exit(0)


if __name__ == "__main__":
    main()

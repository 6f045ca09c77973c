"""Check claims one after another, keep each as it comes, and return them."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from stopwatt import __version__
from stopwatt.analyse.selftests import Claim, SelfTest, Verdict, to_measurement
from stopwatt.devices.facts import machine_identity, read_facts
from stopwatt.devices.resolve import require_driver
from stopwatt.errors import StopwattError
from stopwatt.records import Scalar
from stopwatt.reporting.selftest import SelfTestResult
from stopwatt.running import Silent
from stopwatt.selftesting.bench import Bench, Killed
from stopwatt.selftesting.suite import Check, named
from stopwatt.store import Run, RunStatus, open_store
from stopwatt.store.database import Store
from stopwatt.store.references import ABOUT_MACHINE
from stopwatt.sweeping.execute import Interrupted, Watcher


class Onlooker(Watcher, Protocol):
    """A watcher who is also told which claim is tested."""

    def task(self, text: str) -> None:
        """What is done now."""
        ...

    def done(self, count: int, left_s: float) -> None:
        """So many claims are tested; about so many seconds are left."""
        ...


class SilentOnlooker(Silent):
    """Does nothing."""

    def task(self, text: str) -> None:
        """Ignore."""

    def done(self, count: int, left_s: float) -> None:
        """Ignore."""


def run_selftest(
    names: Sequence[str] = (),
    *,
    device: str = "cpu",
    thorough: bool = False,
    store: str | None = None,
    command: str = "stopwatt selftest",
    watcher: Onlooker | None = None,
) -> SelfTestResult:
    """Check claims and keep what came of them.

    Args:
        names: Of claims; all of the device without any.
        device: `cpu`, or an accelerator that is tested too.
        thorough: Take the time that it takes.
        store: Results database that keeps the claims. What the checks measure is thrown away.
        command: Kept with the run.
        watcher: Looks on.

    Raises:
        UsageError: No such claim or device.
        EnvironmentUnfit: There is no driver for the device.
        Interrupted: The user stopped it; the claims tested by then are saved.
        StoreError: A claim could not be saved.
    """
    checks = named(names, device)
    require_driver(device)
    watcher = watcher or SilentOnlooker()
    facts = {name: read_facts(name).values for name in {"cpu", device}}
    with open_store(store) as results, tempfile.TemporaryDirectory(prefix="stopwatt-selftest-") as place:
        run = results.begin_run(command, "", "", __version__, {ABOUT_MACHINE: "selftest"})
        bench = Bench(str(Path(place) / "planted.db"), device, thorough, watcher)
        keeper = _Keeper(results, run, facts, whole=not names)
        try:
            claims = _check_all(checks, bench, keeper, watcher)
        except Interrupted:
            results.finish_run(run, RunStatus.INTERRUPTED)
            raise _stopped(checks, keeper.kept) from None
        except KeyboardInterrupt:
            results.finish_run(run, RunStatus.INTERRUPTED)
            raise
        failed = any(claim.verdict is Verdict.FAILS for claim in claims)
        results.finish_run(run, RunStatus.PARTLY_FAILED if failed else RunStatus.COMPLETE)
        test = SelfTest(run.id, run.started_at, device, tuple(claims), whole=not names)
        return SelfTestResult(test, results.where, facts[device])


class _Keeper:
    """Saves claims.

    Args:
        store: Where.
        run: Of that store.
        facts: Of the machine, by the device that they matter for: a machine with a GPU is another one.
        whole: As in `SelfTest`.
    """

    def __init__(self, store: Store, run: Run, facts: Mapping[str, Mapping[str, Scalar]], *, whole: bool) -> None:
        self._store, self._run, self._facts, self._whole = store, run, facts, whole
        self.kept: list[str] = []

    def keep(self, claim: Claim, device: str) -> None:
        facts = self._facts[device]
        self._store.save(self._run, to_measurement(claim, machine_identity(facts), device, facts, whole=self._whole))
        self.kept.append(claim.name)


def _stopped(checks: Sequence[Check], kept: Sequence[str]) -> Interrupted:
    """A self-test says what the machine can do now: it is not gone on with another day."""
    missing = ",".join(check.name for check in checks if check.name not in kept)
    return Interrupted(
        "stopped on request",
        when=f"{len(kept)} of {len(checks)} claims were tested and are saved",
        now=f"stopwatt selftest --only {missing} tests the others",
    )


def _check_all(checks: Sequence[Check], bench: Bench, keeper: _Keeper, watcher: Onlooker) -> list[Claim]:
    claims: list[Claim] = []
    watcher.begin(len(checks), 0)
    watcher.done(0, sum(check.seconds for check in checks))
    try:
        for number, check in enumerate(checks):
            watcher.task(f"{check.name}: {check.about}")
            claim = _checked(check, bench)
            keeper.keep(claim, "cpu" if check.device == "cpu" else bench.device)
            claims.append(claim)
            watcher.done(number + 1, sum(later.seconds for later in checks[number + 1 :]))
    finally:
        watcher.end()
    return claims


def _checked(check: Check, bench: Bench) -> Claim:
    """The claim; a planted workload that cannot be measured at all is a claim that fails, unless it was killed."""
    begin = time.monotonic()
    try:
        claim = check.look(bench)
    except Interrupted:
        raise
    except StopwattError as error:
        where = f" ({error.when})" if error.when else ""
        verdict = Verdict.UNDECIDED if isinstance(error, Killed) else Verdict.FAILS
        claim = Claim(check.name, verdict, f"{error.what}{where}")
    return replace(claim, seconds=time.monotonic() - begin)

"""What a store keeps of self-tests, and where it is shown."""

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stopwatt.analyse import selftests
from stopwatt.analyse.observed import observe
from stopwatt.analyse.selftests import (
    DETECTABLE,
    NEVER,
    Claim,
    SelfTest,
    Verdict,
    conclusion,
    latest_selftest,
    line,
    to_claim,
    to_measurement,
)
from stopwatt.analyse.summary import summarise
from stopwatt.cli import main
from stopwatt.errors import ExitCode
from stopwatt.records import Measured, Status, Workload
from stopwatt.reporting.console import console_for
from stopwatt.reporting.report import select
from stopwatt.reporting.result import BenchResult
from stopwatt.reporting.selftest import ClaimFailed, SelfTestResult, render_selftest
from stopwatt.selftesting import run as running
from stopwatt.selftesting.bench import Killed
from stopwatt.selftesting.suite import CHECKS, Check, named
from stopwatt.store import RunStatus, Selection, open_store
from stopwatt.store.references import ABOUT_MACHINE
from stopwatt.sweeping.execute import Interrupted

HOLDS = Claim("latency", Verdict.HOLDS, "within 0.3 %", {"error": Measured(0.003, "1")}, Measured(0.01, "1"), 1.5)
FOUND = Claim("comparison", Verdict.HOLDS, "1.00 x", {DETECTABLE: Measured(0.018, "1")})
FAILS = Claim("inputs", Verdict.FAILS, "it is given the same input again")
OPEN = Claim("drift", Verdict.UNDECIDED, "the machine is too noisy")
NONE = Claim("energy", Verdict.UNAVAILABLE, "no RAPL: virtual machine")
EVERY = (HOLDS, FOUND, FAILS, OPEN, NONE)
WHOLE = SelfTest("0123456789abcdef", "2026-11-20T16:40:12.000+00:00", "cpu", EVERY)


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "own.db") as opened:
        yield opened


def keep(store, claims=EVERY, machine="here", ended=RunStatus.COMPLETE, began=None, **about):
    run = store.begin_run("stopwatt selftest", "", "", "0", {ABOUT_MACHINE: "selftest"})
    for claim in claims:
        one = to_measurement(claim, machine, "cpu", {"cpu.model": "a"}, **about)
        store.save(run, replace(one, started_at=began or one.started_at))
    store.finish_run(run, ended)
    return run


@pytest.mark.parametrize("claim", EVERY, ids=lambda claim: claim.name)
def test_a_claim_comes_back_as_it_was_kept(store, claim):
    keep(store, [claim])
    (one,) = store.measurements()
    assert to_claim(one) == claim


def test_a_round_of_a_model_is_no_claim(store):
    one = replace(to_measurement(HOLDS, "here", "cpu", {}), notes=())
    assert to_claim(one) is None
    model = replace(one.cell, workload=Workload("mlp"))
    assert to_claim(replace(to_measurement(HOLDS, "here", "cpu", {}), cell=model)) is None


def test_the_latest_self_test_is_that_of_the_same_machine(store):
    keep(store, [HOLDS])
    mine = keep(store, [HOLDS, FAILS])
    keep(store, EVERY, machine="elsewhere")
    found = latest_selftest(store, "here")
    assert (found.run, found.claims) == (mine.id, (HOLDS, FAILS))
    assert latest_selftest(store, "nowhere") is None


def test_a_self_test_of_a_gpu_is_one_of_its_host_too(store):
    run = keep(store, [HOLDS], machine="host")
    store.save(run, to_measurement(FAILS, "host with GPU", "cuda", {}))
    for machine in ("host", "host with GPU"):
        found = latest_selftest(store, machine)
        assert (found.claims, found.device) == ((HOLDS, FAILS), "cuda")


def test_a_whole_self_test_counts_before_a_later_one_of_a_few_claims(store):
    whole = keep(store)
    keep(store, [HOLDS], whole=False)
    assert latest_selftest(store, "here").run == whole.id


def test_an_interrupted_self_test_is_one_of_a_few_claims(store):
    whole = keep(store, ended=RunStatus.PARTLY_FAILED)
    keep(store, [HOLDS], ended=RunStatus.INTERRUPTED)
    assert latest_selftest(store, "here").run == whole.id
    keep(store, [HOLDS], "elsewhere", RunStatus.INTERRUPTED)
    assert not latest_selftest(store, "elsewhere").whole


def test_an_older_self_test_that_was_imported_later_is_not_the_latest(store):
    latest = keep(store, began="2026-11-20T16:40:12.000+00:00")
    keep(store, [HOLDS], began="2026-05-02T08:00:00.000+00:00")
    assert latest_selftest(store, "here").run == latest.id


def test_many_claims_since_then_do_not_cut_a_self_test(store, monkeypatch):
    monkeypatch.setattr(selftests, "_LOOKED_AT", 3)
    whole = keep(store)
    keep(store, [HOLDS, FAILS], whole=False)
    found = latest_selftest(store, "here")
    assert (found.run, found.claims) == (whole.id, EVERY)


def test_claims_are_no_rows_of_models(store):
    keep(store)
    found = [("run", one) for one in store.measurements()]
    assert summarise(one for _, one in found) == []
    assert observe("own", "own.db", found, "latency").rounds == ()


def test_the_last_run_is_the_last_that_measured_a_model(store):
    from stopwatt.store.references import find_runs

    run = store.begin_run("stopwatt bench mlp", "", "", "0")
    model = replace(to_measurement(HOLDS, "here", "cpu", {}).cell, workload=Workload("mlp"))
    store.save(run, replace(to_measurement(HOLDS, "here", "cpu", {}), cell=model))
    own = keep(store)
    assert [one.id for one in find_runs(store, "last")] == [run.id]
    assert [one.id for one in find_runs(store, own.id[:8])] == [own.id]


def test_one_line_says_how_it_ended():
    then = datetime.fromisoformat(WHOLE.started_at)
    assert line(WHOLE, now=then) == (
        "self-test of this machine, 2026-11-20 16:40 UTC: 2 of 5 claims hold, inputs fails, drift undecided, "
        "energy unavailable; smallest detectable slowdown 1.8 %"
    )
    assert conclusion(replace(WHOLE, claims=(HOLDS,))) == "1 of 1 claim holds"
    assert "(9 days ago; to repeat it: stopwatt selftest)" in line(WHOLE, now=then + timedelta(days=9))
    assert line(None) == NEVER
    assert line(None, "cuda") == f"{NEVER} --device cuda"


def shown(result):
    stream = io.StringIO()
    render_selftest(console_for(stream), result, where="own.db")
    return stream.getvalue()


def test_the_table_has_a_line_for_each_claim_and_a_conclusion():
    text = shown(WHOLE)
    for claim in EVERY:
        assert claim.name in text
        assert claim.sentence in text
    assert "2 of 5 claims hold" in text


def test_a_bench_shows_the_self_test_of_its_machine(store, capsys):
    run = keep(store)
    BenchResult((), run, "own.db", {}, selftest=WHOLE).table()
    assert "self-test of this machine, 2026-11-20 16:40 UTC: 2 of 5" in " ".join(capsys.readouterr().out.split())
    result = BenchResult((), run, "own.db", {})
    result.table()
    assert NEVER in capsys.readouterr().out
    assert json.loads(result.to_json())["selftest"] is None


def test_a_report_names_the_self_test_of_each_machine(store):
    keep(store)
    run = store.begin_run("stopwatt bench mlp", "", "", "0")
    one = to_measurement(HOLDS, "here", "cpu", {})
    store.save(run, replace(one, cell=replace(one.cell, workload=Workload("mlp"))))
    assert [text.partition(": ")[2][:18] for text in select(store).source.selftests] == ["2 of 5 claims hold"]


def test_a_claim_that_fails_is_an_error_that_names_it():
    with pytest.raises(ClaimFailed) as failed:
        SelfTestResult(WHOLE, "own.db", {}).raise_for_status()
    assert failed.value.exit_code == ExitCode.REGRESSION
    assert "inputs" in failed.value.what
    SelfTestResult(replace(WHOLE, claims=(HOLDS, OPEN, NONE)), "own.db", {}).raise_for_status()


# the verb


def looking(*claims):
    """Tests that find these claims; one that is an exception is raised."""

    def look(claim):
        def test(bench):
            if isinstance(claim, BaseException):
                raise claim
            return claim

        return test

    return [Check(getattr(claim, "name", "interrupted"), "planted", 1, look(claim)) for claim in claims]


@pytest.fixture
def verb(monkeypatch, tmp_path, capsys):
    def run(*claims, words=()):
        monkeypatch.setattr(running, "named", lambda names, device: looking(*claims))
        with pytest.raises(SystemExit) as stop:
            main(["selftest", "--store", str(tmp_path / "own.db"), *words])
        return stop.value.code, capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("claims", "code"), [((HOLDS, NONE), 0), ((HOLDS, OPEN), 0), ((HOLDS, FAILS), 1), ((FAILS, FAILS), 1)]
)
def test_the_exit_code_is_1_if_a_claim_fails(verb, claims, code):
    assert verb(*claims)[0] == code


def test_claims_are_saved_and_printed_as_json(verb, store):
    code, out = verb(*EVERY, words=("--json",))
    printed = json.loads(out.out)
    assert (code, [claim["name"] for claim in printed["claims"]]) == (1, [claim.name for claim in EVERY])
    kept = list(store.measurements(Selection(run=printed["run"])))
    assert [to_claim(one).verdict for one in kept] == [claim.verdict for claim in EVERY]
    assert [one.status for one in kept] == [Status.OK, Status.OK, Status.FAILED, Status.OK, Status.UNSUPPORTED]


@pytest.mark.parametrize("interrupt", [Interrupted("stopped"), KeyboardInterrupt()])
def test_an_interrupt_keeps_the_claims_that_were_tested(verb, store, interrupt):
    code, _ = verb(HOLDS, interrupt, FAILS)
    assert code == ExitCode.INTERRUPTED
    assert [to_claim(one).name for one in store.measurements()] == ["latency"]
    assert store.runs()[-1].status == "interrupted"


def test_a_planted_workload_that_cannot_be_measured_is_a_claim_that_fails(verb):
    from stopwatt.errors import StopwattError

    code, out = verb(HOLDS, StopwattError("a planted workload gave no result: crashed", when="synthetic"))
    assert code == 1
    assert "gave no result: crashed (synthetic)" in " ".join(out.out.split())


def test_a_worker_that_something_outside_killed_leaves_its_claim_undecided(verb):
    code, out = verb(HOLDS, Killed("a planted workload gave no result: killed", when="synthetic"))
    assert code == 0
    assert "undecided" in out.out


def test_an_unknown_claim_is_refused_with_those_that_there_are(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["selftest", "--only", "latncy"])
    assert stop.value.code == ExitCode.USAGE
    assert "latency" in capsys.readouterr().err


def test_claims_about_a_gpu_need_its_device():
    assert [check.name for check in named((), "cpu")] == [check.name for check in CHECKS if check.device == "cpu"]
    assert named((), "cuda:1") == list(CHECKS)
    with pytest.raises(ValueError, match="another device"):
        named(["latency-cuda"], "cpu")


def test_the_library_has_the_verb(monkeypatch, tmp_path):
    import stopwatt

    monkeypatch.setattr(running, "named", lambda names, device: looking(HOLDS))
    result = stopwatt.selftest("latency", store=str(tmp_path / "own.db"))
    assert [claim.name for claim in result.test.claims] == ["latency"]
    assert not result.test.whole

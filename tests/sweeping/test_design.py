"""Which ways of measuring are tried, in how many rounds, and how long that takes."""

from dataclasses import replace

import pytest

from stopwatt.errors import UsageError
from stopwatt.records import QUICK, Cell, Setup, Workload
from stopwatt.running import Silent
from stopwatt.sweeping import design
from stopwatt.sweeping.design import CLASSIC, Interactions, factorial, follow_up, offered, parts_of, possible, singles
from stopwatt.sweeping.joined import Joined
from stopwatt.sweeping.levels import choose_levels, read_ways
from stopwatt.sweeping.plan import Request, make_plan
from stopwatt.sweeping.stages import LEAST_CALLS, RULES, Question, Stages
from stopwatt.sweeping.waycost import Known, time_of, what_is_known, with_room
from stopwatt.ways import Ablation, Cache, Inputs, Load, Timer, Waiting, Warming, Way, contradiction

CPU, GPU = Setup(threads=2), Setup(device="cuda", threads=2)
FACTS = {"cpu.allowed": 2}
COLD, FIXED = Way(warmup=Warming.NONE), Way(warmup=Warming.FIXED)
UNSYNCHRONISED, AT_END = Way(sync=Waiting.NONE), Way(sync=Waiting.END)
WALL, ZEROS, FLUSHED = Way(timer=Timer.TIME), Way(inputs=Inputs.ZEROS), Way(cache=Cache.FLUSHED)


def levels(setup=CPU, *factors, **given):
    return choose_levels(factors, given, setup, FACTS)[0]


def labels(ways):
    return {way.label for way in ways}


def stages(question=None, **request):
    asked = Request(("synthetic",), backends=("eager",), protocol=RULES, baseline=False, threads=1, **request)
    return Stages.of(asked, question or Question())


# Levels


def test_every_factor_is_tried_and_what_a_cpu_does_not_have_is_left_out_with_its_reason():
    found, left_out = choose_levels((), {}, CPU, FACTS)
    assert labels(singles(found)) == {
        "warmup=none", "warmup=fixed", "sync=none", "sync=end", "timer=time", "timer=benchmark", "inputs=one",
        "inputs=zeros", "cache=flushed", "gc=running", "threads=1", "copies=inside", "idle=1 ms", "idle=10 ms",
        "idle=100 ms", "load=cpu",
    }  # fmt: skip
    assert {one.way.label: one.why for one in left_out} == {
        f"timer={name}": f"timer={name} reads the clock of a GPU, and a CPU has none of its own"
        for name in ("events", "graph", "do_bench")
    }


def test_a_gpu_has_its_own_timers():
    timers = {way.timer for way in singles(levels(GPU, "timer"))}
    assert timers == {Timer.TIME, Timer.BENCHMARK, Timer.EVENTS, Timer.GRAPH, Timer.DO_BENCH}


@pytest.mark.parametrize(("own", "usable", "tried"), [(1, 8, 8), (8, 8, 1), (2, 8, 1)])
def test_threads_are_all_cores_for_a_setup_of_one_thread_and_one_for_others(own, usable, tried):
    assert offered(Setup(threads=own), usable)["threads"] == (tried,)


def test_on_one_core_there_is_no_other_number_of_threads():
    _, left_out = possible(offered(Setup(threads=1), 1), Setup(threads=1))
    assert "threads=1 is what the setup has" in {one.why for one in left_out}


def test_runtimes_that_keep_their_threads_and_run_the_model_themselves_have_fewer_levels():
    tried = labels(singles(levels(replace(CPU, backend="onnxruntime"))))
    assert not tried & {"threads=1", "timer=benchmark"}
    assert "timer=time" in tried


def test_factors_are_chosen_by_name_and_levels_replace_the_usual_ones():
    assert labels(singles(levels(CPU, "sync"))) == {"sync=none", "sync=end"}
    assert labels(singles(levels(CPU, idle=["5ms", 2]))) == {"idle=5 ms", "idle=2 s"}
    assert labels(singles(levels(CPU, "sync", idle=["5ms"]))) == {"sync=none", "sync=end", "idle=5 ms"}
    assert len(levels(CPU, "all", idle=["5ms"])) == len(levels())


def test_levels_of_the_reference_may_be_named_beside_others():
    assert labels(singles(levels(CPU, timer=["perf_counter", "time"], threads=[2, 1]))) == {"timer=time", "threads=1"}


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"timer": ["events"]}, "timer=events reads the clock of a GPU"),
        ({"timer": ["evnts"]}, "unknown level of timer 'evnts'"),
        ({"tymer": ["time"]}, "unknown factor 'tymer'"),
        ({"timer": []}, "timer has no levels"),
        ({"timer": ["perf_counter"]}, "there is no way of measuring to try"),
        ({"idle": ["-1ms"]}, "idle -1ms is out of range"),
        ({"idle": ["1h"]}, "idle 1h is out of range"),
        ({"idle": ["soon"]}, "cannot read 'soon'"),
        ({"threads": ["many"]}, "cannot read 'many' as threads"),
        ({"threads": [900]}, "900 threads are out of range"),
    ],
)
def test_a_level_that_cannot_be_is_refused_where_it_was_asked_for_by_name(given, what):
    with pytest.raises(UsageError, match=what) as refused:
        levels(CPU, **given)
    assert refused.value.now


def test_ways_are_read_as_they_are_labelled():
    wanted = (Way(sync=Waiting.NONE, idle_s=0.01), Way(timer=Timer.TIME, load=Load.CPU))
    assert read_ways([way.label for way in wanted], CPU, FACTS) == wanted
    assert read_ways(["idle = 10ms  sync=none", "sync=none idle=0.01"], CPU, FACTS) == wanted[:1]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "cannot read ''"),
        ("sync", "cannot read 'sync'"),
        ("sync=", "cannot read 'sync='"),
        ("sync=each", "this is the reference"),
        ("sync=none sync=end", "sync is given twice"),
        ("sync=none timer=events", "timer=events reads the clock of a GPU"),
        ("timer=benchmark sync=none", "it decides itself when to wait"),
        ("synch=none", "unknown factor 'synch'"),
    ],
)
def test_a_way_that_cannot_be_is_refused_with_its_place(text, what):
    with pytest.raises(UsageError, match=what) as refused:
        read_ways([text], CPU, FACTS)
    assert f'--way "{text}"' in refused.value.when


# Designs


def test_without_anything_that_matters_only_the_classic_table_follows():
    found = follow_up(levels(), CPU, Interactions.HEREDITY)
    assert all(set(way.changes) <= set(CLASSIC) for way in found.ways)
    assert labels(found.ways) >= {"warmup=none sync=none", "warmup=fixed sync=end timer=time"}
    assert {len(way.changes) for way in found.ways} == {2, 3}
    assert "warmup=none sync=none timer=benchmark" in labels(one.way for one in found.left_out)


def test_a_pair_follows_where_both_of_its_parts_matter():
    classic = follow_up(levels(), CPU, Interactions.HEREDITY).ways
    found = follow_up(levels(), CPU, Interactions.HEREDITY, {UNSYNCHRONISED, ZEROS, FLUSHED})
    assert labels(set(found.ways) - set(classic)) == {
        "sync=none inputs=zeros", "sync=none cache=flushed", "inputs=zeros cache=flushed",
    }  # fmt: skip


def test_levels_of_one_factor_make_no_pair():
    found = follow_up(levels(CPU, "inputs"), CPU, Interactions.HEREDITY, {ZEROS, Way(inputs=Inputs.ONE)})
    assert found.ways == ()


def test_a_pair_that_contradicts_itself_is_left_out_with_its_reason():
    found = follow_up(levels(CPU, "sync", "cache"), CPU, Interactions.HEREDITY, {AT_END, FLUSHED})
    assert found.ways == ()
    (left_out,) = found.left_out
    assert left_out.way == AT_END.merged(FLUSHED)
    assert "would time what is done between them" in left_out.why


def test_nothing_is_tried_together_with_what_could_not_be_measured():
    found = follow_up(levels(), CPU, Interactions.ALL, (), {WALL})
    assert found.ways
    assert not [way for way in found.ways if way.timer is Timer.TIME]


def test_all_pairs_or_none_on_request():
    everything = levels(CPU, "sync", "inputs", "gc")
    assert follow_up(everything, CPU, Interactions.NONE).ways == ()
    pairs = follow_up(everything, CPU, Interactions.ALL).ways
    assert len(pairs) == 2 * 2 + 2 * 1 + 2 * 1


def test_a_full_factorial_has_every_combination_once_and_counts_what_contradicts_itself():
    found = factorial(levels(CPU, *CLASSIC), CPU)
    assert len(found.ways) + len(found.left_out) == 3 * 3 * 3 - 1
    assert len(set(found.ways)) == len(found.ways)
    assert not any(contradiction(way, "cpu") for way in found.ways)
    assert all(contradiction(one.way, "cpu") == one.why for one in found.left_out)
    sizes = [len(way.changes) for way in found.ways]
    assert sizes == sorted(sizes)


def test_too_large_a_factorial_is_counted_before_any_of_it_is_made(monkeypatch):
    monkeypatch.setattr(design, "_combined", None)
    with pytest.raises(UsageError, match="10367 ways") as refused:
        factorial(levels(), CPU)
    assert "3 warmup x 3 sync" in refused.value.when


# Stages


def test_the_first_stage_is_one_cell_with_all_single_changes_and_a_process_for_each_cold_one():
    plan = stages(Question(repeats=3, calls=50)).first()
    (cell,) = plan.cells
    assert cell.protocol.ablation.calls == 50
    assert labels(cell.protocol.ablation.ways) >= {"warmup=none", "sync=none", "load=cpu"}
    assert cell.protocol.rounds == plan.protocol.rounds == 2 * 3


def test_a_time_limit_that_was_asked_for_is_kept():
    assert stages().first().protocol.timeout_s > RULES.timeout_s
    asked = Request(("synthetic",), backends=("eager",), protocol=replace(RULES, timeout_s=60.0), baseline=False)
    assert Stages.of(asked, Question()).first().protocol.timeout_s == 60.0


def test_fewer_calls_than_the_least_of_a_series_are_the_least_too():
    rules = stages(Question(calls=3)).first().protocol.ablation
    assert (rules.calls, rules.least_calls) == (3, 3)
    rules = stages(Question(calls=30)).first().protocol.ablation
    assert (rules.calls, rules.least_calls) == (30, LEAST_CALLS)


def test_the_second_stage_measures_the_parts_of_its_combinations_again_and_is_another_cell():
    made = stages()
    first = made.first()
    second, _ = made.second({UNSYNCHRONISED, ZEROS}, ())
    assert second.cells[0].key != first.cells[0].key
    ways = second.cells[0].protocol.ablation.ways
    combined = [way for way in ways if len(way.changes) > 1]
    assert combined
    assert {way for way in ways if len(way.changes) == 1} == {part for way in combined for part in parts_of(way)}
    assert second.protocol.rounds == 5 * second.protocol.ablation.cycle


def test_the_second_stage_is_the_same_for_the_same_findings_in_any_order():
    matter = [UNSYNCHRONISED, ZEROS, FLUSHED, COLD]
    digests = {stages().second(set(found), ())[0].digest for found in (matter, matter[::-1])}
    assert len(digests) == 1


def test_what_is_to_follow_is_part_of_the_plan():
    digests = {stages(Question(interactions=one)).first().digest for one in Interactions}
    assert len(digests) == 3
    assert stages().first().digest == stages(Question(interactions=Interactions.HEREDITY)).first().digest


def test_named_ways_and_a_full_factorial_have_one_stage():
    for question in (Question(ways=["sync=none", "warmup=none"]), Question(factors=CLASSIC, full=True)):
        made = stages(question)
        assert made.bounds() == (None, None)
        assert made.second({UNSYNCHRONISED, COLD}, ())[0] is None


def test_the_bounds_of_a_second_stage_hold_what_it_turns_out_to_be():
    least, most = stages().bounds()
    found, _ = stages().second({UNSYNCHRONISED, ZEROS}, ())
    ways = [set(plan.protocol.ablation.ways) for plan in (least, found, most)]
    assert ways[0] < ways[1] < ways[2]


def test_a_second_stage_has_no_more_processes_than_there_may_be_and_says_what_it_leaves_out():
    made = stages(Question(repeats=50))
    everything, _ = stages(Question(repeats=5)).second((), (), Interactions.ALL)
    plan, found = made.second((), (), Interactions.ALL)
    assert plan.protocol.rounds == 1000
    beyond = {one.way for one in found.left_out if "processes" in one.why}
    assert set(everything.protocol.ablation.ways) - set(found.ways) == beyond
    assert all(way.cold for way in beyond)


@pytest.mark.parametrize(
    ("question", "what"),
    [
        (Question(ways=["sync=none"], full=True), "--way and --full exclude each other"),
        (Question(ways=["sync=none"], factors=["sync"]), "--way and --factor exclude each other"),
        (Question(full=True, interactions=Interactions.ALL), "--full and --interactions exclude each other"),
        (Question(repeats=0), "--repeats 0 is out of range"),
        (Question(calls=0), "--calls 0 is out of range"),
        (Question(repeats=100, factors=[*CLASSIC, "inputs"], full=True), "processes are too many"),
    ],
)
def test_a_question_that_cannot_be_is_refused(question, what):
    with pytest.raises(UsageError, match=what):
        stages(question).first()


def test_one_workload_in_one_setup_is_measured():
    asked = Request(("mlp",), backends=("eager", "onnxruntime"), protocol=RULES, baseline=False)
    with pytest.raises(UsageError, match="one setup at a time"):
        Stages.of(asked, Question())


def test_plans_with_different_aims_are_different_plans():
    plan = make_plan(Request(("synthetic",), backends=("eager",), threads=1))
    assert len({plan.digest, replace(plan, aim="then more").digest, replace(plan, aim="then all").digest}) == 3


# Time


def cell(ablation, **workload):
    return Cell(Workload("mlp", workload), CPU, replace(QUICK, ablation=ablation))


def test_at_least_the_warm_up_and_the_pauses_are_counted():
    none = time_of(cell(Ablation((UNSYNCHRONISED,))), 4, [])
    pauses = time_of(cell(Ablation((UNSYNCHRONISED, Way(idle_s=0.1)), series=2)), 4, [])
    assert none.low > 0
    assert none.likely is None
    assert pauses.low == pytest.approx(none.low + 4 * 2 * 10 * 0.1)


def test_rounds_of_the_same_cell_tell_the_time_of_a_round_and_those_of_others_that_of_a_call():
    asked = cell(Ablation((UNSYNCHRONISED,), calls=100, seconds=1e9, series=2))
    own = time_of(asked, 3, [Known(2.0, 0.01, 5.0), Known(2.0, 0.01, 7.0)])
    assert own.likely == pytest.approx(3 * 6.0)
    other = time_of(asked, 3, [Known(2.0, 0.01)])
    assert other.likely == pytest.approx(3 * (2.0 + 5 * 100 * 0.01))


def test_what_a_round_took_besides_its_calls_is_read_off_its_phases():
    asked = cell(Ablation((UNSYNCHRONISED,)))
    ordinary = replace(asked, protocol=QUICK)
    phases = {"round": 10.0, "trials": 3.0, "throughput": 0.5, "load": 1.0}
    earlier = [(ordinary, 300, phases), (asked, 500, {"round": 8.0, "ways": 4.0}), (cell(None, hidden=1), 1, phases)]
    first, second = what_is_known(asked, earlier)
    assert (first.rest_s, first.call_s, first.whole_s) == (6.5, 0.01, None)
    assert (second.rest_s, second.call_s, second.whole_s) == (4.0, 0.004, 8.0)


def test_the_time_limit_of_a_round_grows_with_its_series():
    ways = tuple(Way(idle_s=0.001 * number) for number in range(1, 20))
    short, long = (with_room(replace(QUICK, ablation=Ablation(some))) for some in (ways[:1], ways))
    assert QUICK.timeout_s < short.timeout_s < long.timeout_s


# Progress


class Diary(Silent):
    def __init__(self):
        self.seen = []

    def begin(self, total, done):
        self.seen.append(("begin", total, done))

    def saved(self, measurement, done, failed, left_s):
        self.seen.append(("saved", done, failed, left_s))

    def end(self):
        self.seen.append(("end",))


class Round:
    phases = {"round": 2.0}  # noqa: RUF012  (constant)


def test_two_plans_are_one_progress_with_the_time_of_both():
    diary = Diary()
    joined = Joined(diary, to_come=10)
    joined.begin(4, 0)
    joined.saved(Round, 1, 0, 6.0)
    joined.end()
    joined.begin(12, 0)
    joined.saved(Round, 1, 1, 22.0)
    joined.end()
    joined.close()
    assert diary.seen == [
        ("begin", 14, 0), ("saved", 1, 0, 6.0 + 10 * 2.0), ("begin", 16, 4), ("saved", 5, 1, 22.0), ("end",),
    ]  # fmt: skip


def test_going_on_after_a_first_plan_that_is_done_is_said_once_for_both():
    diary = Diary()
    joined = Joined(diary, to_come=10)
    joined.begin(4, 4)
    joined.begin(12, 3)
    assert diary.seen == [("begin", 16, 7)]

"""The coordinator's decisions under any order of events: nothing is lost, nothing is doubled, nobody waits for ever."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.bulk.pipeline.schedule import NO_SLOT, Decode, Fed, Schedule, Todo

GOOD, BAD, LOST = "good", "bad", "lost"


@dataclass
class World:
    """Decoders and lanes that answer in any order, and die; what became of each image."""

    schedule: Schedule
    chance: random.Random
    broken: frozenset = frozenset()  # no image
    kill_decoders: frozenset = frozenset()  # always
    kill_lanes: frozenset = frozenset()
    deaths: int = 0  # that happen by chance
    decoders: dict = field(default_factory=dict)
    lanes: dict = field(default_factory=dict)
    outcomes: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    slots: dict = field(default_factory=dict)

    def start(self, decoders, lanes):
        for name in range(decoders):
            self.decoders[name] = []
            self.schedule.decoder_came(name)
        for name in range(lanes):
            self.lanes[name] = []
            self.schedule.lane_came(name)
        self.carry_out()
        return self

    def run(self):
        for _ in range(100_000):
            if self.schedule.finished:
                return self
            self.once()
        raise AssertionError("it never ends")

    def once(self):
        busy = [(kind, name) for kind in ("decoders", "lanes") for name, has in getattr(self, kind).items() if has]
        assert busy, "everybody waits for somebody else"
        kind, name = self.chance.choice(busy)
        killer = self.deaths > 0 and self.chance.random() < 0.3
        self.deaths -= killer
        (self.decoder if kind == "decoders" else self.lane)(name, dies=killer)
        self.carry_out()

    def carry_out(self):
        for step in self.schedule.steps():
            if isinstance(step, Decode):
                for number, slot in step.pairs:
                    assert self.slots.setdefault(slot, number) == number, "two images in one slot"
                self.decoders[step.decoder].extend(step.pairs)
            else:
                self.lanes[step.lane].append((step.ticket, step.pairs))

    def decoder(self, name, *, dies):
        number, _ = self.decoders[name][0]
        if dies or number in self.kill_decoders:
            self.decoders[name] = []
            for lost in self.schedule.decoder_died(name):
                self.settle(lost, LOST)
            self.schedule.decoder_came(name)
        elif number in self.broken:
            self.decoders[name].pop(0)
            self.settle(number, BAD)
            self.schedule.undecodable(name, number)
        else:
            self.decoders[name].pop(0)
            self.schedule.decoded(name, number)

    def lane(self, name, *, dies):
        """It works on two groups at once: either may be answered first, or kill it."""
        at_work = self.lanes[name][:2]
        ticket, pairs = self.chance.choice(at_work)
        numbers = tuple(number for number, _ in pairs)
        if dies or self.kill_lanes.intersection(number for _, pairs in at_work for number, _ in pairs):
            self.lanes[name] = []
            for lost in self.schedule.lane_died(name):
                self.settle(lost, LOST)
            self.schedule.lane_came(name)
        else:
            self.lanes[name].remove((ticket, pairs))
            self.calls.append(numbers)
            for number in numbers:
                self.settle(number, GOOD)
            self.schedule.answered(name, ticket)

    def settle(self, number, outcome):
        assert number not in self.outcomes, f"image {number} has two outcomes"
        self.outcomes[number] = outcome
        for slot in [slot for slot, held in self.slots.items() if held == number]:
            del self.slots[slot]


def todo(total, batch, done=()):
    known = bytearray(total)
    for number in done:
        known[number] = 1
    return Todo(total, known, batch)


layouts = st.fixed_dictionaries(
    {
        "total": st.integers(0, 60),
        "batch": st.integers(1, 8),
        "decoders": st.integers(1, 4),
        "lanes": st.integers(1, 3),
        "spare": st.integers(0, 12),
        "ahead": st.integers(1, 6),
        "depth": st.integers(1, 3),
        "seed": st.integers(0, 2**32),
    }
)


def world(layout, *, done=(), direct=False, **troubles):
    slots = 0 if direct else layout["batch"] + layout["spare"]
    work = todo(layout["total"], layout["batch"], done)
    schedule = Schedule(work, slots, ahead=layout["ahead"], depth=layout["depth"])
    troubles = {name: frozenset(value) if isinstance(value, set) else value for name, value in troubles.items()}
    return World(schedule, random.Random(layout["seed"]), **troubles).start(layout["decoders"], layout["lanes"])


def fed_world(layout, *, direct, **troubles):
    fed = Fed(layout["batch"])
    slots = 0 if direct else layout["batch"] + layout["spare"]
    schedule = Schedule(fed, slots, ahead=layout["ahead"], depth=layout["depth"])
    seen = World(schedule, random.Random(layout["seed"]), **troubles)
    return fed, seen.start(0 if direct else layout["decoders"], layout["lanes"])


@given(layouts, st.sets(st.integers(0, 59)))
def test_every_image_has_one_outcome_and_groups_depend_on_numbers_only(layout, broken):
    seen = world(layout, broken=broken).run()
    total, batch = layout["total"], layout["batch"]
    assert seen.outcomes == {number: BAD if number in broken else GOOD for number in range(total)}
    groups = [
        tuple(n for n in range(start, min(start + batch, total)) if n not in broken) for start in range(0, total, batch)
    ]
    assert sorted(seen.calls) == sorted(group for group in groups if group)


@given(layouts, st.sets(st.integers(0, 59)), st.integers(0, 20))
def test_deaths_by_chance_lose_and_double_nothing(layout, broken, deaths):
    seen = world(layout, broken=broken, deaths=deaths).run()
    assert set(seen.outcomes) == set(range(layout["total"]))
    assert seen.schedule.waiting == 0


@given(layouts, st.sets(st.integers(0, 59)), st.integers(0, 1))
def test_one_death_changes_no_outcome_and_no_group(layout, broken, deaths):
    disturbed = world(layout, broken=broken, deaths=deaths).run()
    undisturbed = world({**layout, "seed": layout["seed"] + 1}, broken=broken).run()
    assert disturbed.outcomes == undisturbed.outcomes
    assert sorted(disturbed.calls) == sorted(undisturbed.calls)


@given(layouts, st.sets(st.integers(0, 59), max_size=4), st.sets(st.integers(0, 59), max_size=4))
def test_only_images_that_kill_are_given_up(layout, decoder_killers, lane_killers):
    seen = world(layout, kill_decoders=decoder_killers, kill_lanes=lane_killers).run()
    lost = {number for number, outcome in seen.outcomes.items() if outcome == LOST}
    assert lost == {number for number in decoder_killers | lane_killers if number < layout["total"]}


@given(layouts, st.sets(st.integers(0, 59), max_size=4), st.integers(0, 6))
def test_lanes_that_decode_for_themselves_get_the_same_groups(layout, killers, deaths):
    seen = world({**layout, "decoders": 0}, direct=True, kill_lanes=killers, deaths=deaths).run()
    assert set(seen.outcomes) == set(range(layout["total"]))
    if not deaths and not killers:
        assert sorted(seen.calls) == sorted(world(layout).run().calls)


@given(layouts, st.sets(st.integers(0, 59)))
def test_what_is_done_is_done_again_only_beside_what_is_missing(layout, done):
    seen = world(layout, done={number for number in done if number < layout["total"]}).run()
    batch = layout["batch"]
    expected = {
        n
        for n in range(layout["total"])
        for m in range(n // batch * batch, min(n // batch * batch + batch, layout["total"]))
        if m not in done
    }
    assert set(seen.outcomes) == expected


@given(layouts, st.integers(0, 40))
def test_after_a_stop_only_what_lanes_have_is_answered(layout, after):
    seen = world(layout)
    for _ in range(after):
        if not seen.schedule.finished:
            seen.once()
    with_lanes = {number for has in seen.lanes.values() for _, pairs in has for number, _ in pairs}
    before = set(seen.outcomes)
    seen.schedule.stop()
    while not seen.schedule.finished:
        seen.lane(next(name for name, has in seen.lanes.items() if has), dies=False)
        seen.carry_out()
    assert set(seen.outcomes) == before | with_lanes


@given(layouts, st.integers(1, 9), st.integers(0, 30))
def test_another_batch_in_mid_run_loses_nothing(layout, batch, after):
    seen = world({**layout, "spare": layout["spare"] + 9})
    for _ in range(after):
        if not seen.schedule.finished:
            seen.once()
    seen.schedule._todo.batch = batch
    assert set(seen.run().outcomes) == set(range(layout["total"]))
    assert all(len({number // batch for number in call}) == 1 or len(call) <= layout["batch"] for call in seen.calls)


@given(layouts, st.integers(0, 30))
def test_who_is_to_leave_finishes_and_gets_nothing_more(layout, after):
    seen = world({**layout, "decoders": layout["decoders"] + 1, "lanes": layout["lanes"] + 1})
    for _ in range(after):
        if not seen.schedule.finished:
            seen.once()
    seen.schedule.leave(decoders=[0], lanes=[0])
    left = {kind: getattr(seen, kind)[0][:] for kind in ("decoders", "lanes")}
    while not seen.schedule.finished:
        for kind in ("decoders", "lanes"):
            assert all(one in left[kind] for one in getattr(seen, kind)[0])
        seen.once()
    assert seen.schedule.left() == ((0,), (0,))
    assert set(seen.outcomes) == set(range(layout["total"]))


@given(layouts, st.integers(0, 6), st.booleans())
def test_groups_that_are_fed_bit_by_bit_are_all_done_and_it_ends_when_nothing_more_will_come(layout, deaths, direct):
    fed, seen = fed_world(layout, deaths=deaths, direct=direct)
    total, batch = layout["total"], layout["batch"]
    groups = [range(start, min(start + batch, total)) for start in range(0, total, batch)]
    while groups:
        for _ in range(seen.chance.randrange(4)):
            if any(seen.decoders.values()) or any(seen.lanes.values()):
                seen.once()
        some = seen.chance.randint(1, len(groups))
        fed.feed(groups[:some])
        del groups[:some]
        seen.carry_out()
        assert not seen.schedule.finished, "more might have come"
    fed.close()
    seen.carry_out()
    assert set(seen.run().outcomes) == set(range(total))
    assert deaths or sorted(seen.calls) == sorted(world(layout).run().calls)


def test_a_schedule_with_nothing_to_do_waits_until_nothing_more_will_come():
    fed = Fed(4)
    schedule = Schedule(fed, 8)
    schedule.decoder_came(0)
    assert list(schedule.steps()) == []
    fed.feed([range(2)])
    (step,) = schedule.steps()
    assert step.pairs == ((0, 0), (1, 1))
    assert not schedule.finished
    for number in range(2):
        schedule.undecodable(0, number)
        assert list(schedule.steps()) == []
    assert not schedule.finished
    fed.close()
    assert list(schedule.steps()) == []
    assert schedule.finished


def test_a_decoder_has_no_more_images_than_it_may():
    schedule = Schedule(todo(100, 4), 50, ahead=4)
    schedule.decoder_came(0)
    (step,) = schedule.steps()
    assert step == Decode(0, ((0, 0), (1, 1), (2, 2), (3, 3)))
    schedule.decoded(0, 0)
    assert list(schedule.steps()) == []
    schedule.decoded(0, 1)
    assert [len(step.pairs) for step in schedule.steps()] == [2]


def test_images_lost_with_a_decoder_are_tried_alone():
    schedule = Schedule(todo(4, 4), 8, ahead=4)
    schedule.decoder_came(0)
    list(schedule.steps())
    assert schedule.decoder_died(0) == ()
    schedule.decoder_came(1)
    (step,) = schedule.steps()
    assert step.pairs == ((0, 0),)
    assert schedule.decoder_died(1) == (0,)


def test_lanes_share_the_first_groups_evenly():
    schedule = Schedule(todo(8, 1), 0, depth=2)
    for name in range(3):
        schedule.lane_came(name)
    assert [(step.lane, step.pairs) for step in schedule.steps()] == [
        (lane, ((number, NO_SLOT),)) for number, lane in enumerate([0, 1, 2, 0, 1, 2])
    ]


def test_the_last_group_is_as_long_as_what_is_left():
    work = todo(10, 4)
    assert [work.draw() for _ in range(4)] == [range(4), range(4, 8), range(8, 10), None]


@pytest.mark.parametrize("done", [set(), {0, 1, 2, 3}, set(range(9))])
def test_groups_without_a_missing_image_are_passed_over(done):
    drawn, work = [], todo(10, 4, done)
    while (group := work.draw()) is not None:
        drawn.append(group)
    assert drawn == [group for group in (range(4), range(4, 8), range(8, 10)) if not done.issuperset(group)]

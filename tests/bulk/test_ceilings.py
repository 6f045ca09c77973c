"""Ceilings are measured with processes that never wait, and leave these as they were found."""

import os
from collections import deque
from dataclasses import dataclass, field

import pytest

from stopwatt.bulk.judging import reading
from stopwatt.bulk.judging.ceilings import measure_ceilings
from stopwatt.bulk.judging.saturation import rate_of
from stopwatt.bulk.pipeline.crew import Died
from stopwatt.bulk.pipeline.groups import Answer, Group
from stopwatt.bulk.pipeline.orders import Decoded
from stopwatt.bulk.pipeline.stand import Stand
from stopwatt.bulk.records import Layout
from stopwatt.images.item import Failed, Trouble
from stopwatt.images.items import Files, Names
from stopwatt.measuring.job import Answer as Ending
from stopwatt.records import Status
from stopwatt.serving.contract import Placement


@dataclass
class FakeChild:
    """Keeps what it is sent; `crew.news` answers it."""

    pid: int = field(default_factory=os.getpid)
    inbox: deque = field(default_factory=deque)

    def send(self, message):
        self.inbox.append(message)

    def kill(self):
        raise AssertionError("nobody is stuck")


@dataclass(eq=False)
class FakeMember:
    names: tuple
    child: FakeChild = field(default_factory=FakeChild)


@dataclass
class FakeCrew:
    """Answers the oldest message of each member in turn."""

    members: list
    broken: frozenset = frozenset()  # numbers of images that cannot be decoded
    dies_after: int = 1 << 30
    most_owed: int = 0
    used: set = field(default_factory=set)
    groups: list = field(default_factory=list)

    def news(self, _):
        for member in [one for one in self.members if one.child.inbox]:
            self.dies_after -= 1
            if self.dies_after == -1:
                member.child.inbox.clear()
                yield member, Died(Ending(Status.KILLED), "Killed")
                return
            yield member, self.answer(member)

    def answer(self, member):
        waiting = [one for message in member.child.inbox if isinstance(message, list) for one in message]
        slots = [order.slot for order in waiting]
        assert len(slots) == len(set(slots)), "a slot belongs to one order at a time"
        self.used |= {(member.names[0], slot) for slot in slots}
        message = member.child.inbox.popleft()
        if isinstance(message, Group):
            self.groups.append(message)
            return Answer(message.lane, message.ticket, [(number, False, b"") for number, _, _ in message.images], {})
        return [self.decoded(order) for order in message]

    def decoded(self, order):
        if order.number in self.broken:
            return Decoded(order.number, order.slot, None, Failed(Trouble.TRUNCATED, "cut"), 1e-4, 1e-4)
        return Decoded(order.number, order.slot, Placement(8, 8), None, 1e-4, 1e-3)


@pytest.fixture
def files(tmp_path):
    names = [f"{number}.jpg" for number in range(50)]
    for name in names:
        (tmp_path / name).write_bytes(b"x" * 5000)
    return Files(str(tmp_path), Names(os.fsencode(name) for name in names))


def stand_of(files, slots=24, decoders=2, lanes=1, **fake):
    decoding = {name: FakeMember((name,)) for name in range(decoders)}
    inferring = {name: FakeMember((name,)) for name in range(lanes)}
    crew = FakeCrew([*decoding.values(), *inferring.values()], **fake)
    buried = []
    layout = Layout(decoders, lanes, ("cpu",), 4, 8 if slots else 0, 1)
    stand = Stand(
        crew, decoding, inferring, range(slots) if slots else None, files, layout, 2.0,
        lambda member, died: buried.append((member, died)), lambda: False,
    )  # fmt: skip
    return stand, crew, buried


def test_all_three_are_measured_and_nobody_has_work_left(files):
    stand, crew, _ = stand_of(files)
    found = measure_ceilings(stand, turns=2, turn_s=0.02)
    assert found.model > 0
    assert found.decode > 0
    assert found.storage > 0
    assert found.why == {}
    assert not any(member.child.inbox for member in crew.members)


def test_decoders_use_slots_of_their_own(files):
    stand, crew, _ = stand_of(files)
    measure_ceilings(stand, turns=1, turn_s=0.05)
    by_slot = {}
    for name, slot in crew.used:
        by_slot.setdefault(slot, set()).add(name)
    assert len(by_slot) > 2
    assert all(len(names) == 1 for names in by_slot.values())


def test_the_model_gets_full_groups_of_images_that_could_be_decoded(files):
    broken = frozenset(range(0, 50, 2))
    stand, crew, _ = stand_of(files, broken=broken)
    measure_ceilings(stand, turns=1, turn_s=0.02)
    assert crew.groups
    assert all(len(group.images) == 4 for group in crew.groups)
    assert not broken & {number for group in crew.groups for number, _, _ in group.images}


def test_without_any_image_there_is_no_ceiling_of_the_model(files):
    stand, _, _ = stand_of(files, broken=frozenset(range(50)))
    found = measure_ceilings(stand, turns=1, turn_s=0.01)
    assert found.model is None
    assert found.decode is None
    assert found.why["model"] == "no image could be decoded"


def test_a_death_ends_the_measuring_and_is_handed_on_when_the_others_have_answered(files):
    stand, crew, buried = stand_of(files, dies_after=30)
    found = measure_ceilings(stand, turns=1, turn_s=0.05)
    assert [died.last_words for _, died in buried] == ["Killed"]
    assert not any(member.child.inbox for member in crew.members)
    assert found.storage > 0
    assert "a process died while it was measured" in found.why["model"]


def test_without_a_queue_only_reading_is_measured(files):
    stand, _, _ = stand_of(files, slots=0, decoders=0)
    found = measure_ceilings(stand, turns=1, turn_s=0.01)
    assert found.storage > 0
    assert found.decode is None
    assert found.why["decode"] == "workers read and decode for themselves"


def test_missing_files_give_no_storage_ceiling(tmp_path):
    stand, _, _ = stand_of(Files(str(tmp_path), Names([b"a.jpg", b"b.jpg"])))
    found = measure_ceilings(stand, turns=1, turn_s=0.01)
    assert found.storage is None
    assert found.why["storage"] == "no file could be read"


def test_who_shares_cores_is_said(files):
    alone, _, _ = stand_of(files, decoders=1)
    crowded, _, _ = stand_of(files, decoders=4)
    assert measure_ceilings(alone, turns=1, turn_s=0.01).shared.endswith(": a core for each")
    assert "in the run they share them" in measure_ceilings(crowded, turns=1, turn_s=0.01).shared


def test_a_rate_begins_when_every_server_has_answered_once():
    """Two servers that need 1 s each and began together: 2 images a second, whatever the first one waited for."""
    events = [(1.0 + turn, 1) for turn in range(5) for _ in range(2)]
    assert rate_of(events, 2) == pytest.approx(2.0)
    assert rate_of(events[:2], 2) is None


def test_what_was_just_written_is_in_the_page_cache(files):
    share = reading.cached_share([item.path for item in files[:10]])
    assert share in {1.0, None}  # a file system may not tell
    assert reading.cached_share(["/nowhere"]) is None


def test_every_file_is_read_once_and_only_whole_ones_count(files, tmp_path):
    paths = [item.path for item in files] + [str(tmp_path / "missing.jpg")]
    rate, read = reading.files_a_second(paths, 3)
    assert read == 50
    assert rate > 0

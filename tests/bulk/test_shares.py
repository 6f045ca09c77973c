"""Who gets which images of a run on many nodes, under any order of events: nothing is lost, nothing counts twice."""

import random

from hypothesis import given
from hypothesis import strategies as st

from stopwatt.bulk.cluster.shares import Shares

runs = st.fixed_dictionaries(
    {
        "total": st.integers(0, 80),
        "batch": st.integers(1, 8),
        "stretch": st.integers(1, 20),
        "nodes": st.integers(1, 4),
        "deaths": st.integers(0, 6),
        "most": st.integers(1, 40),
        "seed": st.integers(0, 2**32),
    }
)


class World:
    """Nodes that answer in any order, and die; the numbers that each was given and has not answered."""

    def __init__(self, asked, done=frozenset()):
        self.chance = random.Random(asked["seed"])
        self.asked = asked
        self.done = bytearray(asked["total"])
        for number in done:
            self.done[number] = 1
        self.shares = Shares(bytearray(self.done), asked["batch"], asked["stretch"])
        self.owed = {}
        self.settled = []
        self.given = []
        self.came = 0
        for _ in range(asked["nodes"]):
            self.come()

    def come(self):
        name = str(self.came)
        self.came += 1
        self.owed[name] = []
        self.shares.came(name)

    def run(self):
        deaths = self.asked["deaths"]
        while not self.shares.finished:
            for name in self.owed:
                groups = self.shares.give(name, self.asked["most"], self.asked["batch"])
                self.given += groups
                self.owed[name] += [number for group in groups for number in group]
            busy = [name for name, numbers in self.owed.items() if numbers]
            assert busy, "images are left, and nobody has any"
            name = self.chance.choice(busy)
            if deaths and self.chance.random() < 0.2:
                deaths -= 1
                self.shares.lost(name)
                del self.owed[name]
                self.come()
            else:
                number = self.owed[name].pop(self.chance.randrange(len(self.owed[name])))
                if self.shares.settle(name, number):
                    self.settled.append(number)
        return self


@given(runs, st.sets(st.integers(0, 79)))
def test_every_image_is_settled_once_whoever_dies(asked, done):
    done = {number for number in done if number < asked["total"]}
    world = World(asked, done).run()
    assert sorted(world.settled) == [number for number in range(asked["total"]) if number not in done]


@given(runs)
def test_groups_depend_on_numbers_only(asked):
    world = World(asked).run()
    for group in world.given:
        assert group.start % asked["batch"] == 0
        assert len(group) == min(asked["batch"], asked["total"] - group.start)


@given(runs)
def test_without_deaths_no_group_is_given_twice(asked):
    world = World({**asked, "deaths": 0}).run()
    assert len(world.given) == len(set(world.given))


def test_near_the_end_nodes_hold_less():
    shares = Shares(bytearray(100), batch=2)
    for name in "ab":
        shares.came(name)
    sizes = []
    while not shares.finished:
        for name in "ab":
            numbers = [number for group in shares.give(name, most=40, least=2) for number in group]
            sizes.append(shares.has(name))
            for number in numbers:
                shares.settle(name, number)
    assert sizes[0] >= 24
    assert max(sizes[-4:]) <= 2
    assert sizes[:-4] == sorted(sizes[:-4], reverse=True)


def test_frames_of_a_video_that_belong_together_stay_together():
    shares = Shares(bytearray(30), batch=4, stretch=12)
    shares.came("a")
    assert shares.give("a", most=1, least=1) == (range(4), range(4, 8), range(8, 12))


def test_what_a_node_answered_before_it_was_lost_is_not_done_again_beyond_its_group():
    shares = Shares(bytearray(12), batch=4)
    for name in "ab":
        shares.came(name)
    assert shares.give("a", most=12, least=12) == (range(4), range(4, 8), range(8, 12))
    for number in (0, 1, 2, 3, 4):
        shares.settle("a", number)
    assert shares.lost("a") == 8
    assert shares.give("b", most=12, least=12) == (range(4, 8), range(8, 12))
    assert not shares.settle("b", 4)
    assert shares.settle("b", 5)

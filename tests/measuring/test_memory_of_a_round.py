"""Whose memory a round may claim: that of its own cell, not what other cells of a sweep hold."""

import pytest

from stopwatt.devices.memory import HostMemory
from stopwatt.measuring.job import Job, JobKind
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.round import Round
from stopwatt.records import Cell, Measured, Protocol, Setup, Unavailable, Workload


class Gpu:
    """A device that has used a megabyte."""

    def peak_memory(self):
        return Measured(2.0**20, "B")


class Cpu:
    def peak_memory(self):
        return Unavailable("a CPU has no memory of its own")


def memory(device, *, kept, served=0):
    job = Job(JobKind.MEASURE, Cell(Workload("mlp"), Setup(), Protocol()), bundle="", kept=kept, served=served)
    story = Round(job, Phases(lambda _: None))
    story._memory(HostMemory(), device)
    return story.readings


def test_a_process_of_its_own_has_all_of_the_device_to_itself():
    assert memory(Gpu(), kept=False)["device_memory"] == Measured(2.0**20, "B")


@pytest.mark.parametrize("served", [0, 3])
def test_a_process_that_is_kept_shares_the_device_with_those_of_other_cells(served):
    assert "other cells" in memory(Gpu(), kept=True, served=served)["device_memory"].why


def test_the_first_cell_of_a_process_has_the_host_memory_to_itself_and_later_ones_do_not():
    assert isinstance(memory(Cpu(), kept=True)["host_memory"], Measured)
    assert "other cells" in memory(Cpu(), kept=True, served=1)["host_memory"].why


@pytest.mark.parametrize("kept", [False, True])
def test_a_device_without_memory_keeps_its_own_reason(kept):
    assert memory(Cpu(), kept=kept)["device_memory"].why == "a CPU has no memory of its own"

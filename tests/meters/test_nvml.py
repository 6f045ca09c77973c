import sys
from types import SimpleNamespace

import pytest

from stopwatt.devices import nvml as driver
from stopwatt.energy import Scope
from stopwatt.meters.base import Follower, Gone
from stopwatt.meters.nvml import Nvml
from stopwatt.records import Unavailable


class NVMLError(Exception):
    def __init__(self, value):
        super().__init__({3: "Not Supported", 4: "Insufficient Permissions", 15: "GPU is lost"}.get(value, "Unknown"))
        self.value = value


class Board(SimpleNamespace):
    """A GPU; an attribute that is an error code is refused."""

    def __init__(self, **changes):
        plain = {
            "uuid": "GPU-aaa", "name": "NVIDIA H200", "energy": 5_000, "usage": 101_000, "average": 100_000,
            "instant": 120_000, "limit": 700_000, "sm": 1410, "mem": 2619, "temperature": 41, "load": 80,
            "used": 2**30, "reasons": 4, "pids": [], "mig": None,
        }  # fmt: skip
        super().__init__(**{**plain, **changes})

    def say(self, name):
        value = getattr(self, name)
        if isinstance(value, NVMLError):
            raise value
        return value


class Library:
    """What stands for the module `pynvml`."""

    NVMLError = NVMLError
    NVML_SUCCESS, NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_GPU_IS_LOST = 0, 3, 15
    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0
    NVML_FI_DEV_POWER_AVERAGE, NVML_FI_DEV_POWER_INSTANT = 185, 186

    def __init__(self, *boards):
        self.boards = boards

    def nvmlInit(self):  # noqa: N802  (as in NVML)
        pass

    def nvmlDeviceGetFieldValues(self, gpu, fields):  # noqa: N802
        value = getattr(gpu, {185: "average", 186: "instant"}[fields[0]])
        if isinstance(value, NVMLError):
            return [SimpleNamespace(nvmlReturn=value.value)]
        return [SimpleNamespace(nvmlReturn=0, valueType=1, value=SimpleNamespace(uiVal=value))]

    def nvmlDeviceGetMigMode(self, gpu):  # noqa: N802
        if gpu.mig is None:
            raise NVMLError(3)
        return [gpu.mig, gpu.mig]

    def __getattr__(self, name):
        calls = {
            "nvmlDeviceGetCount": lambda: len(self.boards),
            "nvmlDeviceGetHandleByIndex": lambda index: self.boards[index],
            "nvmlDeviceGetHandleByUUID": lambda uuid: SimpleNamespace(board=self.boards[0]),
            "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": lambda part: part.board,
            "nvmlDeviceGetIndex": self.boards.index,
            "nvmlDeviceGetUUID": lambda gpu: gpu.uuid,
            "nvmlDeviceGetName": lambda gpu: gpu.name,
            "nvmlDeviceGetTotalEnergyConsumption": lambda gpu: gpu.say("energy"),
            "nvmlDeviceGetPowerUsage": lambda gpu: gpu.say("usage"),
            "nvmlDeviceGetEnforcedPowerLimit": lambda gpu: gpu.say("limit"),
            "nvmlDeviceGetClockInfo": lambda gpu, clock: gpu.say({1: "sm", 2: "mem"}[clock]),
            "nvmlDeviceGetTemperature": lambda gpu, sensor: gpu.say("temperature"),
            "nvmlDeviceGetUtilizationRates": lambda gpu: SimpleNamespace(gpu=gpu.say("load")),
            "nvmlDeviceGetMemoryInfo": lambda gpu: SimpleNamespace(used=gpu.say("used")),
            "nvmlDeviceGetCurrentClocksEventReasons": lambda gpu: gpu.say("reasons"),
            "nvmlDeviceGetComputeRunningProcesses": lambda gpu: [SimpleNamespace(pid=pid) for pid in gpu.say("pids")],
        }
        if name not in calls:
            raise AttributeError(name)
        return calls[name]


@pytest.fixture
def machine(build, monkeypatch):
    """Processes with their parents: 10 asked for sampling and has the children 11 (measured) and 12 (sampler)."""
    parents = {1: 0, 10: 1, 11: 10, 12: 10, 77: 1, 78: 1}
    host = build({f"proc/{pid}/stat": stat(pid, parent) for pid, parent in parents.items()})
    monkeypatch.setattr("os.getppid", lambda: 10)
    monkeypatch.setattr("os.getpid", lambda: 12)
    return host


def stat(pid, parent, started=500):
    return f"{pid} (a name) S {parent} " + " ".join(["0"] * 17) + f" {started}"


def gpus(machine, *boards, device="", match=True):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stopwatt.meters.neighbours.numbers_match", lambda host: match)
        return Nvml(Library(*boards), machine).find(device)


def test_a_board_says_everything_in_base_units(machine):
    (one,) = gpus(machine, Board())
    assert (one.about.name, one.about.scope, one.about.identity) == ("gpu-0", Scope.GPU, "GPU-aaa")
    assert one.count() == 5.0
    assert one.state() == {
        "power": 100.0, "power_instant": 120.0, "power_limit": 700.0, "sm_clock": 1410.0, "memory_clock": 2619.0,
        "temperature": 41.0, "utilisation": 80.0, "memory_used": 2.0**30, "slowdown": 4.0, "others": 0.0,
    }  # fmt: skip


def test_a_device_has_its_own_board_only(machine):
    boards = Board(uuid="GPU-aaa"), Board(uuid="GPU-bbb")
    assert [one.about.name for one in gpus(machine, *boards)] == ["gpu-0", "gpu-1"]
    assert [one.about.identity for one in gpus(machine, *boards, device="cuda:1")] == ["GPU-bbb"]
    assert gpus(machine, *boards, device="cpu") == ()
    assert "knows 2 GPU(s)" in gpus(machine, *boards, device="cuda:7").why


def test_a_board_that_does_not_average_names_what_its_power_means(machine):
    no = NVMLError(3)
    (one,) = gpus(machine, Board(average=no, instant=no))
    assert one.state()["power"] == 101.0
    assert "power_instant" not in one.state()
    assert any("nvmlDeviceGetPowerUsage" in quirk for quirk in one.about.quirks)
    (other,) = gpus(machine, Board())
    assert not any("nvmlDeviceGetPowerUsage" in quirk for quirk in other.about.quirks)


def test_a_power_field_of_zero_is_no_power(machine):
    (one,) = gpus(machine, Board(average=0))
    assert one.state()["power"] == 101.0


def test_a_board_without_a_counter_or_without_permission_says_so(machine):
    (one,) = gpus(machine, Board(energy=NVMLError(3), pids=NVMLError(4)))
    assert one.count() is None
    assert "others" not in one.state()
    assert "it has no energy counter: NVML: Not Supported" in one.about.quirks
    assert "the driver does not tell who uses it: NVML: Insufficient Permissions" in one.about.quirks


def test_the_energy_of_a_divided_board_is_refused(machine):
    assert "MIG mode" in gpus(machine, Board(mig=1))[0].about.refused
    assert gpus(machine, Board(mig=0))[0].about.refused == ""
    assert gpus(machine, Board())[0].about.refused == ""


def test_a_part_of_a_board_is_read_as_the_whole_and_refused(machine, build):
    host = build({}, CUDA_VISIBLE_DEVICES="MIG-123")
    (one,) = Nvml(Library(Board(mig=1)), host).find("cuda")
    assert (one.about.name, bool(one.about.refused)) == ("gpu-0", True)


def test_a_lost_board_is_gone_and_a_refusal_for_once_is_not(machine):
    board = Board()
    (one,) = gpus(machine, board)
    board.energy = board.temperature = NVMLError(999)
    assert one.count() is None
    assert "temperature" not in one.state()
    board.energy = board.temperature = NVMLError(15)
    for read in (one.count, one.state):
        with pytest.raises(Gone, match="GPU is lost"):
            read()


def test_a_foreign_process_is_counted_on_its_board_only(machine):
    clean, shared = gpus(machine, Board(pids=[11]), Board(pids=[77, 78, 11, 10]))
    for one in (clean, shared):
        assert isinstance(one, Follower)
        one.follow(11)
    assert (clean.state()["others"], shared.state()["others"]) == (0, 2)


def test_in_a_container_the_process_that_appears_with_ours_is_ours(machine):
    board = Board(pids=[])
    (one,) = gpus(machine, board, match=False)
    (machine.root / "proc/11/stat").write_text(stat(11, 10, started=900))
    one.follow(11)
    board.pids = [40_011]
    assert one.state()["others"] == 0
    board.pids = [40_011, 40_077]
    assert one.state()["others"] == 1, "one process is measured, and two have appeared"
    assert any("container" in quirk for quirk in one.about.quirks)


def test_in_a_container_one_that_was_there_before_is_foreign(machine):
    board = Board(pids=[40_077])
    (one,) = gpus(machine, board, match=False)
    (machine.root / "proc/11/stat").write_text(stat(11, 10, started=900))
    one.follow(11)
    board.pids = [40_077, 40_011]
    assert one.state()["others"] == 1


def test_in_a_container_nothing_is_said_where_it_cannot_be_known(machine):
    board = Board(pids=[40_077])
    (one,) = gpus(machine, board, match=False)
    one.follow(11)  # older than the sampler: it may be the one that was there
    assert "others" not in one.state()


def test_in_a_container_whose_numbers_are_translated_they_count(machine):
    (one,) = gpus(machine, Board(pids=[11, 77]), match=False)
    one.follow(11)
    assert one.state()["others"] == 1


def test_that_cuda_may_count_otherwise_is_said_where_it_may(machine, build):
    mixed = Board(name="NVIDIA A100"), Board(name="NVIDIA T4")
    assert any("CUDA_DEVICE_ORDER" in quirk for quirk in gpus(machine, *mixed)[0].about.quirks)
    host = build({}, CUDA_DEVICE_ORDER="PCI_BUS_ID")
    assert not any("CUDA_DEVICE_ORDER" in quirk for quirk in Nvml(Library(*mixed), host).find()[0].about.quirks)


def test_without_a_driver_no_library_is_touched(monkeypatch):
    monkeypatch.setattr(driver, "driver_is_present", lambda: False)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Nvml().find("cuda") == Unavailable("no NVIDIA driver is loaded on this machine")


def test_a_module_of_somebody_else_is_not_used(monkeypatch):
    monkeypatch.setattr(driver, "driver_is_present", lambda: True)
    monkeypatch.setattr(driver, "unofficial_module", lambda: "not NVIDIA's")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Nvml().find("cuda") == Unavailable("not NVIDIA's")


@pytest.mark.gpu
def test_a_real_gpu_says_at_least_power_clock_and_temperature():
    found = Nvml().find("cuda")
    assert not isinstance(found, Unavailable), found
    (one,) = found
    reading = one.state()
    assert {"power", "sm_clock", "temperature", "memory_used"} <= set(reading)
    assert 1 < reading["power"] < 2000
    before, after = one.count(), one.count()
    assert before is None or 0 < before <= after

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from machines import LAPTOP

from stopwatt.devices.fact import Role
from stopwatt.devices.facts import (
    FACTS,
    GPU_FACTS,
    HOST_FACTS,
    host_facts,
    identity_differences,
    machine_identity,
    read_facts,
)
from stopwatt.devices.host import cpu_list
from stopwatt.records import Unavailable


def test_each_fact_has_a_name_of_its_own():
    assert len(FACTS) == len(HOST_FACTS) + len(GPU_FACTS)


def test_a_laptop_is_described_as_it_is(laptop):
    facts = read_facts("cpu", host=laptop).values
    assert facts["cpu.model"] == "Intel Core i7"
    assert facts["cpu.stepping"] == "GenuineIntel 6 140 1"
    assert facts["cpu.isa"] == "avx2 avx512f avx512_vnni"
    assert (facts["cpu.logical"], facts["cpu.physical"], facts["cpu.allowed"]) == (4, 2, 3)
    assert facts["cpu.quota"] == 1.5
    assert facts["cpu.numa_nodes"] == 2
    assert facts["cpu.governor"] == "powersave"
    assert facts["cpu.max_clock"] == 4700.0
    assert facts["cpu.turbo"] is False
    assert facts["cpu.smt"] is True
    assert facts["cpu.virtual"] is False
    assert facts["cpu.temperature"] == 47.0
    assert facts["cpu.thermal_throttles"] == 7
    assert facts["cpu.load"] == 0.25
    assert facts["memory.total"] == 16_000_000 * 1024
    assert facts["memory.limit"] == 4 * 2**30
    assert facts["memory.huge_pages"] == "madvise"
    assert facts["power.source"] == "battery"
    assert facts["os.name"] == "Debian GNU/Linux 12"
    assert facts["os.kernel"] == "6.1.0"


def test_an_empty_machine_gives_reasons_and_no_zeros(build):
    facts = read_facts("cpu", host=build({}))
    of_this_process = {"python.version", "process.allocator", "process.preload"}
    of_variables = {"env.tuning", "env.threads", "env.visible_gpus"}
    assert facts.values.keys() == of_this_process | of_variables
    assert all(facts.unavailable.values())
    assert facts.values.keys() | facts.unavailable.keys() == {fact.name for fact in HOST_FACTS}


def test_a_file_written_otherwise_costs_its_own_fact_only(build):
    facts = read_facts("cpu", host=build({**LAPTOP, "proc/loadavg": "busy"}))
    assert "could not be read" in facts.unavailable["cpu.load"]
    assert facts.values["cpu.model"] == "Intel Core i7"


def test_a_virtual_machine_is_told_by_its_cpu_flags(build):
    host = build({"proc/cpuinfo": "processor : 0\nvendor_id : AuthenticAMD\nflags : avx2 hypervisor"})
    assert read_facts("cpu", host=host).values["cpu.virtual"] is True


def test_a_virtual_arm_machine_is_told_by_its_firmware(build):
    host = build(
        {"proc/cpuinfo": "processor : 0\nFeatures : asimd", "sys/class/dmi/id/product_name": "KVM Virtual Machine"}
    )
    assert read_facts("cpu", host=host).values["cpu.virtual"] is True


def test_an_arm_machine_has_its_cores_counted_from_the_topology(build):
    text = "\n\n".join(
        f"processor\t: {n}\nFeatures\t: asimd bf16\nCPU implementer\t: 0x41\nCPU part\t: 0xd40" for n in (0, 1)
    )
    topology = {f"sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": str(n) for n in (0, 1)}
    facts = read_facts("cpu", host=build({"proc/cpuinfo": text, **topology})).values
    assert facts["cpu.physical"] == 2
    assert facts["cpu.stepping"] == "0x41 0xd40"
    assert facts["cpu.isa"] == "asimd bf16"


def test_cores_with_different_governors_are_all_named(build):
    host = build({**LAPTOP, "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance"})
    assert read_facts("cpu", host=host).values["cpu.governor"] == "performance, powersave"


def test_a_core_that_may_not_be_used_does_not_speak_for_the_governor(build):
    host = build({**LAPTOP, "sys/devices/system/cpu/cpu3/cpufreq/scaling_governor": "performance"})
    assert read_facts("cpu", host=host).values["cpu.governor"] == "powersave"


def test_a_preloaded_allocator_is_named(build):
    facts = read_facts("cpu", host=build({}, LD_PRELOAD="/usr/lib/libtcmalloc.so.4:/opt/libiomp5.so")).values
    assert facts["process.allocator"] == "tcmalloc"
    assert facts["process.preload"] == "libtcmalloc.so.4 libiomp5.so"


def test_settings_of_libraries_are_kept_apart_from_thread_numbers_and_everything_else(build):
    facts = read_facts("cpu", host=build({}, KMP_BLOCKTIME="1", OMP_NUM_THREADS="2", MY_HOST="private")).values
    assert facts["env.tuning"] == "KMP_BLOCKTIME=1"
    assert facts["env.threads"] == "OMP_NUM_THREADS=2"


def test_the_identity_is_the_same_under_another_load_and_thread_number():
    one = {"cpu.model": "A", "cpu.load": 0.1, "env.threads": "OMP_NUM_THREADS=1"}
    other = {"env.threads": "OMP_NUM_THREADS=8", "cpu.load": 3.0, "cpu.model": "A", "clock_tick_ns": 40}
    assert machine_identity(one) == machine_identity(other)


@pytest.mark.parametrize("name", [fact.name for fact in FACTS.values() if fact.role is Role.IDENTITY])
def test_the_identity_changes_with_every_identity_fact(name):
    assert machine_identity({name: 1}) != machine_identity({name: 2}) != machine_identity({})


def test_differences_are_told_in_words():
    differences = identity_differences({"cpu.model": "A", "cpu.turbo": True}, {"cpu.model": "B", "cpu.load": 2.0})
    assert list(differences) == ["CPU: A / B", "turbo: yes / -"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("cpu.smt", True, "yes"),
        ("cpu.logical", 64, "64"),
        ("memory.total", 16 * 2**30, "16.0 GiB"),
        ("gpu.power_limit", 700.0, "700 W"),
        ("gpu.sm_clock", 1980.0, "1980 MHz"),
        ("cpu.temperature", 47.0, "47.0 °C"),
    ],
)
def test_facts_are_shown_with_their_units(name, value, text):
    assert FACTS[name].format(value) == text


def test_values_have_the_registered_type(laptop):
    for name, value in read_facts("cpu", host=laptop).values.items():
        assert type(value) is FACTS[name].kind, name


def test_this_machine_tells_what_decides_the_threads():
    facts = host_facts()
    assert facts["cpu.allowed"] >= 1
    assert facts["memory.total"] > 2**20


def test_reading_the_host_is_quick():
    read_facts()
    begin = time.process_time()  # CPU time of this process: other programs do not count
    read_facts()
    assert time.process_time() - begin < 0.05


def test_reading_the_host_imports_no_torch():
    code = "import sys; from stopwatt.devices.facts import host_facts; host_facts(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_facts_of_a_gpu_that_is_not_there_say_why(monkeypatch):
    monkeypatch.setattr("stopwatt.devices.nvml.driver_is_present", lambda: False)
    facts = read_facts("cuda")
    assert {name for name in facts.values if name.startswith("gpu.")} == set()
    assert facts.unavailable["gpu.name"] == "no NVIDIA driver is loaded on this machine"


def test_the_cpu_alone_does_not_ask_for_a_gpu(laptop):
    facts = read_facts("cpu", host=laptop)
    assert not any(name.startswith("gpu.") for name in (*facts.values, *facts.unavailable))


@pytest.mark.parametrize(("text", "cpus"), [("0-3,8", {0, 1, 2, 3, 8}), ("5", {5}), ("", set())])
def test_lists_of_cpus_are_read_as_the_kernel_writes_them(text, cpus):
    assert cpu_list(text) == cpus


def test_every_fact_is_explained_in_the_documentation():
    page = (Path(__file__).parents[2] / "docs" / "environment.md").read_text()
    documented = set(re.findall(r"`([a-z]+\.[a-z_]+)`", page))
    assert {fact.name for fact in FACTS.values()} <= documented


def test_a_reading_that_is_missing_is_a_type_of_its_own(build):
    from stopwatt.devices.fact import machine_of

    assert isinstance(FACTS["cpu.turbo"].read(machine_of(build({}))), Unavailable)


def test_the_slow_library_is_only_a_fallback(build, monkeypatch):
    monkeypatch.setitem(sys.modules, "cpuinfo", None)  # importing it would fail
    host = build({"proc/cpuinfo": "processor : 0\nCPU part : 0xd40"})
    assert "cpu.model" in read_facts("cpu", host=host).unavailable

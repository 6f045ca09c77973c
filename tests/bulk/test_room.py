"""Cores and memory that a run may take, on machines that are folders."""

import os

from stopwatt.bulk.pipeline.room import cores_allowed, memory_left, memory_of
from stopwatt.devices.host import Host, fields

GIB = 1 << 30
MOUNT = "30 29 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


def machine(root, **files):
    stated = {
        "proc/meminfo": f"MemTotal: {64 << 20} kB\nMemAvailable: {32 << 20} kB\n",
        "proc/self/mountinfo": MOUNT,
        "proc/self/cgroup": "0::/\n",
        "proc/self/status": "Cpus_allowed_list:\t0-7\n",
    } | files
    for name, text in stated.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(root)


def test_without_control_groups_the_machine_says_what_is_left(tmp_path):
    assert memory_left(machine(tmp_path)) == 32 * GIB


def test_a_control_group_leaves_less_and_unused_file_pages_are_free(tmp_path):
    group = {
        "sys/fs/cgroup/memory.max": str(8 * GIB),
        "sys/fs/cgroup/memory.current": str(6 * GIB),
        "sys/fs/cgroup/memory.stat": f"anon {GIB}\ninactive_file {3 * GIB}\n",
    }
    assert memory_left(machine(tmp_path, **group)) == 5 * GIB


def test_a_quota_counts_in_parts_of_cores(tmp_path):
    host = machine(tmp_path, **{"sys/fs/cgroup/cpu.max": "150000 100000"})
    assert cores_allowed(host) == 1.5


def test_where_nobody_says_anything_nothing_is_known(tmp_path):
    assert memory_left(Host(tmp_path)) is None


def test_a_process_needs_what_the_largest_of_its_kind_has_for_itself(tmp_path):
    held = {f"proc/{pid}/status": f"VmRSS: 900000 kB\nRssAnon:\t{kib} kB\n" for pid, kib in ((7, 100), (8, 300))}
    host = machine(tmp_path, **held)
    assert memory_of([7, 8], host) == 300 << 10
    assert memory_of([7, 9], host) == 100 << 10, "9 has ended"
    assert memory_of([], host) == memory_of([9], host) == 0


def test_a_process_that_runs_has_memory_for_itself_and_less_than_is_resident():
    host = Host()
    resident = int(fields(host.text(f"proc/{os.getpid()}/status"), ":")["VmRSS"].split()[0]) << 10
    assert 0 < memory_of([os.getpid()]) < resident

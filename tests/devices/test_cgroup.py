from pathlib import PurePosixPath

from machines import V2

from stopwatt.devices import cgroup

V1 = (
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
)


def test_without_groups_there_is_no_limit(build):
    host = build({})
    assert cgroup.cpu_quota(host) is None
    assert cgroup.memory_limit(host) is None
    assert cgroup.throttling(host) is None


def test_the_tightest_limit_on_the_path_counts(laptop):
    assert cgroup.cpu_quota(laptop) == 1.5
    assert cgroup.memory_limit(laptop) == 2**32


def test_throttling_of_an_ancestor_counts(laptop):
    assert cgroup.throttling(laptop) == cgroup.Throttling(4, 0.25)


def test_version_1_is_read_in_its_own_units(build):
    host = build(
        {
            "proc/self/mountinfo": V1,
            "proc/self/cgroup": "9:memory:/job\n1:cpu,cpuacct:/job",
            "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "50000",
            "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu/job/cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 1500000000",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1073741824",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        }
    )
    assert cgroup.cpu_quota(host) == 0.5
    assert cgroup.memory_limit(host) == 2**30
    assert cgroup.throttling(host) == cgroup.Throttling(3, 1.5)


def test_version_1_without_limits_has_none(build):
    host = build(
        {
            "proc/self/mountinfo": V1,
            "proc/self/cgroup": "9:memory:/\n1:cpu,cpuacct:/",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        }
    )
    assert cgroup.cpu_quota(host) is None
    assert cgroup.memory_limit(host) is None


def test_in_a_container_whose_path_is_not_visible_the_mount_is_the_group(build):
    host = build(
        {
            "proc/self/mountinfo": V2,
            "proc/self/cgroup": "0::/docker/0123abc",
            "sys/fs/cgroup/cpu.max": "200000 100000",
        }
    )
    assert cgroup.cpu_quota(host) == 2.0
    assert list(cgroup.groups(host, "cpu")) == [(2, PurePosixPath("/sys/fs/cgroup"))]


def test_a_bind_mounted_group_is_found_below_its_root(build):
    host = build(
        {
            "proc/self/mountinfo": "30 1 0:26 /docker/0123abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
            "proc/self/cgroup": "0::/docker/0123abc/worker",
            "sys/fs/cgroup/worker/cpu.max": "300000 100000",
        }
    )
    assert cgroup.cpu_quota(host) == 3.0

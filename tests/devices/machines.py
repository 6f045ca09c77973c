"""Files of machines that nobody owns."""

V2 = "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
LAPTOP = {
    "proc/cpuinfo": "\n\n".join(
        f"processor\t: {number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 140\n"
        f"model name\t: Intel Core i7\n"
        f"stepping\t: 1\nphysical id\t: 0\ncore id\t\t: {number // 2}\nflags\t\t: fpu avx2 avx512f avx512_vnni"
        for number in range(4)
    ),
    "proc/self/status": "Name:\tpython\nVmHWM:\t    2048 kB\nCpus_allowed_list:\t0-2",
    "proc/self/mountinfo": V2,
    "proc/self/cgroup": "0::/user.slice/job",
    "proc/loadavg": "0.25 0.10 0.05 1/200 1234",
    "proc/meminfo": "MemTotal:       16000000 kB\nMemAvailable:   8000000 kB",
    "proc/pressure/cpu": "some avg10=1.50 avg60=0.00 avg300=0.00 total=1",
    "proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1",
    "proc/sys/kernel/osrelease": "6.1.0",
    "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12"',
    "sys/devices/system/cpu/smt/active": "1",
    "sys/devices/system/cpu/intel_pstate/no_turbo": "1",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
    "sys/devices/system/node/online": "0-1",
    "sys/class/dmi/id/product_name": "Laptop",
    "sys/class/hwmon/hwmon3/name": "coretemp",
    "sys/class/hwmon/hwmon3/temp1_input": "47000",
    "sys/class/power_supply/BAT0/status": "Discharging",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    "sys/fs/cgroup/user.slice/cpu.max": "150000 100000",
    "sys/fs/cgroup/user.slice/memory.max": "4294967296",
    "sys/fs/cgroup/user.slice/job/cpu.max": "max 100000",
    "sys/fs/cgroup/user.slice/job/memory.max": "max",
    "sys/fs/cgroup/user.slice/cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_usec 250000",
    "sys/fs/cgroup/user.slice/job/cpu.stat": "nr_periods 10\nnr_throttled 0\nthrottled_usec 0",
    **{f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_governor": "powersave" for number in range(4)},
    **{f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_driver": "intel_pstate" for number in range(4)},
    **{f"sys/devices/system/cpu/cpu{number}/cpufreq/cpuinfo_max_freq": "4700000" for number in range(4)},
    **{f"sys/devices/system/cpu/cpu{number}/thermal_throttle/package_throttle_count": "7" for number in range(4)},
}  # fmt: skip

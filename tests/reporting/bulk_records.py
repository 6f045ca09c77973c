"""A record of a bulk run with something in every place."""

from stopwatt.bulk.records import Bottleneck, Ceilings, Idle, Layout, Record, Stage, Tick

SECOND = 1_000_000_000
LAYOUT = Layout(2, 2, ("cuda:0", "cuda:1"), 8, 32, 1)
CEILINGS = Ceilings(
    50.0, 20.0, None, "2 decoders and 2 workers on 4 cores: a core for each", {"storage": "no file could be read"},
    30.0, "no file was in the page cache", LAYOUT,
)  # fmt: skip


def tick(second, **more):
    stage_s = {Stage.READ: 0.02 * second, Stage.DECODE: 2.0 * second, Stage.MODEL: 0.4 * second, Stage.WRITE: 0.01}
    known = {
        "readings": {"gpu-0.utilisation": 40.0 + second % 2, "gpu-0.power": 210.0},
        "idle_s": {Idle.QUEUE_EMPTY: 0.6 * second, Idle.WORKERS: 1.2 * second, Idle.DECODERS: 0.0},
    }
    return Tick(
        second * SECOND, 20 * second, 0, (12 * second, 8 * second), 2, 32, 1, 0, 0, stage_s, 2.1 * second, 1 << 30,
        **(known | more),
    )  # fmt: skip


def record(**more):
    known = {
        "images": 205,
        "done": 200,
        "failed": {"truncated": 3, "missing": 2},
        "seconds": 10.0,
        "images_per_s": 20.5,
        "layout": LAYOUT,
        "bottleneck": Bottleneck(
            "decode",
            "decode-bound: the model waited 60 % of the time for images",
            "4 more decoders are worth up to 1.9 x",
        ),
        "ceilings": CEILINGS,
        "ticks": tuple(tick(second) for second in range(11)),
        "restarts": 1,
        "energy": {
            "gpu.joules": 2100.0,
            "gpu.joules_per_image": 10.5,
            "gpu.verdict": "suspect",
            "gpu.why": "counter and power field disagree",
            "package.joules": None,
            "package.joules_per_image": None,
            "package.verdict": "unavailable",
            "package.why": "no RAPL: virtual machine",
        },
        "facts": {"model": "detector", "data": "205 images"},
        "notes": ("batch 8 in place of 16",),
    }
    return Record(**(known | more))

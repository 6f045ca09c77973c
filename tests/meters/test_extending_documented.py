"""The meter of another package, as docs/extending.md shows it."""

import importlib.util
import re
import time
from pathlib import Path

import pytest

from stopwatt.energy import CHANNELS
from stopwatt.meters.base import Gone
from stopwatt.meters.sampling import Sampling
from stopwatt.records import Unavailable

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The example as a package that is installed, with its sensors in a folder of the test."""
    text = PAGE.read_text(encoding="utf-8")
    code = re.search(r"```python\n(# my_meter\.py\n.*?)```", text, re.DOTALL)[1]
    points = re.search(r"```toml\n\[project\.entry-points\.\"stopwatt\.meters\"\]\n(.*?)```", text, re.DOTALL)[1]
    sensors = tmp_path / "hwmon"
    (tmp_path / "my_meter.py").write_text(code.replace("/sys/class/hwmon", str(sensors)))
    info = tmp_path / "my_meter-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-meter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[stopwatt.meters]\n{points.replace(chr(34), '')}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    spec = importlib.util.spec_from_file_location("my_meter", tmp_path / "my_meter.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, sensors


def sensor(folder, microwatts):
    path = folder / "hwmon0" / "power1_average"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{microwatts}\n")
    return path


def test_without_a_sensor_it_says_why(package):
    module, _ = package
    assert module.Hwmon().find("cpu") == Unavailable("no sensor of the kernel reads power here")


def test_it_keeps_the_contract(package):
    module, folder = package
    path = sensor(folder, 42_500_000)
    (one,) = module.Hwmon().find("cpu")
    assert (one.count(), one.state()) == (None, {"power": 42.5})
    assert set(one.state()) <= set(CHANNELS)
    path.unlink()
    with pytest.raises(Gone, match="cannot be read any more"):
        one.state()


def test_it_is_sampled_like_a_built_in_one(package, eventually):
    _, folder = package
    sensor(folder, 42_500_000)
    with Sampling("cpu", energy=True, meters=["hwmon"]) as sampling:

        def read():
            begin = time.monotonic_ns()
            time.sleep(0.5)
            (trace,) = sampling.take(begin, time.monotonic_ns())
            assert (trace.about.name, trace.gone) == ("board-0", "")
            return set(trace.channels.get("power", ()))

        assert eventually(read) == {42.5}

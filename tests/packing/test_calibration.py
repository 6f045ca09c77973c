"""Packs of int8 that are calibrated on the user's own data."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import stopwatt
from stopwatt.datasets.opening import calibration_of
from stopwatt.errors import StopwattError, UsageError
from stopwatt.reporting.pack import show_pack

PLAIN = f"{Path(__file__).parent}/packed_models.py:plain"


@pytest.fixture
def photos(tmp_path):
    """Makes a folder of six pictures of noise no brighter than a value, of the size that the model takes."""

    def make(brightest, name="photos"):
        folder, generator = tmp_path / name, np.random.default_rng(0)
        folder.mkdir()
        for number in range(6):
            pixels = generator.integers(0, brightest, (16, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        return str(folder)

    return make


def weights(opened):
    return {name: file.sha256 for name, file in opened.manifest.files.items() if name.startswith("batch")}


def test_int8_takes_its_ranges_from_the_data_which_the_pack_names(pack, photos):
    dim, bright = photos(200, "dim"), photos(255, "bright")
    (Path(bright) / "3.png").write_bytes(b"no picture")
    first, diary = pack(PLAIN, precision="int8", data=dim, calibrate=5)
    assert first.manifest.calibration == calibration_of(dim, samples=5)
    assert f"drawing 5 samples of {dim}" in diary.tasks
    second = stopwatt.pack(PLAIN, first.path, precision="int8", data=Path(bright), force=True, threads=1, watcher=diary)
    assert second.manifest.calibration.digest == calibration_of(bright).digest
    assert "1 of 6 samples to calibrate on could not be read" in diary.announcements
    assert weights(first) != weights(second)
    console = Console(record=True, width=300)
    show_pack(console, second)
    assert f"6 samples of {bright}" in console.export_text()


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"precision": "fp32"}, "only int8 is calibrated, fp32 was asked for"),
        ({"backend": "torchscript"}, "torchscript takes the ranges of int8 from each call"),
        ({"data": "nowhere"}, "data cannot be found"),
        ({"data": "", "calibrate": 3}, "nothing says what to calibrate on"),
        ({"calibrate": 7}, "have 6 samples, 7 were asked for"),
        ({"calibrate": -1}, "-1 samples are out of range"),
    ],
)
def test_data_that_nothing_would_use_are_refused_before_any_work(pack, photos, asked, what, tmp_path):
    given = {"precision": "int8", "data": photos(255)} | asked
    with pytest.raises(StopwattError, match=what) as refusal:
        pack(PLAIN, **given)
    assert refusal.value.now
    assert not (tmp_path / "model.swpack").exists()


def test_data_that_do_not_fit_the_model_are_refused_and_no_pack_is_written(pack, tmp_path):
    np.savez(tmp_path / "data.npz", input_0=np.zeros((4, 16, 16, 3), np.uint8))
    with pytest.raises(UsageError, match="of shape 16x16x3, the model takes 16x24x3") as refusal:
        pack(PLAIN, precision="int8", data=str(tmp_path / "data.npz"))
    assert "sample 0 of input_0" in refusal.value.when
    assert "pad or cut" in refusal.value.now
    assert not (tmp_path / "model.swpack").exists()

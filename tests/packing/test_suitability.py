"""Where a pack can run: the verdict is pure, so that machines nobody owns can be judged."""

import pytest

from stopwatt.errors import EnvironmentUnfit
from stopwatt.packing.suitability import ARCH, misfit, release, require_fit
from stopwatt.records import Setup

XEON = {ARCH: "x86_64", "cpu.model": "Xeon", "cpu.isa": "avx avx2 avx512f amx_int8"}
NATIVE = {
    "setup": Setup("aoti"),
    "native": ("batch1/model.pt2",),
    "software": {"torch": "2.13.0"},
    "machine": XEON,
}
ENGINE = {
    "setup": Setup("tensorrt", device="cuda"),
    "native": ("batch1/model.engine",),
    "software": {"tensorrt": "10.9.0"},
    "machine": XEON | {"gpu.name": "NVIDIA H200"},
}


def test_a_pack_fits_the_machine_that_made_it(manifest_of):
    assert misfit(manifest_of({}, **NATIVE), "cpu", XEON, "torch", "2.13.0+cpu") is None
    assert misfit(manifest_of({}, **ENGINE), "cuda:1", ENGINE["machine"], "tensorrt", "10.9.0") is None


def test_another_device_is_refused_with_both_ways_out(manifest_of):
    found = misfit(manifest_of({}), "cuda:1", XEON, "onnxruntime", "1.20.0")
    assert found.what == "the pack was made for cpu, cuda:1 was asked for"
    assert "--device cpu" in found.now
    assert "--device cuda:1" in found.now


def test_a_runtime_that_is_missing_is_named_with_its_version(manifest_of):
    found = misfit(manifest_of({}), "cpu", XEON, "onnxruntime", "")
    assert found.now == "pip install 'onnxruntime==1.20.0'"


@pytest.mark.parametrize(
    ("version", "fits"), [("1.20.0", True), ("1.20.9", True), ("1.21.0", True), ("2.0", True), ("1.19.2", False)]
)
def test_a_portable_pack_takes_its_version_and_newer_ones(manifest_of, version, fits):
    assert (misfit(manifest_of({}), "cpu", {}, "onnxruntime", version) is None) is fits


@pytest.mark.parametrize(("version", "fits"), [("2.13.0", True), ("2.13.0+cu130", True), ("2.13.1", False)])
def test_native_code_takes_its_own_version_only(manifest_of, version, fits):
    assert (misfit(manifest_of({}, **NATIVE), "cpu", XEON, "torch", version) is None) is fits


def test_native_code_of_another_architecture_is_refused(manifest_of):
    found = misfit(manifest_of({}, **NATIVE), "cpu", XEON | {ARCH: "aarch64"}, "torch", "2.13.0")
    assert found.what == "the pack holds native code for x86_64, this is aarch64"


def test_native_code_names_the_instructions_that_a_cpu_lacks(manifest_of):
    older = XEON | {"cpu.isa": "avx avx2"}
    found = misfit(manifest_of({}, **NATIVE), "cpu", older, "torch", "2.13.0")
    assert "needs amx_int8, avx512f, which this CPU lacks" in found.what
    newer = XEON | {"cpu.model": "newer", "cpu.isa": "avx avx2 avx512f amx_int8 amx_fp16"}
    assert misfit(manifest_of({}, **NATIVE), "cpu", newer, "torch", "2.13.0") is None


def test_an_engine_of_another_gpu_is_refused(manifest_of):
    here = ENGINE["machine"] | {"gpu.name": "NVIDIA L4"}
    found = misfit(manifest_of({}, **ENGINE), "cuda", here, "tensorrt", "10.9.0")
    assert found.what == "the pack holds native code for a NVIDIA H200, this is a NVIDIA L4"


def test_a_portable_pack_moves_between_machines(manifest_of):
    assert misfit(manifest_of({}, machine=XEON), "cpu", {ARCH: "aarch64"}, "onnxruntime", "1.20.0") is None


def test_the_refusal_names_the_pack(manifest_of):
    with pytest.raises(EnvironmentUnfit, match="made for cuda") as refusal:
        require_fit(manifest_of({}, setup=Setup("onnxruntime", device="cuda")), "cpu", "that.swpack")
    assert refusal.value.when == "that.swpack"


def test_versions_are_read_as_numbers():
    assert [release(text) for text in ("2.13.0+cpu", "10.9", "2025.3.0rc1", "")] == [
        (2, 13, 0),
        (10, 9),
        (2025, 3, 0),
        (),
    ]

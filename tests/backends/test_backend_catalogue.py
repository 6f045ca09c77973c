import subprocess
import sys

import pytest
from backend_models import build

from stopwatt.backends import catalogue
from stopwatt.backends.base import ArtifactBackend, ModuleBackend
from stopwatt.errors import Unsupported, UsageError
from stopwatt.records import Precision, Setup

ALL = ["eager", "compile", "torchscript", "aoti", "cudagraph", "onnxruntime", "openvino", "tensorrt"]
MODULES = {"eager", "compile", "cudagraph"}


def test_all_backends_are_registered():
    assert set(ALL) <= set(catalogue.names())


@pytest.mark.parametrize("name", ALL)
def test_a_backend_is_of_exactly_one_kind_and_bears_its_registered_name(name):
    backend = catalogue.get(name)

    assert backend.name == name
    assert isinstance(backend, ModuleBackend) is (name in MODULES)
    assert isinstance(backend, ArtifactBackend) is (name not in MODULES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eager", ("eager", "", ())),
        ("compile:max-autotune", ("compile", "max-autotune", ())),
        ("onnxruntime:cuda", ("onnxruntime", "cuda", ())),
        ("cudagraph", ("cudagraph", "", ())),
        ("eager+channels-last", ("eager", "", ("channels-last",))),
    ],
)
def test_a_label_is_read_as_name_variant_and_techniques(text, expected):
    found = catalogue.read(text)

    assert (found.backend, found.variant, found.techniques) == expected
    assert found.backend_label == text


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("egar", "did you mean eager?"),
        ("compile:max-autotun", "max-autotune"),
        ("openvino:latancy", "did you mean latency?"),
        ("torchscript:fast", "write torchscript"),
        ("eager:fast", "known: grad, no-grad"),
        ("", "known: "),
        ("eager+chanels-last", "did you mean channels-last?"),
        ("eager+channels-last:2", "write channels-last"),
        ("eager+channels-last+channels-last", "give it once"),
    ],
)
def test_an_unknown_name_or_variant_is_refused_with_the_nearest(text, offered):
    with pytest.raises(UsageError) as caught:
        catalogue.read(text)

    assert offered in caught.value.now


@pytest.mark.parametrize(
    ("name", "precision", "device", "why"),
    [
        ("eager", "tf32", "cpu", "tensor cores of NVIDIA"),
        ("eager", "int8", "cuda", "CPU kernels"),
        ("onnxruntime", "bf16", "cpu", "no bfloat16 kernels"),
        ("openvino", "fp32", "cuda", "openvino does not run on cuda"),
        ("tensorrt", "fp32", "cpu", "tensorrt does not run on cpu"),
    ],
)
def test_a_combination_that_cannot_run_is_refused_before_anything_is_built(name, precision, device, why):
    setup = Setup(backend=name, precision=Precision(precision), device=device)

    with pytest.raises(Unsupported, match=why) as caught:
        catalogue.check_combination(catalogue.get(name), setup)

    assert caught.value.when == setup.label
    assert caught.value.now


def test_a_combination_that_can_run_passes():
    catalogue.check_combination(catalogue.get("eager"), Setup(precision=Precision.BF16))


def test_software_names_installed_packages_with_versions_and_leaves_out_the_others():
    found = catalogue.software(catalogue.get("openvino"), ["numpy", "no-such-package"])

    assert {"openvino", "nncf", "torch", "numpy"} <= set(found)
    assert "no-such-package" not in found


def test_listing_splitting_and_checking_import_no_runtime():
    code = """
import sys
from stopwatt.backends import catalogue
from stopwatt.records import Setup
for name in catalogue.names():
    backend = catalogue.get(name)
    backend.precisions("cpu")
    catalogue.software(backend)
catalogue.check_combination(catalogue.get("eager"), Setup())
loaded = {"torch", "onnx", "onnxruntime", "openvino", "nncf", "tensorrt", "torchao"} & set(sys.modules)
assert not loaded, loaded
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["eager", "compile", "torchscript", "aoti", "onnxruntime", "openvino"])
def test_a_working_runtime_is_usable_and_has_a_version(name):
    support = catalogue.get(name).check("cpu")

    assert support.usable, support.why
    assert support.version[0].isdigit()


def test_tensorrt_is_marked_as_never_run():
    for device in ("cpu", "cuda"):
        assert not catalogue.get("tensorrt").check(device).verified


@pytest.mark.parametrize(
    ("name", "verified"),
    [
        ("eager", True),
        ("compile", True),
        ("cudagraph", True),
        ("torchscript", True),
        ("aoti", False),
        ("onnxruntime", False),
    ],
)
def test_what_has_run_on_a_gpu_is_told_from_what_has_not(name, verified):
    assert catalogue.get(name).check("cuda").verified is verified


@pytest.mark.parametrize("name", ["eager", "compile", "aoti", "torchscript", "cudagraph", "onnxruntime", "openvino"])
def test_a_missing_gpu_is_reported_with_a_remedy(name):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")

    support = catalogue.get(name).check("cuda")

    assert not support.usable
    assert support.why
    assert support.remedy


def test_a_runtime_that_is_not_installed_costs_its_own_row_and_names_the_command(monkeypatch):
    monkeypatch.setattr("stopwatt.backends.probe.metadata.version", _not_installed)

    support = catalogue.get("onnxruntime").check("cpu")

    assert not support.usable
    assert support.why == "onnxruntime is not installed"
    assert support.remedy == "pip install 'stopwatt[onnx]'"


def _not_installed(name):
    from importlib.metadata import PackageNotFoundError

    raise PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("raise ImportError('libcudart.so.13: cannot open shared object file')", "ImportError: libcudart.so.13"),
        ("raise OSError('libstdc++ too old')", "OSError: libstdc++ too old"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("print('noise'); import missing_dependency", "missing_dependency"),
    ],
)
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_package_that_fails_at_import_costs_its_own_row_only(name, statement, named, tmp_path):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(statement)
    code = f"""
from stopwatt.backends import catalogue
support = catalogue.get({name!r}).check("cpu")
assert not support.usable
assert "fails at import" in support.why, support.why
assert {named!r} in support.why, support.why
assert support.remedy.startswith("pip install --force-reinstall '{name}=="), support.remedy
"""

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tensorrt_refuses_a_cpu_before_it_is_imported(tmp_path):
    with pytest.raises(Unsupported, match="tensorrt does not run on cpu"):
        catalogue.get("tensorrt").convert(build("mlp"), Setup(backend="tensorrt"), [], tmp_path)

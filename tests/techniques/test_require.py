"""What cannot be is known before anything runs."""

import subprocess
import sys
from dataclasses import replace

import pytest

from stopwatt.backends import catalogue as backends
from stopwatt.errors import Unsupported
from stopwatt.extensions import registered
from stopwatt.records import Precision, Setup
from stopwatt.techniques import catalogue
from stopwatt.techniques.listing import listed, offered

SPARSE = Setup("eager", precision=Precision.FP16, device="cuda", techniques=("sparse:2:4",))


@pytest.mark.parametrize(
    ("setup", "what", "now"),
    [
        (Setup("openvino", techniques=("channels-last",)), "openvino lays its own out", "leave +channels-last away"),
        (Setup(techniques=("int8-weights",)), "in fp32 it has slow code only", "use --precision bf16"),
        (Setup("onnxruntime", techniques=("int8-weights",)), "onnxruntime cannot run", "--precision int8"),
        (Setup(techniques=("sparse:2:4",)), "only tensor cores of NVIDIA GPUs", "+prune"),
        (replace(SPARSE, backend="torchscript"), "torchscript cannot take", "eager or compile"),
        (replace(SPARSE, precision=Precision.FP32), "not in fp32", "fp16 or bf16"),
        (
            Setup(precision=Precision.INT8, techniques=("fold-constants",)),
            "eager quantises layers",
            "leave +fold-constants away",
        ),
        (
            Setup(techniques=("fold-constants", "prune:0.5")),
            "fold-constants leaves no layers that prune:0.5 could change",
            "write +prune:0.5+fold-constants",
        ),
        (
            Setup(precision=Precision.BF16, techniques=("int8-weights", "fold-constants")),
            "int8-weights leaves no layers",
            "leave +int8-weights or +fold-constants away",
        ),
    ],
)
def test_a_technique_that_does_not_go_with_the_setup_is_refused_with_a_remedy(setup, what, now):
    with pytest.raises(Unsupported) as caught:
        backends.check_combination(backends.get(setup.backend), setup)

    assert what in caught.value.what
    assert now in caught.value.now
    assert caught.value.when == setup.label


@pytest.mark.parametrize(
    "setup",
    [
        Setup("openvino", techniques=("fold-batchnorm", "prune:0.5")),
        Setup("compile", precision=Precision.INT8, techniques=("fold-constants",)),
        Setup("torchscript", precision=Precision.BF16, techniques=("channels-last", "int8-weights")),
        replace(SPARSE, techniques=("no-dropout", "sparse:2:4")),
    ],
)
def test_what_may_go_together_passes(setup):
    backends.check_combination(backends.get(setup.backend), setup)


@pytest.mark.parametrize("name", list(registered("techniques")))
def test_a_technique_is_listed_with_the_backends_that_take_it(name):
    found = listed(name, "cpu")
    taken = []
    for setup in offered("cpu"):
        try:
            catalogue.require(replace(setup, techniques=(found.label,)))
        except Unsupported:
            continue
        taken.append(setup.backend)

    assert set(found.backends) == set(taken)
    assert bool(found.why) is not bool(taken)


def test_listing_says_why_a_technique_has_no_backend_on_a_device():
    found = listed("sparse", "cpu")

    assert found.backends == ()
    assert "tensor cores" in found.why
    assert set(listed("sparse", "cuda").backends) == {"compile", "eager"}
    assert listed("sparse", "cuda").precisions == ("fp16", "bf16")


def test_nothing_of_it_imports_torch():
    code = (
        "import sys\nfrom stopwatt.techniques.listing import listed\nfrom stopwatt.extensions import registered\n"
        "for name in registered('techniques'): listed(name, 'cpu')\n"
        "print([name for name in ('torch', 'transformers', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"

"""What is said before a conversion starts to fail."""

from pathlib import Path

import pytest

from stopwatt.errors import Unsupported
from stopwatt.operators.inspection import Inspection, Refusal
from stopwatt.packing.preflight import Refused, judge
from stopwatt.records import Precision, Setup, Trouble

MODELS = f"{Path(__file__).parent}/packed_models.py"
QR = Refusal("aten::linalg_qr", "mixer", "Mixer", 2, 0.05, "none registered")
CUSTOM = Refusal("mine::op", "", "Net", 1, None, "no operator of torch")


def seen(**refusals):
    return Inspection(40, 9, {"onnx": (), "aoti": ()} | refusals)


def test_nothing_lacking_lets_the_conversion_begin():
    assert judge(Setup("onnxruntime"), seen()).clear
    assert judge(Setup("torchscript"), seen(onnx=(QR,), aoti=(QR,))).clear


def test_what_lacks_is_said_with_count_share_and_what_takes_it():
    preflight = judge(Setup("openvino"), seen(onnx=(QR,)))
    assert not preflight.clear
    assert preflight.fallbacks == ("aoti", "torchscript")
    refused = Refused(preflight)
    assert "the ONNX exporter has nothing for aten::linalg_qr: 2 of 40 operator calls" in refused.what
    assert "5.0 % of its time" in refused.what
    assert refused.now == "use aoti or torchscript"


def test_a_share_that_is_not_known_is_not_said():
    assert "time" not in Refused(judge(Setup("aoti"), seen(aoti=(QR, CUSTOM)))).what


def test_a_fallback_takes_the_whole_model_in_the_same_precision():
    assert judge(Setup("aoti"), seen(aoti=(CUSTOM,), onnx=(CUSTOM,))).fallbacks == ("torchscript",)
    half = judge(Setup("aoti", precision=Precision.FP16), seen(aoti=(CUSTOM,)))
    assert "onnxruntime" not in half.fallbacks


def test_tensorrt_has_a_fallback_that_partitions_the_graph():
    preflight = judge(Setup("tensorrt", device="cuda"), seen(onnx=(QR,)))
    assert preflight.fallbacks[0].startswith("onnxruntime:tensorrt (it partitions")


def test_what_the_runtime_lacks_is_said_of_the_runtime_and_not_of_the_exporter():
    det = Refusal("Det", "head", "Head", 1, 0.14, "no rule of conversion")
    preflight = judge(Setup("openvino"), seen(openvino=(det,), onnxruntime=()))
    assert preflight.fallbacks == ("onnxruntime", "aoti", "torchscript")
    assert "OpenVINO has nothing for Det" in Refused(preflight).what
    assert judge(Setup("onnxruntime"), seen(openvino=(det,))).clear


def test_a_fallback_is_none_whose_runtime_lacks_something_itself():
    det = Refusal("Det", "", "", 1, None)
    assert judge(Setup("openvino"), seen(openvino=(det,), onnxruntime=(det,))).fallbacks == ("aoti", "torchscript")


def test_an_onnx_file_has_no_fallback_that_needs_a_module():
    det = Refusal("Det", "", "", 1, None)
    looked = Inspection(3, 2, {"onnx": (), "onnxruntime": (), "openvino": (det,)}, file=True)
    assert judge(Setup("openvino"), looked).fallbacks == ("onnxruntime",)
    assert judge(Setup("onnxruntime"), looked).clear


def test_a_model_without_a_graph_is_refused_where_one_is_needed_and_noted_where_it_is_traced():
    lost = Inspection(trouble=Trouble("torch.export cannot follow this model: x", "net.py, line 3"))
    preflight = judge(Setup("onnxruntime"), lost)
    assert (preflight.clear, preflight.fallbacks) == (False, ("torchscript",))
    assert "net.py, line 3" in Refused(preflight).when
    traced = judge(Setup("torchscript"), lost)
    assert traced.clear
    assert "only the way that its example takes" in traced.notes[0]


def test_an_exporter_that_cannot_be_asked_does_not_refuse():
    preflight = judge(Setup("onnxruntime"), Inspection(40, 9, {"aoti": ()}))
    assert preflight.clear
    assert "the conversion will tell" in preflight.notes[0]


def test_an_operator_without_onnx_form_is_named_with_its_place_before_anything_is_converted(pack, tmp_path):
    with pytest.raises(Refused, match="aten::linalg_qr") as refusal:
        pack(f"{MODELS}:decomposing")
    (lacking,) = refusal.value.preflight.refusals
    assert (lacking.operator, lacking.module, lacking.kind, lacking.count) == ("aten::linalg_qr", "", "Decomposing", 1)
    assert 0 < lacking.share < 1
    assert isinstance(refusal.value, Unsupported)
    assert not (tmp_path / "model.swpack").exists()


@pytest.mark.parametrize("backend", ["aoti", "onnxruntime"])
def test_an_operator_from_outside_torch_is_named_with_the_module_that_calls_it(pack, backend):
    with pytest.raises(Refused, match="packed_models::doubled") as refusal:
        pack(f"{MODELS}:foreign", backend=backend)
    (lacking,) = refusal.value.preflight.refusals
    assert (lacking.module, lacking.kind, lacking.count) == ("doubler", "Doubler", 2)
    assert refusal.value.preflight.fallbacks == ("torchscript",)


def test_an_operator_that_openvino_cannot_read_is_named_with_the_module_that_calls_it(pack):
    with pytest.raises(Refused, match="OpenVINO has nothing for Det") as refusal:
        pack(f"{MODELS}:determined", backend="openvino")
    (lacking,) = refusal.value.preflight.refusals
    assert (lacking.operator, lacking.module, lacking.kind, lacking.count) == ("Det", "volume", "Volume", 1)
    assert 0 < lacking.share < 1
    assert "onnxruntime" in refusal.value.preflight.fallbacks


def test_control_flow_on_values_is_named_with_its_line(pack):
    with pytest.raises(Refused, match="cannot follow") as refusal:
        pack(f"{MODELS}:branching")
    assert "packed_models.py, line" in refusal.value.when
    opened, diary = pack(f"{MODELS}:branching", backend="torchscript")
    assert opened.manifest.notes == diary.preflights[-1].notes != ()

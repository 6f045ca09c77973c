"""What a pack would run when it is loaded: looked at, not believed."""

import io
import pickle
import zipfile

import pytest

from stopwatt.errors import UnsafeFile
from stopwatt.packing.native import native_files
from stopwatt.packing.opened import open_pack

ELF = b"\x7fELF" + bytes(60)


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, data in members.items():
            made.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


def test_native_code_is_found_wherever_it_is(tmp_path):
    for name, data in {
        "library.so": ELF,
        "hidden.json": ELF,
        "package.pt2": zipped(data__aotinductor__model__code=ELF),
        "model.engine": b"plan",
        "model.onnx": b"onnx",
    }.items():
        (tmp_path / name).write_bytes(data)
    assert native_files(tmp_path) == ("hidden.json", "library.so", "model.engine", "package.pt2")


def test_a_pack_says_that_it_holds_native_code(small):
    opened = open_pack(small(content={"batch1/model.engine": b"plan"}, native=("batch1/model.engine",)))
    (notice,) = opened.notices
    assert "native code" in notice


def test_a_pack_that_hides_native_code_is_not_loaded(small):
    with pytest.raises(UnsafeFile, match=r"batch1/weights\.bin holds native code of which its manifest says nothing"):
        open_pack(small(content={"batch1/weights.bin": ELF}))


@pytest.mark.parametrize(
    "content",
    [
        {"batch1/model.pkl": pickle.dumps(1)},
        {"batch1/weights.pth": pickle.dumps(1)},
        {"batch1/model.pt2": zipped(models__model="{}")},
        {"batch1/model.pt2": zipped(data__weights__model="pickle")},
    ],
)
def test_a_pickle_is_not_loaded(small, content):
    with pytest.raises(UnsafeFile, match="was not loaded"):
        open_pack(small(content=content))


def test_torchscript_that_touches_files_is_not_loaded(small):
    def code(text):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as made:
            made.writestr("model/data.pkl", pickle.dumps(1))
            made.writestr("model/code/__torch__/net.py", text)
        return {"batch1/model.pt": buffer.getvalue()}

    open_pack(
        small(content=code("def forward(self, x):\n  return torch.relu(ops.torchvision.nms(torch.load_nothing(x)))\n"))
    )
    for text in ("torch.save(x, 'out')", "torch.from_file('/etc/passwd')", "ops.evil.run(x)"):
        with pytest.raises(UnsafeFile, match="touch files"):
            open_pack(small(content=code(text)))

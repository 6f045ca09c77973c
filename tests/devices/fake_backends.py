"""A package of backends that behave badly, installed as a plugin would be: metadata and a module on the path."""

from pathlib import Path

BASE = """
import ctypes, json, os, sys, time
from stopwatt.backends.base import Support
from stopwatt.records import Precision

class Good:
    name = "good"
    summary = "does as it is told"
    variants = ("plain", "fancy")
    packages = ("numpy",)
    def precisions(self, device):
        return (Precision.FP32, Precision.BF16)
    def check(self, device):
        return Support(True, "1.0 on " + device)

class Unverified(Good):
    def check(self, device):
        return Support(True, "11.0", verified=False)

class Missing(Good):
    packages = ("a_very_long_name_of_a_runtime",)
    def check(self, device):
        return Support(False, "", "a_very_long_name_of_a_runtime is not installed", REMEDY)

class Raises(Good):
    def check(self, device):
        raise RuntimeError("libcudart.so.13:\\ncannot open shared object file")

class Exits(Good):
    def check(self, device):
        sys.exit("the licence has expired")

class Dies(Good):
    def check(self, device):
        os._exit(3)

class Segfaults(Good):
    def check(self, device):
        ctypes.string_at(0)

class Hangs(Good):
    def check(self, device):
        time.sleep(600)

class Prints(Good):
    def check(self, device):
        print("garbage {}\\n" * 100_000)
        sys.stderr.write("more\\n" * 100_000)
        return Support(True, "2.0")

class WritesEverywhere(Good):
    def check(self, device):
        for number in range(3, 64):
            try:
                os.write(number, b"\\xff garbage\\n")
            except OSError:
                pass
        return Support(True, "2.0")

class ReturnsNothing(Good):
    def check(self, device):
        return None

class LeavesAChild(Good):
    def check(self, device):
        child = os.fork()
        if not child:
            time.sleep(600)
        with open(os.path.join(os.path.dirname(__file__), "child"), "w") as file:
            file.write(str(child))
        return Support(True, "3.0")

REMEDY = "pip install " + " ".join(f"a_very_long_name_of_a_runtime_part_{n}==1.2.3" for n in range(4))
"""
NAMES = {
    "good": "Good", "unverified": "Unverified", "missing": "Missing", "raises": "Raises", "exits": "Exits",
    "dies": "Dies", "segfaults": "Segfaults", "hangs": "Hangs", "prints": "Prints",
    "writes-everywhere": "WritesEverywhere", "returns-nothing": "ReturnsNothing", "leaves-a-child": "LeavesAChild",
}  # fmt: skip
MODULES = {
    "broken_import": "import a_module_that_is_not_there\n",
    "exit_import": "raise SystemExit(0)\n",
    "crash_import": "import ctypes\nctypes.string_at(0)\n",
}


def install(folder: Path) -> None:
    """Make `folder` provide the backends; it must be on the path of whoever is to find them."""
    (folder / "fake_backends_plugin.py").write_text(BASE)
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    points = [f"{name} = fake_backends_plugin:{kind}" for name, kind in NAMES.items()]
    points += [f"{name} = {name}:Backend" for name in MODULES]
    info = folder / "fake_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stopwatt.backends]\n" + "\n".join(points) + "\n")

"""The environment of the peers: a venv of its own under the cache folder, made once."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the peers are installed.

    Attributes:
        folder: The venv.
        why: Why it could not be made; empty where it stands.
    """

    folder: Path
    why: str = ""

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        return self.folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def ensure(folder: Path, requirements: Path = REQUIREMENTS) -> Environment:
    """The environment in `folder`, made anew unless it holds what a requirements file says now."""
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    stamp = folder / "requirements.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return Environment(folder)
    print(f"making {folder} (some minutes, once)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    steps = (
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            return Environment(folder, last_error(done.stderr))
    stamp.write_text(wanted)
    return Environment(folder)


def last_error(text: str) -> str:
    """The last line of a program's complaint that says something, without colours."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("WARNING")]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["it ended without a word"])[-1]

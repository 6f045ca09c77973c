"""Memory of a long run stays what it was at its beginning."""

import json
import os
import subprocess
import sys
from pathlib import Path

from resident import followed, growth

HERE = Path(__file__).parent
IMAGES, EARLY = 20_000, 1_000
MOST = 16 * 2**20
"""Bytes; 800 for each image, which is less than its line in the journal or any object that says what it is."""


def run_of(data, out, model):
    options = json.dumps({"decoders": 2, "workers": 1, "batch": 16})
    command = [sys.executable, HERE / "light_run.py", data, model, out, options]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def test_twenty_thousand_images_need_no_more_memory_than_a_thousand(photos, light, tmp_path):
    data = photos(200)
    for number in range(200, IMAGES):
        os.link(data / f"{number % 200:06d}.bmp", data / f"{number:06d}.bmp")
    process = run_of(data, tmp_path / "out", light("classifier").source)
    seen = followed(process, tmp_path / "out" / "journal.jsonl", every_s=0.05)
    assert process.returncode == 0
    assert seen[-1][0] > EARLY
    assert growth(seen, EARLY) < MOST


def test_what_a_process_keeps_is_seen(tmp_path):
    text = "import sys, time; kept = []\nwith open(sys.argv[1], 'wb', 0) as file:\n file.write(b'head\\n')\n"
    text += " for number in range(2000):\n  kept.append(bytes([1]) * 20_000); file.write(b'line\\n'); time.sleep(5e-4)"
    process = subprocess.Popen([sys.executable, "-c", text, tmp_path / "journal"])
    assert growth(followed(process, tmp_path / "journal", every_s=0.02), 200) > MOST

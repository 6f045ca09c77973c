"""docs/findings.md describes the findings that the code makes, with its figures."""

import re
from pathlib import Path

from stopwatt.analyse import steps
from stopwatt.analyse.findings import KINDS, MOST_OF_A_KIND, trials
from stopwatt.analyse.growth import LEAST_ALIKE, LEAST_ALONE, SINGLE_TOLERANCE
from stopwatt.stats.batching import KNEE
from stopwatt.stats.ratios import MARGIN
from stopwatt.stats.rounds import BLOCKS, LEAST_TRIALS
from stopwatt.stats.scaling import CHANGE, TOLERANCE

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "findings.md").read_text()
TEXT = " ".join(PAGE.split())


def test_every_kind_is_described_and_no_other():
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE) == list(KINDS)


def test_the_figures_are_those_of_the_code():
    assert f"at most {['', 'one', 'two', 'three', 'four'][MOST_OF_A_KIND]} of a kind" in TEXT
    assert f"a risk of {steps.RISK:.0%}".replace("%", " %") in TEXT
    assert f"{trials.RISK:.0%} for each kind".replace("%", " %") in TEXT
    assert f"changes by at least {CHANGE:g}" in TEXT
    assert f"within {TOLERANCE:.0%}".replace("%", " %") in TEXT
    assert f"within {SINGLE_TOLERANCE:.0%}".replace("%", " %") in TEXT
    assert f"faster by more than {MARGIN:.0%}".replace("%", " %") in TEXT
    assert f"at least {LEAST_ALIKE} lines" in TEXT
    assert f"{LEAST_ALONE} points or more" in TEXT
    assert f"at least {KNEE:.0%}".replace("%", " %") in TEXT
    assert f"{BLOCKS} blocks" in TEXT
    assert f"{LEAST_TRIALS} trials" in TEXT

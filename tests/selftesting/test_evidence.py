import pytest

from stopwatt.analyse.selftests import Verdict
from stopwatt.selftesting.evidence import Seen, judged

GOOD = Seen("within 0.3 %")
SHORT = Seen("within 5 %", short=True)
DISTURBED = Seen("within 7 %", short=True, disturbed="other processes kept 1.5 cores busy")
FAULT = Seen("within 5 %", fault="trials are missing", disturbed="other processes kept 1.5 cores busy")


def after(*tries):
    left = list(tries)
    claim = judged("latency", lambda: left.pop(0))
    return claim.verdict, len(left), claim.sentence


@pytest.mark.parametrize(
    ("tries", "expected"),
    [
        ((GOOD, SHORT, SHORT), (Verdict.HOLDS, 2, "within 0.3 %")),
        ((DISTURBED, SHORT, GOOD), (Verdict.HOLDS, 0, "within 0.3 %")),
        ((SHORT, SHORT, SHORT), (Verdict.FAILS, 0, "within 5 %, in each of 3 tries")),
        ((FAULT, GOOD, GOOD), (Verdict.FAILS, 2, "trials are missing")),
        ((DISTURBED, FAULT, GOOD), (Verdict.FAILS, 1, "trials are missing")),
    ],
)
def test_a_fault_of_the_tool_is_there_each_time_and_a_disturbance_is_not(tries, expected):
    assert after(*tries) == expected


def test_a_claim_with_one_try_does_not_count_them():
    assert judged("comparison", lambda: SHORT, tries=1).sentence == "within 5 %"


def test_what_was_never_shown_on_a_disturbed_machine_is_undecided():
    verdict, left, sentence = after(SHORT, DISTURBED, SHORT)
    assert (verdict, left) == (Verdict.UNDECIDED, 0)
    assert sentence == "the machine is too noisy (other processes kept 1.5 cores busy): within 5 %"

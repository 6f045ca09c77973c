import numpy as np
import pytest

from stopwatt.stats.trials import validate_trials


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, -np.inf])
def test_a_trial_that_cannot_be_is_rejected_with_its_index(value):
    bad = validate_trials(np.array([1.0, 2.0, value, value]))

    assert bad is not None
    assert bad.index == 2
    assert np.array_equal(bad.value, value, equal_nan=True)


def test_the_reason_names_trial_and_value():
    assert str(validate_trials(np.array([7, -3, 7]))) == "trial 1 is -3, not a positive finite number"


@pytest.mark.parametrize("values", [np.array([], dtype=np.int64), np.array([1]), np.array([0.5, 1e-300, 1e300])])
def test_sound_trials_pass_whatever_their_number(values):
    assert validate_trials(values) is None

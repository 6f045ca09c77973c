"""How a Ray cluster is joined, as far as none is needed for it."""

from types import SimpleNamespace

import pytest

from stopwatt.errors import EnvironmentUnfit
from stopwatt.sweeping.executors import joining

CLOSED = "127.0.0.1:1"


def test_without_an_address_a_cluster_is_started_even_if_another_is_known(monkeypatch):
    asked = {}
    ray = SimpleNamespace(is_initialized=lambda: False, init=lambda **options: asked.update(options))
    monkeypatch.setattr(joining, "ray_module", lambda: ray)
    joining.join("")
    assert asked["address"] == "local"


@pytest.mark.parametrize("address", [CLOSED, f"ray://{CLOSED}", "auto"])
def test_a_cluster_that_is_gone_does_not_answer(monkeypatch, address):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", CLOSED)  # which cluster `auto` is
    with pytest.raises(EnvironmentUnfit, match=r"the Ray cluster does not answer: .*refused") as refused:
        joining.join(address)
    assert refused.value.when.endswith(":1")

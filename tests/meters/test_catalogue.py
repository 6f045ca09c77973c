import pytest
from fake_meters import Fake, One, RaisesAtOpening

from stopwatt.energy import Scope
from stopwatt.errors import UsageError
from stopwatt.extensions import registered
from stopwatt.meters import catalogue
from stopwatt.records import Unavailable


class Point:
    def __init__(self, kind):
        self.kind, self.value = kind, kind.__name__

    def load(self):
        return self.kind


@pytest.fixture
def meters(monkeypatch):
    """Registers other meters than the built-in ones."""

    def register(**kinds):
        points = {name: Point(kind) for name, kind in kinds.items()}
        monkeypatch.setattr("stopwatt.extensions.registered", lambda kind: points)
        monkeypatch.setattr("stopwatt.meters.catalogue.extensions.registered", lambda kind: points)

    return register


def meter(found, *, scopes=(Scope.PACKAGE,), verified=True):
    body = {"scopes": scopes, "verified": verified, "find": lambda self, device="": found}
    return type("Made", (Fake,), body)


def test_every_built_in_meter_keeps_the_contract(monkeypatch):
    monkeypatch.setattr("stopwatt.devices.nvml.driver_is_present", lambda: False)
    assert {"nvml", "rapl", "perf", "process", "replay", "null"} <= set(registered("meters"))
    for name in ("nvml", "rapl", "perf", "process", "null"):
        one = catalogue.get(name)
        assert one.name == name
        assert all(isinstance(scope, Scope) for scope in one.scopes)
        found = one.find("cpu")
        assert isinstance(found, Unavailable) or all(part.about.name for part in found)


def test_all_meters_are_used_but_those_on_request(monkeypatch):
    monkeypatch.delenv("STOPWATT_METERS", raising=False)
    assert {"null", "replay"}.isdisjoint(catalogue.wanted())
    assert {"nvml", "process", "rapl", "perf"} <= set(catalogue.wanted())
    monkeypatch.setenv("STOPWATT_METERS", "replay:some file.csv?loop, process")
    assert catalogue.wanted() == ("replay:some file.csv?loop", "process")


def test_what_follows_the_colon_is_the_meters_own():
    with pytest.raises(UsageError, match="speed"):
        catalogue.get("replay:file.csv?speed=2")


def test_an_unknown_meter_is_refused_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        catalogue.get("raple")
    assert "rapl" in caught.value.now


def test_a_gpu_also_uses_its_processor_and_a_processor_no_gpu():
    assert catalogue.scopes_of("cpu") == (Scope.PACKAGE, Scope.DRAM)
    assert catalogue.scopes_of("cuda:1") == catalogue.scopes_of("") == (Scope.GPU, Scope.PACKAGE, Scope.DRAM)


def test_each_scope_without_an_instrument_has_a_reason(meters):
    meters(ours=meter((One(scope=Scope.PACKAGE),), scopes=(Scope.PACKAGE, Scope.DRAM)))
    found = catalogue.find("cuda", ["ours"])
    assert [one.about.name for one in found.instruments] == ["fake-0"]
    assert found.why[Scope.DRAM] == "ours has no counter of it on this machine"
    assert "was asked for" in found.why[Scope.GPU]
    assert found.missing == {}


def test_the_reason_of_a_verified_meter_weighs_more(meters):
    meters(guess=meter(Unavailable("who knows"), verified=False), known=meter(Unavailable("virtual machine")))
    found = catalogue.find("cpu", ["guess", "known"])
    assert found.why[Scope.PACKAGE] == "virtual machine"
    assert found.missing == {"guess": "who knows", "known": "virtual machine"}


def test_a_meter_that_raises_costs_itself_only(meters):
    meters(bad=RaisesAtOpening, good=meter((One(scope=Scope.PACKAGE),)))
    found = catalogue.find("cuda", ["bad", "good"])
    assert len(found.instruments) == 1
    assert found.missing["bad"] == "looking for instruments failed: RuntimeError: no luck"
    assert found.why[Scope.GPU] == found.missing["bad"]


def test_a_meter_without_an_instrument_is_named_without_its_options(tmp_path):
    found = catalogue.find("cpu", [f"replay:{tmp_path}/no.csv?loop&scope=package"])
    assert found.missing.keys() == {f"replay:{tmp_path}/no.csv"}
    (tmp_path / "is it?.csv").write_text("no table")
    assert catalogue.told(f"replay:{tmp_path}/is it?.csv") == f"replay:{tmp_path}/is it?.csv"


def test_a_meter_that_is_not_known_is_the_reason_where_no_other_has_one(meters):
    meters(known=meter(Unavailable("virtual machine"), scopes=(Scope.PACKAGE,)))
    found = catalogue.find("cpu", ["nonsense", "known"])
    assert found.why == {Scope.PACKAGE: "virtual machine", Scope.DRAM: "unknown meter 'nonsense'; known: known"}


def test_a_name_means_one_instrument(meters):
    first, second = One(scope=Scope.PACKAGE), One(scope=Scope.PACKAGE)
    meters(one=meter((first,)), other=meter((second,)))
    found = catalogue.find("cpu", ["one", "other"])
    assert found.instruments == (first,)
    assert (first.closed, second.closed) == (False, True)


def test_who_looks_is_told_before(meters):
    told = []
    meters(bad=RaisesAtOpening)
    catalogue.find("cpu", ["bad"], looking=told.append)
    assert told == ["bad"]


def test_an_argument_that_a_meter_does_not_take_is_named():
    with pytest.raises(UsageError, match="process takes no argument, and 'x' is one"):
        catalogue.get("process:x")

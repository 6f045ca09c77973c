"""Arguments that several functions take, checked and put together."""

from dataclasses import replace
from os import PathLike
from typing import Any

from stopwatt.arguments import check_path, instance, numbers, text, word
from stopwatt.datasets.labelled import Data, with_data
from stopwatt.energy import RULES as ENERGY_RULES
from stopwatt.energy import EnergyRules, Grade, Telemetry
from stopwatt.records import Protocol
from stopwatt.sweeping.energycost import with_room


def check_common(workloads: tuple[str, ...], protocol: Protocol | None, tag: str, store: str | None) -> None:
    """Refuse arguments that several functions have if they are of another type.

    Raises:
        UsageError: Which, and what could be given.
    """
    for source in workloads:
        text("a workload", source, "names one by one, such as 'lstm', 'mlp'")
    if protocol is not None:
        instance("protocol", protocol, Protocol, "a stopwatt.Protocol, such as stopwatt.THOROUGH")
    text("tag", tag, "text")
    if store is not None:
        check_path("store", store)


def read_data(data: str | PathLike[str] | Data | None) -> Data | None:
    """Data of the caller's; `None` where there are none.

    Raises:
        UsageError: It is something else.
    """
    if data is None or isinstance(data, Data):
        return data
    check_path("data", data)
    return Data(str(data))


def drawn(rules: Protocol, data: str | PathLike[str] | Data | None) -> Protocol:
    """The protocol with what is drawn of data of the caller's: to calibrate on, and to measure accuracy on.

    Raises:
        UsageError: No such data, not so many, or labels that are not theirs.
    """
    asked = read_data(data)
    return rules if asked is None else with_data(rules, asked)


def metered(
    rules: Protocol, energy: str | EnergyRules | None, telemetry: str | None, cpu_watts: float | None
) -> Protocol:
    """The protocol with what the arguments about energy add to it, and time for it.

    Raises:
        UsageError: One of them cannot be.
    """
    given: dict[str, Any] = {}
    if telemetry is not None:
        given["telemetry"] = word("telemetry", telemetry, Telemetry)
    if cpu_watts is not None:
        (given["cpu_watts"],) = numbers("estimate_cpu_energy", [cpu_watts], "watts of one busy core")
    if energy is None:
        return replace(rules, **given)
    asked = energy if isinstance(energy, EnergyRules) else ENERGY_RULES[word("energy", energy, Grade)]
    return with_room(replace(rules, energy=asked, **given))

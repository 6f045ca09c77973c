"""How a Ray cluster is joined, and what is said when that cannot be."""

import logging
import socket
from typing import Any

from stopwatt.errors import EnvironmentUnfit

_AUTO = "auto"
_KNOCK_S = 5.0


def ray_module() -> Any:
    """Ray.

    Raises:
        EnvironmentUnfit: It is not installed, or fails at import.
    """
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise EnvironmentUnfit(
            "Ray is not installed or fails at import", when=str(error), now="pip install 'stopwatt[ray]'"
        ) from error
    return ray


def join(address: str) -> Any:
    """Connect to a cluster; one that this process has joined already is kept, if none is named.

    Args:
        address: Of the cluster (`auto`, `host:6379`, `ray://host:10001`); empty for one of this machine's own.

    Returns:
        Ray.

    Raises:
        EnvironmentUnfit: Ray is not installed, or the cluster does not answer.
    """
    ray = ray_module()
    if not ray.is_initialized() or address:
        # without "local" Ray would join the cluster that was started here last, though it may be gone
        where = {"address": address} if address else {"address": "local", "include_dashboard": False}
        try:
            _knock(_found(ray) if address == _AUTO else address)
            ray.init(**where, logging_level=logging.ERROR, log_to_driver=False, ignore_reinit_error=True)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise _silent(address, str(error).splitlines()[0]) from error
    return ray


def _found(ray: Any) -> str:
    """Which cluster Ray finds by itself.

    Raises:
        ConnectionError: None.
    """
    return str(ray._private.services.canonicalize_bootstrap_address(_AUTO))  # noqa: SLF001  (nothing public says it)


def _knock(address: str) -> None:
    """Whether somebody listens there at all: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=_KNOCK_S).close()
    except OSError as error:
        raise _silent(address, str(error)) from error


def _silent(address: str, why: str) -> EnvironmentUnfit:
    return EnvironmentUnfit(
        f"the Ray cluster does not answer: {why}",
        when=address or "starting one on this machine",
        now="look whether it runs (ray status), or name another address: --executor ray:ADDRESS",
    )

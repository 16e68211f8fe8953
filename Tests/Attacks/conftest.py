import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Conformance")]

from network import enter_network_of_own  # noqa: E402

# Before anything has a thread or a socket.
enter_network_of_own()

from arena import Arena  # noqa: E402
from counters import HostCounters  # noqa: E402
from host import Host  # noqa: E402


@pytest.fixture(scope="session")
def host():
    """One host for all attacks: a leak by one is not hidden by a restart. Its end asserts that nothing is left behind."""
    with Host() as host:
        arena = Arena(host)
        # What a daemon makes at the first use, it has from here on.
        arena("handler = lambda event, context: event").call(1)
        arena.delete_all()
        yield host
        assert host.supervisor() is not None


@pytest.fixture(scope="session")
def beginning(host):
    """The host before the first attack: to this it returns after each one."""
    import time

    from host import wait_until

    previous = None

    def is_steady():
        nonlocal previous
        now, previous = HostCounters(host).exact, previous
        steady = now == previous
        previous = now
        time.sleep(0.2)
        return steady and not host.processes() - {host.roostd.pid, host.supervisor()}

    wait_until(is_steady, 20, "the host is at rest")
    return HostCounters(host)


@pytest.fixture
def arena(host, beginning):
    """An attack's place. When it is over its functions are deleted, and the host must hold what it held before the first attack, under the same supervisor."""
    arena, supervisor = Arena(host), host.supervisor()
    yield arena
    arena.delete_all()
    assert host.supervisor() == supervisor, "the supervisor was restarted"
    beginning.assert_come_back()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    host = getattr(item, "funcargs", {}).get("host")
    if report.failed and host is not None:
        report.sections.append(("roostd's log", host.log_text()[-3000:]))
    return report

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from network import enter_network_of_own  # noqa: E402

# Before anything has a thread or a socket.
enter_network_of_own()

from functions import Deployer  # noqa: E402
from host import Host, living_network_namespaces, network_namespaces  # noqa: E402
from reporting import pytest_runtest_makereport  # noqa: E402, F401


@pytest.fixture(scope="session")
def host():
    """One host for all tests that do not break it. Its end asserts that nothing is left behind."""
    with Host("--log-level", "debug") as host:
        yield host
        namespaces = network_namespaces(host.processes() - {os.getpid()}) - network_namespaces([os.getpid()])
    assert not namespaces & living_network_namespaces(), "network namespaces are left"


@pytest.fixture(scope="session")
def client(host):
    return host.client()


@pytest.fixture
def deploy(client):
    deployer = Deployer(client)
    yield deployer
    deployer.delete_all()

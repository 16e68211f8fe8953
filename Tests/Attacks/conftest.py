import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Conformance")]

from network import enter_network_of_own  # noqa: E402

# Before anything has a thread or a socket: what an attack sends, and what the host configures for it, is not on the machine's network.
enter_network_of_own()

from arena import attack, attacked_host, counters_at_rest  # noqa: E402
from host import configuration_file  # noqa: E402
from reporting import pytest_runtest_makereport  # noqa: E402, F401


@pytest.fixture(scope="session")
def configuration(tmp_path_factory):
    """Functions without a way out, whatever network the machine has; egress_test.py is about the others."""
    return configuration_file(tmp_path_factory.mktemp("attacked"), "network: {egress: none}\n")


@pytest.fixture(scope="session")
def host(configuration):
    with attacked_host(configuration) as host:
        yield host


@pytest.fixture(scope="session")
def beginning(host):
    return counters_at_rest(host)


@pytest.fixture
def arena(host, beginning):
    with attack(host, beginning) as arena:
        yield arena


# Tests marked `guest`, as they are shown by pytest.
GUEST = {
    "counters_test.py::test_an_environment_that_is_still_there_is_counted_in_every_table",
    "carryover_test.py::test_what_a_function_leaves_another_does_not_find[a file in /tmp]",
    "carryover_test.py::test_what_a_function_leaves_another_does_not_find[System V shared memory]",
    "escape_test.py::test_no_namespace_can_be_made_or_entered",
    "escape_test.py::test_what_must_not_work_does_not[mounts]",
    "escape_test.py::test_what_must_not_work_does_not[processes]",
    "escape_test.py::test_sockets_are_of_the_everyday_kinds_only",
    "escape_test.py::test_proc_tells_nothing_of_the_hosts_devices_and_neighbours",
    "escape_test.py::test_no_service_of_the_host_can_be_reached",
    "exhaustion_test.py::test_a_fork_bomb_is_contained_and_ends_with_its_invocation[]",
    "exhaustion_test.py::test_memory_of_every_kind_is_the_functions_own_and_ends_it[anonymous]",
    "exhaustion_test.py::test_what_one_environment_has_taken_another_still_has[descriptors]",
    "exhaustion_test.py::test_an_answer_beyond_six_megabytes_is_refused_and_the_next_call_works",
    "raw_api_test.py::test_the_administrators_socket_is_closed_to_others",
    "rogue_extension_test.py::test_an_extension_has_the_rights_of_the_function_and_no_more",
    "rogue_runtime_test.py::test_a_runtime_that_fails_its_caller_is_ended_and_its_caller_told[it exits with the event in hand]",
    "runtimetest_test.py::test_a_sandbox_is_what_its_configuration_promises",
    "survival_test.py::test_daemons_end_with_the_runtime",
}


def pytest_collection_modifyitems(items):
    for item in items:
        if f"{item.path.name}::{item.name}" in GUEST:
            item.add_marker(pytest.mark.guest)


def pytest_collection_finish(session):
    """A name in the list that is no test's would go unnoticed else."""
    files = {item.path.name for item in session.items}
    names = {f"{item.path.name}::{item.name}" for item in session.items}
    whole = not session.config.option.keyword and not session.config.option.markexpr and not any("::" in argument for argument in session.config.args)
    missing = {name for name in GUEST - names if name.partition("::")[0] in files} if whole else set()
    if missing:
        raise pytest.UsageError(f"marked guest, but no test: {sorted(missing)}")

"""`kill -9` of the daemons: what was promised durable is there, and nothing else is."""

import concurrent.futures
import os
import signal
import sqlite3
import subprocess
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from functions import Deployer, Function
from host import PROGRAMS, Host, living_network_namespaces, network_namespaces, wait_until

SOURCE = """
    import time
    def handler(event, context):
        time.sleep(event or 0)
        return "done"
"""


@pytest.fixture
def host():
    with Host() as host:
        yield host


def answers(host, name):
    """Whether a call succeeds now; meanwhile connections are refused and requests cut off."""
    try:
        return Function(host.client(), name).invoke().payload == "done"
    except (BotoCoreError, ClientError):
        return False


def begin_call(pool, function):
    """Returns when the invocation runs, not when it ends."""
    call = pool.submit(function.invoke, 60)
    time.sleep(1)
    assert not call.done()
    return call


def test_a_killed_supervisor_comes_back_and_its_environments_are_gone(host):
    function = Deployer(host.client())(SOURCE, name="kept", Timeout=120)
    layer = Deployer(host.client()).layer("kept-layer", {"a": "b"})
    assert function.call() == "done"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = begin_call(pool, function)
        supervisor = host.supervisor()
        groups = [group for path in host.control_groups() for group in path.iterdir() if group.is_dir()]
        sandboxes = host.processes() - {host.roostd.pid, supervisor}
        namespaces = network_namespaces(sandboxes) - network_namespaces([os.getpid()])
        assert groups and sandboxes and namespaces
        os.kill(supervisor, signal.SIGKILL)
        assert isinstance(call.exception(30), (BotoCoreError, ClientError))

    wait_until(lambda: host.supervisor() not in (None, supervisor), 10, "a new supervisor")
    wait_until(lambda: answers(host, "kept"), 10, "an answer")
    assert host.roostd.poll() is None, "roostd itself stayed"
    assert not sandboxes & host.processes()
    assert not namespaces & living_network_namespaces()
    assert host.client().get_layer_version_by_arn(Arn=layer)["Version"] == 1


def test_both_daemons_killed_during_an_invocation_leave_nothing_that_the_next_start_does_not_reap(host):
    function = Deployer(host.client())(SOURCE, name="kept", Timeout=120, Description="as it was")
    assert function.call() == "done"
    before = host.client().get_function(FunctionName="kept")["Configuration"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = begin_call(pool, function)
        sandboxes = host.processes() - {host.roostd.pid, host.supervisor()}
        namespaces = network_namespaces(sandboxes) - network_namespaces([os.getpid()])
        host.kill_all()
        assert isinstance(call.exception(30), (BotoCoreError, ClientError))

    host.start()
    after = host.client().get_function(FunctionName="kept")["Configuration"]
    assert {key: before[key] for key in ("CodeSha256", "Description", "Timeout", "RevisionId", "LastModified")} == \
        {key: after[key] for key in ("CodeSha256", "Description", "Timeout", "RevisionId", "LastModified")}
    assert not sandboxes & host.processes()
    assert not namespaces & living_network_namespaces()
    assert answers(host, "kept")
    host.stop()
    host.assert_nothing_left()


def test_invocations_can_be_queried_after_a_crash(host):
    function = Deployer(host.client())(SOURCE, name="kept")
    request = function.invoke().request_id
    time.sleep(1.5)  # the journal's promise: batches of 50 ms, checkpoints each second
    host.kill_all()
    host.start()
    shown = subprocess.run([PROGRAMS / "roost", "invocations", "--state-dir", host.state, "--output", "json"],
                           capture_output=True, text=True, check=True).stdout
    assert request in shown
    host.stop()
    with sqlite3.connect(f"file:{host.state}/journal.sqlite?mode=ro", uri=True) as journal:
        assert journal.execute("pragma integrity_check").fetchone() == ("ok",)


def test_a_second_daemon_on_the_same_state_is_refused(host):
    second = subprocess.run([PROGRAMS / "roostd", "--state-dir", host.state, "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=30)
    assert second.returncode != 0 and str(host.state) in second.stderr
    host.client().list_functions()


def test_functions_survive_a_stop_and_a_start(host):
    Deployer(host.client())(SOURCE, name="kept")
    host.stop()
    host.assert_nothing_left()
    host.start()
    assert answers(host, "kept")

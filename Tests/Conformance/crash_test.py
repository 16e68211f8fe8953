"""`kill -9` of the daemons: what was promised durable is there, and nothing else is."""

import concurrent.futures
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from counters import HostCounters
from functions import Deployer, Function
from host import PROGRAMS, Host, living_network_namespaces, network_namespaces, start_time, wait_until
from kill_cycles import KillCycles

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


def call_failed(call):
    """With its connection or, when the sandbox ended a moment before the supervisor, by an answer that says so."""
    error = call.exception(30)
    return isinstance(error, (BotoCoreError, ClientError)) if error else call.result().error is not None


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
        assert call_failed(call)

    host.start()
    after = host.client().get_function(FunctionName="kept")["Configuration"]
    assert {key: before[key] for key in ("CodeSha256", "Description", "Timeout", "RevisionId", "LastModified")} == \
        {key: after[key] for key in ("CodeSha256", "Description", "Timeout", "RevisionId", "LastModified")}
    assert not sandboxes & host.processes()
    assert not namespaces & living_network_namespaces()
    assert answers(host, "kept")
    host.stop()
    host.assert_nothing_left()


def test_a_supervisor_that_outlives_its_roostd_is_ended_by_the_next(host):
    supervisor = host.supervisor()
    began = start_time(supervisor)
    os.kill(supervisor, signal.SIGSTOP)  # it sees no end of its socket
    host.roostd.kill()
    host.bury()
    assert start_time(supervisor) == began
    host.start()
    assert start_time(supervisor) != began
    assert host.supervisor() not in (None, supervisor)
    assert host.client().list_functions()["Functions"] == []


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


def test_kill_9_at_random_instants_loses_nothing_and_leaves_nothing():
    """Some of the cycles of tools/kill-cycles, with a seed that the failure tells."""
    with KillCycles(secrets.token_hex(4)) as cycles:
        cycles.run(60)


def test_a_crash_of_one_host_is_nothing_to_another():
    with Host() as living, Host() as dying:
        function = Deployer(living.client())(SOURCE, name="kept", Timeout=120)
        function.call()
        counters = HostCounters(living)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            call = pool.submit(function.call, 6)
            Deployer(dying.client())(SOURCE, name="kept").call()
            before = counters.look()
            dying.kill_all()
            dying.start()
            dying.kill_all()
            assert clean(dying).returncode == 0
            after = counters.look()
            for what in ("processes", "control_groups", "namespaces", "network", "files"):
                assert getattr(before, what) == getattr(after, what), what
            assert call.result() == "done"
        dying.start()


def clean(host, *options, state=None):
    return subprocess.run([PROGRAMS / "roost", "doctor", "--clean", "--state-dir", state or host.state, *options],
                          capture_output=True, text=True, timeout=60)


def kinds(done):
    return {leftover["kind"] for leftover in json.loads(done.stdout)}


def test_doctor_clean_removes_by_hand_what_the_next_start_would(host):
    function = Deployer(host.client())(SOURCE, name="kept")
    function.call()
    counters = HostCounters(host)

    refused = clean(host)
    assert refused.returncode == 75 and str(host.state) in refused.stderr
    assert counters.look().processes, "the daemon lives, and its sandboxes with it"

    host.kill_all()
    (host.state / "volumes/forgotten").write_text("")
    half_made = host.state / "artifacts/.incoming-1-2/code/var/task"
    half_made.mkdir(parents=True)
    (half_made / "app.py").write_text("")
    left = {"control group", "network route", "network table", "volume file", "half-made artefact"}
    # A sandbox's device ends with its process, but not at once; the supervisor may live long enough to remove its socket.
    at_times = {"network device", "socket"}

    listed = clean(host, "--dry-run", "--output", "json")
    assert listed.returncode == 1 and kinds(listed) - at_times == left
    assert not any(leftover["removed"] for leftover in json.loads(listed.stdout))
    assert counters.look().control_groups and half_made.exists()

    removed = clean(host, "--output", "json")
    assert removed.returncode == 0, removed.stderr
    assert kinds(removed) - at_times == left and all(leftover["removed"] for leftover in json.loads(removed.stdout))
    host.assert_nothing_left()
    assert not counters.look().network
    assert not list((host.state / "volumes").iterdir()) and not half_made.exists() and not (host.state / "run/admin.sock").exists()

    again = clean(host, "--quiet")
    assert again.returncode == 0 and again.stdout == again.stderr == ""
    host.start()
    assert answers(host, "kept")


def test_doctor_clean_touches_no_directory_that_is_not_a_daemons(tmp_path):
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts/.incoming-1").write_text("somebody's")
    owner = tmp_path.stat().st_uid
    done = clean(None, state=tmp_path)
    assert done.returncode == 69 and str(tmp_path) in done.stderr
    assert (tmp_path / "artifacts/.incoming-1").exists() and tmp_path.stat().st_uid == owner


@pytest.mark.parametrize("spelling", ["{folder}//{name}/", "{folder}/{name}/../{name}", "{link}/{name}"])
def test_a_state_directory_is_the_same_however_it_is_spelled(host, spelling, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(host.state.parent)
    Deployer(host.client())(SOURCE, name="kept").call()
    host.kill_all()
    assert HostCounters(host).look().control_groups
    done = clean(host, "--quiet", state=spelling.format(folder=host.state.parent, name=host.state.name, link=link))
    assert done.returncode == 0, done.stderr
    assert not HostCounters(host).look().control_groups

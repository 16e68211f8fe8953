"""Where attacks take place: deploys attackers, and asserts what their callers and the journal are told."""

import contextlib
import functools
import json
import subprocess
import tempfile
import time
from pathlib import Path

from counters import HostCounters
from functions import Deployer, Function
from host import PROGRAMS, TIME_SCALE, Host, wait_until

HERE = Path(__file__).parent


@functools.cache
def program(name):
    """`programs/<name>.c` as a static executable: it must run in an image that has no libraries."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cc", "-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", f"{folder}/{name}", HERE / f"programs/{name}.c"], check=True)
        return Path(folder, name).read_bytes()


class Attacker(Function):
    def wait(self, waiter):
        """botocore's waiters look once a second."""
        def is_ready():
            configuration = self.client.get_function_configuration(FunctionName=self.name)
            assert configuration["State"] != "Failed", configuration
            return configuration["State"] == "Active" and configuration.get("LastUpdateStatus") != "InProgress"

        wait_until(is_ready, 30, f"{self.name} is active")


class Arena(Deployer):
    """Deploys attackers under names of its own, and knows what the host told of them."""

    def __init__(self, host):
        super().__init__(host.client())
        self.host = host

    def __call__(self, *arguments, **settings):
        if "Timeout" in settings:
            settings["Timeout"] = int(min(900, settings["Timeout"] * TIME_SCALE))
        function = super().__call__(*arguments, **{"MemorySize": 256, "wait": False, **settings})
        attacker = Attacker(self.client, function.name)
        attacker.wait("active")
        return attacker

    def run(self, *arguments):
        return subprocess.run([PROGRAMS / "roost", *arguments], env=self.host.environment(), capture_output=True, text=True, timeout=60 * TIME_SCALE)

    def roost(self, *arguments):
        done = self.run(*arguments, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def stop(self, environment):
        """As an administrator; it may have ended by itself."""
        self.run("stop", environment)

    def record(self, function, request_id):
        """The journal's row of one invocation; it is written in batches, within 50 ms."""
        def find():
            rows = self.roost("invocations", "--function", function.name, "--limit", "1000")
            return next((row for row in rows if row["requestID"] == request_id), None)

        return wait_until(find, 10, f"the journal's record of {request_id}")

    def records(self, function):
        return self.roost("invocations", "--function", function.name, "--limit", "1000")

    def log(self, function, limit=10_000):
        return self.roost("logs", function.name, "--limit", str(limit))

    def environments(self, function=None):
        return [row for row in self.roost("ps") if function is None or row["function"]["name"] == function.name]

    def assert_told(self, function, answer, outcome="success", error_type=None):
        """Caller and journal were told the same, and this: how it ended, and by what if badly."""
        assert answer.status == 200, answer
        assert (answer.error is None) == (outcome == "success"), answer
        if error_type is not None:
            assert answer.payload["errorType"] == error_type, answer
        row = self.record(function, answer.request_id)
        assert row["outcome"] == outcome, row
        assert row.get("errorType") == error_type or outcome == "function-error", row
        return row

    def strike(self, function, event=None, outcome="success", error_type=None):
        """Invokes, asserts what was told, and returns the answer's payload."""
        answer = function.invoke(event)
        self.assert_told(function, answer, outcome, error_type)
        return answer.payload


@contextlib.contextmanager
def attacked_host(configuration):
    """One for many attacks: a leak by one is not hidden by a restart. Its end asserts that nothing is left behind."""
    with Host("--config", configuration) as host:
        arena = Arena(host)
        # What a daemon makes at the first use, it has from here on.
        arena("handler = lambda event, context: event").call(1)
        arena.delete_all()
        yield host
        assert host.supervisor() is not None


def counters_at_rest(host, is_at_rest=lambda: True):
    """The host before the first attack, once it stays as it is: to this it returns after each one."""
    previous = None

    def is_steady():
        nonlocal previous
        now = HostCounters(host).exact
        steady, previous = now == previous, now
        time.sleep(0.2)
        return steady and not host.processes() - {host.roostd.pid, host.supervisor()} and is_at_rest()

    wait_until(is_steady, 20, "the host is at rest")
    return HostCounters(host)


@contextlib.contextmanager
def attack(host, beginning):
    """An attack's place. When it is over its functions are deleted, and the host must hold what it held before the first attack, under the same supervisor."""
    arena, supervisor = Arena(host), host.supervisor()
    yield arena
    arena.delete_all()
    assert host.supervisor() == supervisor, "the supervisor was restarted"
    beginning.assert_come_back()

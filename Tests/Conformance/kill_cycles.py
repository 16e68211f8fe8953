"""Start, load, `kill -9` at a random instant, start again: what was accepted is there, the API answers, and nothing else is left.

`tools/kill-cycles` runs many of these; crash_test.py a few. All choices (what is asked, who is killed, when) come from the seed; what the
kernel makes of them does not.
"""

import base64
import contextlib
import hashlib
import http.client
import os
import random
import signal
import sqlite3
import threading
import time

from counters import HostCounters
from functions import make_zip
from host import Host, HostFailure, process_name, start_time, wait_until
from plain_client import ApiError, PlainClient, bootstrap_zip, connected

# What a client sees of a host that dies beneath it.
CUT_OFF = (OSError, http.client.HTTPException, ValueError)
# roostd keeps so many ready, once many were wanted at a time.
VOLUME_POOL = 8
# A table, and the route that claims addresses.
NETWORK = 2
VICTIMS = ("roostd", "supervisor", "roostd, then supervisor", "supervisor, then roostd")
MOMENTS = ("under load", "under load", "under load", "under load", "under load", "under load", "while starting", "while stopping")


class Deployments:
    """What one client has deployed, one name after the other, and what of it must be there after a crash."""

    def __init__(self, prefix):
        self.prefix = prefix
        # name → the states that are allowed: one that was accepted, and what was asked for since without an answer. None: not there.
        self.allowed = {}

    def change(self, name, state, ask):
        before = self.allowed.get(name, [None])
        self.allowed[name] = before + [state]
        try:
            ask()
        except ApiError:
            self.allowed[name] = before
            raise
        self.allowed[name] = [state]

    def settle(self, found):
        """Compares with the functions that are there, and takes those for what was accepted."""
        for name, states in self.allowed.items():
            if found.get(name) not in states:
                raise AssertionError(f"{name} is {found.get(name)} but should be {' or '.join(map(str, states))}")
        strangers = {name for name in found if name.startswith(self.prefix)} - self.allowed.keys()
        assert not strangers, f"never asked for: {strangers}"
        self.allowed = {name: [found[name]] for name in self.allowed if name in found}


class Load(threading.Thread):
    """One client, until its host is gone."""

    def __init__(self, port, choices, deployments):
        super().__init__()
        self.choices, self.deployments = choices, deployments
        self.client = PlainClient(port, timeout=10)
        self.wrong = None
        self.ending = False

    def run(self):
        with self.client:
            while not self.ending and self.wrong is None:
                try:
                    self.act()
                except CUT_OFF:
                    return
                except ApiError as error:
                    # The end of a host that stops in order, or of the sandbox that roostd was making.
                    if error.status < 500 and error.type not in ("ResourceConflictException", "TooManyRequestsException"):
                        self.wrong = error
                except Exception as error:
                    self.wrong = error

    def act(self):
        action = self.choices.choice([self.invoke] * 5 + [self.create] * 2 + [self.update, self.update_code, self.delete])
        action()

    def invoke(self):
        event = self.choices.choice(["plain", "plain", "plain", "sleep 20", "sleep 3000", "spin 300", "exit 3", "signal 9", "memory 400",
                                     "flood 500", "fork 200", "fill 20", "silent"])
        error, answer = self.client.invoke("base", event)
        if event == "plain" and (error, answer) != (None, "plain"):
            # Killed with its host, whose last word this was.
            assert error is not None, answer

    def create(self):
        name = f"{self.deployments.prefix}{self.choices.randrange(6)}"
        if self.deployments.allowed.get(name, [None]) != [None]:
            return self.update()
        zip, description = self.code(), self.word()
        self.deployments.change(name, (description, sha256(zip)), lambda: self.client.create(name, zip, Description=description))

    def update(self):
        if known := self.known():
            name, (_, code) = known
            description = self.word()
            self.deployments.change(name, (description, code), lambda: self.client.update(name, Description=description))

    def update_code(self):
        if known := self.known():
            name, (description, _) = known
            zip = self.code()
            self.deployments.change(name, (description, sha256(zip)), lambda: self.client.update_code(name, zip))

    def delete(self):
        if known := self.known():
            self.deployments.change(known[0], None, lambda: self.client.delete(known[0]))

    def known(self):
        names = sorted(name for name, states in self.deployments.allowed.items() if states[-1] is not None)
        return (name := self.choices.choice(names), self.deployments.allowed[name][-1]) if names else None

    def word(self):
        return f"{self.choices.getrandbits(32):08x}"

    def code(self):
        return make_zip({f"folder/{number}": self.choices.randbytes(200) for number in range(20)})


class KillCycles:
    """`with KillCycles(seed) as cycles: cycles.run(60)`"""

    def __init__(self, seed, clients=4, tell=lambda line: None):
        self.seed, self.tell = seed, tell
        self.host = Host("--auth", "none", "--memory-budget", "100000", "--drain-timeout", "0")
        self.counters = HostCounters(self.host)
        self.deployments = [Deployments(f"client{number}-") for number in range(clients)]

    def __enter__(self):
        try:
            self.host.start()
            with connected(self.host) as client:
                client.create("base", bootstrap_zip(), Timeout=1)
                client.await_ready("base")
        except BaseException:
            self.host.discard()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.host.stop()
                self.host.assert_nothing_left()
        finally:
            self.host.discard()

    def run(self, count):
        for number in range(count):
            choices = random.Random(f"{self.seed}/{number}")
            moment, victim = choices.choice(MOMENTS), choices.choice(VICTIMS)
            try:
                what = self.cycle(choices, moment, victim)
            except (AssertionError, HostFailure, ApiError, *CUT_OFF) as error:
                raise AssertionError(f"seed {self.seed}, cycle {number}, {victim} {moment}: {error}\n{self.host.log_text()[-4000:]}") from error
            self.tell(f"{number + 1}: {victim} killed {what}")
        self.check_databases()

    def cycle(self, choices, moment, victim):
        """The host runs before and after it."""
        if victim == "supervisor":
            if self.has_restarted:
                # roostd would wait a second, two, four … before it starts yet another.
                self.kill("roostd, then supervisor")
                self.host.start()
            self.has_restarted = True
        delay = choices.uniform(0, 0.3) if choices.random() < 0.95 else choices.uniform(1, 1.6)
        if moment == "while starting":
            self.kill("roostd, then supervisor")
            delay = choices.uniform(0, 0.12)
            self.host.launch()
            time.sleep(delay)
        else:
            self.under_load(choices, delay)
            if moment == "while stopping":
                self.host.roostd.terminate()
                delay = choices.uniform(0, 0.05)
                time.sleep(delay)
        seen = self.kill(victim)
        self.end_load()
        self.recover(victim)
        self.check(seen)
        return f"{moment}, after {delay * 1000:.0f} ms"

    # Whether the living roostd has lost a supervisor.
    has_restarted = False

    # ---- Load ----

    loads = ()

    def under_load(self, choices, seconds):
        self.loads = [Load(self.host.port, random.Random(choices.random()), deployments) for deployments in self.deployments]
        for load in self.loads:
            load.start()
        time.sleep(seconds)

    def end_load(self):
        for load in self.loads:
            load.ending = True
        for load in self.loads:
            load.join(30)
            assert not load.is_alive(), "a client hangs"
            if load.wrong is not None:
                raise AssertionError(f"wrong answer: {load.wrong!r}") from load.wrong
        self.loads = ()

    # ---- Death ----

    def kill(self, victim):
        """Returns the processes that must be gone after the next start, with their start times."""
        roostd, supervisor = self.host.roostd.pid, self.host.supervisor()
        if victim == "supervisor" and supervisor is None:
            return {}  # too early: there is none yet, and so no sandbox
        processes = self.counters.processes({roostd, supervisor} - {None}) | ({supervisor} - {None})
        if victim == "supervisor" and self.host.supervisor() != supervisor:
            # It was the one that reads the configuration, and the next, which is not killed, may be among those found.
            return self.kill(victim)
        seen = {process: start_time(process) for process in processes}
        for name in victim.split(", then "):
            with contextlib.suppress(ProcessLookupError, TypeError):  # it has ended by itself, or was not started yet
                os.kill(roostd if name == "roostd" else supervisor, signal.SIGKILL)
        if "roostd" in victim:
            self.host.bury()
            self.has_restarted = False
        return seen

    # ---- Life ----

    def recover(self, victim):
        if self.host.roostd is not None:
            try:
                # Its next supervisor is ready; or it was about to stop, and does.
                return self.host.await_ready()
            except HostFailure:
                if self.host.roostd.poll() is None:
                    raise
                self.host.bury()
        self.host.start()

    def check(self, seen):
        living = [f"{process} {process_name(process)}" for process, start in seen.items() if start is not None and start_time(process) == start]
        assert not living, f"processes of before are still there: {living}"
        with connected(self.host) as client:
            found = {name: (function["Description"], function["CodeSha256"]) for name, function in client.functions().items()}
            for deployments in self.deployments:
                deployments.settle(found)
            self.check_counters({code for _, code in found.values()})
            os.stat(self.host.state / "run/admin.sock")
            answer = client.invoke("base", "plain")
            assert answer == (None, "plain"), f"the API answers {answer}"

    def check_counters(self, codes):
        """Nothing has been invoked since the start, so nothing but the daemons' own may be there."""
        allowed = {"loop_devices": VOLUME_POOL, "volumes": VOLUME_POOL, "network": NETWORK}
        surplus = {}

        def is_clean():
            now = self.counters.look()
            surplus.clear()
            surplus.update({name: sorted(names) for name, names in now.sets().items()
                            if name not in ("files", "descriptors") and len(names) > allowed.get(name, 0)})
            if strange := self.strange_files(now.files, codes):
                surplus["files"] = strange
            return not surplus

        with contextlib.suppress(HostFailure):
            wait_until(is_clean, 5, "clean")
        assert not surplus, f"left over: {surplus}"

    def strange_files(self, files, codes):
        state = str(self.host.state)
        digests = {base64.b64decode(code).hex() for code in codes}
        strange = []
        for path in files:
            first, *rest = path.removeprefix(state + "/").split("/")
            if first == "artifacts":
                # Whole artefacts that some function has.
                is_known = not rest or rest[0] in digests and rest[1:2] in ([], ["zip"], ["code"])
            else:
                # What the unpacker's root is laid from is made anew at every start.
                is_known = [first, *rest[:2]] == ["run", "root", "unpacker"] or "/".join([first, *rest]) in (
                    "run", "run/lock", "run/root", "run/admin.sock", "volumes", "roost.sqlite", "journal.sqlite", "credentials")
            if not is_known:
                strange.append(path)
        return sorted(strange)[:10]

    def check_databases(self):
        for name in ("roost.sqlite", "journal.sqlite"):
            with contextlib.closing(sqlite3.connect(f"file:{self.host.state}/{name}?mode=ro", uri=True)) as database:
                answer = database.execute("pragma integrity_check").fetchone()
                assert answer == ("ok",), f"{name}: {answer}"


def sha256(zip):
    return base64.b64encode(hashlib.sha256(zip).digest()).decode()

"""A Roost host of the tests' own: state directory, port and daemons, and the proof that nothing of it stays."""

import configparser
import contextlib
import os
import random
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("ROOST_BIN", REPOSITORY / ".build/debug"))
RUNTIMES = Path(os.environ.get("ROOST_RUNTIMES_DIR", REPOSITORY / ".build/runtimes"))
# How much slower than bare metal this machine may be; the cgroup-v2 guest sets it.
TIME_SCALE = float(os.environ.get("ROOST_TIME_SCALE", "1"))
REGION = "us-east-1"
ACCOUNT = "000000000000"


class HostFailure(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds, what):
    """For what no event tells: looks every few milliseconds, for a bounded time."""
    deadline = time.monotonic() + seconds * TIME_SCALE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise HostFailure(f"{what}: not within {seconds * TIME_SCALE:.0f} s")
        time.sleep(0.01)
    return value


def configuration_file(folder, text):
    """A host's configuration, in a folder that pytest made; the supervisor's user reads it."""
    for parent in [folder, folder.parent, folder.parent.parent]:
        parent.chmod(0o755)
    file = folder / "roost.yaml"
    file.write_text(text)
    return file


class Host:
    """`with Host() as host:` is a running host; leaving the block stops it and asserts that nothing is left."""

    def __init__(self, *options, programs=PROGRAMS, runtimes=RUNTIMES):
        self.options = list(options)
        self.programs, self.runtimes = programs, runtimes
        self.state = Path(tempfile.mkdtemp(prefix="roost-test-", dir="/tmp"))
        # The supervisor's user must be able to walk through it.
        self.state.chmod(0o755)
        self.port = free_port()
        # Another daemon of this machine must not have the same.
        first = random.randrange(2_000, 40_000) * 100_000
        self.user_ids = range(first, first + 65_536)
        self.log = self.state.with_suffix(".log")
        self.roostd = None
        self.seen = {}

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.discard()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.stop()
            self.assert_nothing_left()
        finally:
            self.discard()

    def command(self):
        return [self.programs / "roostd", "--state-dir", self.state, "--listen", f"127.0.0.1:{self.port}",
                "--runtimes-dir", self.runtimes, "--uid-range", f"{self.user_ids[0]}-{self.user_ids[-1]}", *self.options]

    def start(self):
        self.launch()
        self.await_ready()

    def launch(self):
        """Starts roostd and does not wait for it."""
        with open(self.log, "ab") as log:
            self.roostd = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True)

    def await_ready(self, seconds=30):
        """The ready line on roostd's stdout; a restarted supervisor prints it again."""
        deadline = time.monotonic() + seconds * TIME_SCALE
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.roostd.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0, deadline - time.monotonic())):
                    raise HostFailure(f"no ready line; the log says:\n{self.log_text()[-4000:]}")
                if not (byte := os.read(self.roostd.stdout.fileno(), 1)):
                    raise HostFailure(f"roostd ended with {self.roostd.wait()}; the log says:\n{self.log_text()[-4000:]}")
                line += byte
        assert line.decode().startswith(f"roost ready at {self.endpoint}"), line

    def stop(self):
        """As an administrator would: SIGTERM, and a clean exit."""
        if self.roostd is None:
            return
        self.remember_processes()
        self.roostd.terminate()
        try:
            status = self.roostd.wait(30 * TIME_SCALE)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise HostFailure(f"roostd did not stop; the log says:\n{self.log_text()[-4000:]}") from None
        finally:
            self.roostd.stdout.close()
            self.roostd = None
        assert status == 0, f"roostd ended with {status}:\n{self.log_text()[-4000:]}"

    def kill_all(self):
        """`kill -9` of both daemons at once, as far as signals go: roostd first, so that it cannot restart the other."""
        self.remember_processes()
        supervisor = self.supervisor()
        self.roostd.kill()
        try:
            os.kill(supervisor, signal.SIGKILL)
        except (ProcessLookupError, TypeError):
            pass  # it had ended with its parent
        self.bury()

    def bury(self):
        """Takes leave of a roostd that has been killed or has ended."""
        self.roostd.wait()
        self.roostd.stdout.close()
        self.roostd = None

    def discard(self):
        """However it ended: what a failed test has left does not trouble the next one."""
        if self.roostd is not None:
            self.kill_all()
        for group in self.control_groups():
            for process in processes_of_group(group):
                os.kill(process, signal.SIGKILL)
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        shutil.rmtree(self.state, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # ---- Clients ----

    def credentials(self):
        parser = configparser.ConfigParser()
        parser.read(self.state / "credentials")
        profile = parser["default"]
        return profile["aws_access_key_id"], profile["aws_secret_access_key"]

    def client(self, key=None, secret=None, region=REGION, **settings):
        own_key, own_secret = self.credentials()
        return boto3.client(
            "lambda", endpoint_url=self.endpoint, region_name=region,
            aws_access_key_id=key or own_key, aws_secret_access_key=secret or own_secret,
            config=Config(**{"retries": {"max_attempts": 0}, "read_timeout": 60 * TIME_SCALE, "max_pool_connections": 64} | settings))

    def environment(self):
        """For the aws CLI and `roost`."""
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "AWS_SHARED_CREDENTIALS_FILE": str(self.state / "credentials"),
                "AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": REGION, "AWS_MAX_ATTEMPTS": "1",
                "ROOST_STATE_DIR": str(self.state)}

    # ---- What is there of it ----

    def supervisor(self):
        """The supervisor's process id, or None."""
        for child in children(self.roostd.pid):
            if (process_name(child) or "").startswith("roost-superviso"):
                return child
        return None

    def processes(self):
        """Every process of this host: roostd's descendants and whatever is in its control groups."""
        found, waiting = set(), [self.roostd.pid] if self.roostd else []
        while waiting:
            process = waiting.pop()
            found.add(process)
            waiting += children(process)
        for group in self.control_groups():
            found |= processes_of_group(group)
        return found

    def remember_processes(self):
        """So that one which outlives its host is noticed; the start time tells a process from a later one with its number."""
        self.seen |= {process: start_time(process) for process in self.processes()}

    def control_groups(self):
        """roostd names its groups after a hash (FNV-1a, 32 bits) of the state directory's path."""
        value = 2166136261
        for byte in str(self.state).encode():
            value = (value ^ byte) * 16777619 % 2**32
        name = f"roost-{value:08x}"
        # os.walk passes over what goes away meanwhile.
        return [Path(folder, name) for mount in control_group_mounts() for folder, names, _ in os.walk(mount) if name in names]

    def leftovers(self):
        state = str(self.state)
        return {
            "control groups": [str(path) for path in self.control_groups() if path.exists()],
            "processes": [f"{process} {process_name(process)}" for process, start in self.seen.items()
                          if start is not None and start_time(process) == start],
            "loop devices": [f"{path.parent.parent.name}: {text}" for path in Path("/sys/block").glob("loop*/loop/backing_file")
                             if state in (text := read(path) or "")],
            "mounts": sorted({line for table in Path("/proc").glob("[0-9]*/mountinfo")
                              for line in (read(table) or "").splitlines() if state in line}),
        }

    def assert_nothing_left(self):
        """After a stop, or after a crash and the next start's stop. What the kernel ends asynchronously gets a moment."""
        assert self.roostd is None
        try:
            wait_until(lambda: not any(self.leftovers().values()), 5, "clean")
        except HostFailure:
            raise AssertionError(f"left behind: { {what: some for what, some in self.leftovers().items() if some} }") from None


# ---- The kernel's tables ----


def read(path):
    """None for what has gone meanwhile."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return None


def children(process):
    try:
        tasks = os.listdir(f"/proc/{process}/task")
    except OSError:
        return []  # it has ended
    text = "".join(read(f"/proc/{process}/task/{task}/children") or "" for task in tasks)
    return [int(word) for word in text.split()]


def process_name(process):
    text = read(f"/proc/{process}/comm")
    return text and text.strip()


def processes_of_group(group):
    found = set()
    for folder, _, _ in os.walk(group):
        found |= {int(word) for word in (read(f"{folder}/cgroup.procs") or "").split()}
    return found


def start_time(process):
    """In clock ticks since boot; None for one that has ended, even if nobody has asked for its status yet."""
    fields = (read(f"/proc/{process}/stat") or "").rpartition(")")[2].split()
    return int(fields[19]) if fields and fields[0] not in "ZX" else None


def control_group_mounts():
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if line.split(" - ")[1].startswith("cgroup")]


def network_namespaces(processes):
    """The inode numbers of these processes' network namespaces."""
    found = set()
    for process in processes:
        try:
            found.add(os.stat(f"/proc/{process}/ns/net").st_ino)
        except OSError:
            pass  # it has ended
    return found


def living_network_namespaces():
    """Of every process, and every one that is kept by a mount or an open descriptor."""
    found = network_namespaces(path.name for path in Path("/proc").glob("[0-9]*"))
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("net:["):
            found.add(int(target[5:-1]))
    mounts = read("/proc/self/mountinfo") or ""
    found |= {int(line.split("net:[")[1].split("]")[0]) for line in mounts.splitlines() if "net:[" in line}
    return found

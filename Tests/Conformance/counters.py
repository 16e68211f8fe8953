"""What the kernel and the disk hold for one Roost host, and nothing of anybody else's: to be looked at before and after.

    counters = HostCounters(host)
    before = counters.look()
    ...
    counters.assert_no_more_than(before)

Every counter is a set of names, so that a leak can be told by name; what is compared is how many there are, since the same work done twice
makes other processes and other volumes. A host is known by its state directory: control groups carry a hash of its path, volumes and
artefacts lie in it, and everything else belongs to processes that are in those groups or descend from its roostd. So two hosts on one machine
do not see each other here.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path

from host import HostFailure, children, process_name, read, start_time, wait_until

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
# SQLite makes and removes them as it likes; they hold nothing but what the databases do.
DATABASE_COMPANIONS = ("-wal", "-shm", "-journal")


@dataclasses.dataclass(frozen=True)
class Counters:
    """One look. Each field: the names of what was there."""

    # pid and start time: of everything but roostd and the supervisor
    processes: frozenset
    # sandboxes' control groups, in every hierarchy
    control_groups: frozenset
    # those whose backing file is in the state directory, with or without a name
    loop_devices: frozenset
    # file systems on these devices that are mounted anywhere, in a table or detached
    volumes: frozenset
    # lines in the mount tables of this process and of both daemons that name the state directory
    mounts: frozenset
    # kind and number, of the host's processes and in descriptors of the daemons, but for those that we are in too
    namespaces: frozenset
    # paths in the state directory
    files: frozenset
    # network interfaces, routes and nftables tables that carry the host's name
    network: frozenset
    # what roostd and the supervisor have open
    descriptors: frozenset
    # of roostd and the supervisor, in KB: no leak by itself
    resident_kilobytes: dict = dataclasses.field(compare=False)
    # of the whole machine, in KB and bytes: everybody's
    free_memory_kilobytes: int = dataclasses.field(compare=False)
    free_disk_bytes: int = dataclasses.field(compare=False)

    def sets(self):
        return {field.name: value for field in dataclasses.fields(self)
                if isinstance(value := getattr(self, field.name), frozenset)}

    def counts(self):
        return {name: len(names) for name, names in self.sets().items()}

    def excess(self, before, slack=None):
        """Name → the newcomers, where there are more than before (and more than `slack[name]` more)."""
        return {name: sorted(map(str, names - before.sets()[name])) for name, names in self.sets().items()
                if len(names) > len(before.sets()[name]) + (slack or {}).get(name, 0)}


class HostCounters:
    """Looks at one `host.Host`, running or not."""

    def __init__(self, host):
        self.host = host

    def look(self):
        daemons = self.daemons()
        # A dead orphan waits for process 1 of the machine, and is nobody's leak.
        processes = {pid: start for pid in self.processes(daemons) if (start := start_time(pid)) is not None}
        loops = self.loop_devices()
        return Counters(
            processes=frozenset(f"{pid} {process_name(pid)} since {start}" for pid, start in processes.items()),
            control_groups=frozenset(str(path) for path in self.control_groups()),
            loop_devices=frozenset(loops),
            volumes=frozenset(name for name in loops if Path(f"/sys/fs/ext4/{name}").exists()),
            mounts=frozenset(self.mounts(daemons)),
            namespaces=frozenset(namespaces_of(processes.keys() | daemons) | namespaces_held(daemons)) - frozenset(namespaces_of([os.getpid()])),
            files=frozenset(self.files()),
            network=frozenset(self.network()),
            descriptors=frozenset(f"{pid}/{name}" for pid in daemons for name in listing(f"/proc/{pid}/fd")),
            resident_kilobytes={process_name(pid) or str(pid): resident_kilobytes(pid) for pid in daemons},
            free_memory_kilobytes=free_memory_kilobytes(),
            free_disk_bytes=shutil.disk_usage(self.host.state).free)

    def assert_no_more_than(self, before, slack=None, seconds=10):
        """The kernel ends some things a moment after the process that had them, and pools are filled up again: hence some seconds."""
        try:
            wait_until(lambda: not self.look().excess(before, slack), seconds, "as before")
        except HostFailure:
            if excess := self.look().excess(before, slack):
                raise AssertionError(f"more than before: {json.dumps(excess, indent=1)}") from None

    # ---- What belongs to the host ----

    def daemons(self):
        if self.host.roostd is None or self.host.roostd.poll() is not None:
            return set()
        return {self.host.roostd.pid} | ({self.host.supervisor()} - {None})

    def processes(self, daemons):
        """Whoever is in one of its groups, by /proc, so that one without a group directory counts too; and roostd's descendants."""
        name = self.group_name()
        found = {int(pid) for pid in listing("/proc") if pid.isdigit() and f"/{name}/" in (read(f"/proc/{pid}/cgroup") or "")}
        waiting = list(daemons)
        while waiting:
            for child in children(waiting.pop()):
                if child not in found | daemons:
                    found.add(child)
                    waiting.append(child)
        return found - daemons

    def group_name(self):
        return f"roost-{fnv1a(str(self.host.state)):08x}"

    def control_groups(self):
        """What is beneath the host's own groups, but for the supervisor's; those stand as long as roostd does."""
        return [Path(folder) for group in self.host.control_groups() for folder, _, _ in os.walk(group)
                if folder != str(group) and not Path(folder).relative_to(group).parts[0].startswith("supervisor")]

    def loop_devices(self):
        return [path.parent.parent.name for path in Path("/sys/block").glob("loop*/loop/backing_file") if self.is_own(read(path))]

    def mounts(self, daemons):
        """By namespace, so that a table is not counted twice."""
        tables = {}
        for pid in ["self", *daemons]:
            with contextlib.suppress(OSError):
                tables[os.stat(f"/proc/{pid}/ns/mnt").st_ino] = read(f"/proc/{pid}/mountinfo") or ""
        return [f"{number} {line}" for number, table in tables.items() for line in table.splitlines() if self.is_own(line)]

    def files(self):
        return [os.path.join(folder, name) for folder, folders, names in os.walk(self.host.state) for name in folders + names
                if not name.endswith(DATABASE_COMPANIONS)]

    def network(self):
        """Of the network that we are in. Interfaces bear a group number made of the control groups' name, routes a metric, tables that name itself."""
        name, number = self.group_name(), str(fnv1a(self.group_name()))
        routes = (line.split() for line in told("ip", "-4", "route", "show", "type", "unreachable").splitlines())
        return {f"interface {line.split(': ')[1]}" for line in told("ip", "-o", "link", "show", "group", number).splitlines()} \
            | {f"route {' '.join(words[:2])}" for words in routes if ["metric", number] in ([a, b] for a, b in zip(words, words[1:]))} \
            | {f"table {line}" for line in told("nft", "list", "tables").splitlines() if line.endswith(f" {name}")}

    def is_own(self, text):
        state = str(self.host.state)
        return text is not None and any(text.startswith(state, at) and text[at + len(state):at + len(state) + 1] in ("", "/", " ", "\n")
                                        for at in occurrences(state, text))


# ---- The kernel's tables ----


def occurrences(word, text):
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def fnv1a(text):
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


def told(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def listing(folder):
    """Empty for what has gone meanwhile."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def namespaces_of(processes):
    found = set()
    for process in processes:
        for kind in NAMESPACES:
            with contextlib.suppress(OSError):
                found.add((kind, os.stat(f"/proc/{process}/ns/{kind}").st_ino))
    return found


def namespaces_held(processes):
    """By an open descriptor."""
    found = set()
    for process in processes:
        for name in listing(f"/proc/{process}/fd"):
            with contextlib.suppress(OSError):
                kind, bracket, number = os.readlink(f"/proc/{process}/fd/{name}").partition(":[")
                if bracket and kind in NAMESPACES:
                    found.add((kind, int(number.rstrip("]"))))
    return found


def resident_kilobytes(process):
    lines = (read(f"/proc/{process}/status") or "").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def free_memory_kilobytes():
    """What could be had without swapping."""
    return next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))

"""What a host holds of the machine, and that an attack does not make it keep more.

Only what belongs to one roostd is counted (its descendants, what is in its control groups, loop devices and mounts that name its state directory, its own
descriptors), so that other work on the machine does not disturb.
"""

import collections
import os
import re
from pathlib import Path

from host import HostFailure, children, process_name, read, wait_until

# A daemon that has worked keeps what its allocator has once asked for; what leaks with each attack passes this soon.
RESIDENT_SLACK = 96 << 20
# Page cache of the images, charged to whoever touched it first; counted only where nothing runs any more.
GROUP_SLACK = 64 << 20
DISK_SLACK = 8 << 20
DATABASE_SLACK = 16
# Ready volumes: `volume-pool` (2) of each size in use, four times as many (VolumeDemand) while they are wanted faster than made; the
# attacks use two sizes.
VOLUME_SLACK = 2 * 2 * 4
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time")


class HostCounters:
    """A snapshot. `exact` must come back to the same, `amounts` (bytes for the most part) to no more than before and some slack."""

    def __init__(self, host):
        self.host = host
        daemons = [("roostd", host.roostd.pid), ("supervisor", host.supervisor())]
        processes = host.processes()
        self.exact = {
            "processes": sorted(collections.Counter(process_name(process) for process in processes).items(), key=str),
            "control groups": sum(1 for group in host.control_groups() for _ in os.walk(group)),
            "mounts": mounts(host, processes),
            "namespaces": {kind: len(namespaces(processes, kind)) for kind in NAMESPACES},
        }
        self.amounts = {f"memory of {name}": (resident(process), RESIDENT_SLACK) for name, process in daemons}
        for name, process in daemons:
            held = descriptors(process, host.port)
            # A database opens more readers when many ask at once, up to its pool's size, and keeps them.
            databases = sum(held.pop(kind) for kind in list(held) if ".sqlite" in kind)
            self.amounts[f"databases of {name}"] = (databases, DATABASE_SLACK)
            # As many volumes are kept ready as were lately wanted: one loop device and two mounts each, of which the first sandbox takes one.
            # So this is the same with any number of them that are ready, and changes with each that is lost or in use.
            roots, devices = held.pop("/", 0), held.pop("/dev/loop", 0)
            if devices:
                self.exact[f"volumes of {name}"] = roots - 2 * devices
            else:
                self.amounts[f"volumes of {name}"] = (roots, 2 * VOLUME_SLACK)
            self.exact[f"descriptors of {name}"] = dict(sorted(held.items()))
        self.amounts["loop devices"] = (len(loop_devices(host)), VOLUME_SLACK)
        self.amounts["memory of all control groups"] = (group_memory(host), GROUP_SLACK)
        self.amounts["disk of all volumes"] = (disk(host), DISK_SLACK)

    def changes_since(self, before):
        """What is not as it was, as {what: (before, now)}."""
        changed = {what: (before.exact[what], now) for what, now in self.exact.items() if before.exact[what] != now}
        for what, (now, slack) in self.amounts.items():
            if now > before.amounts[what][0] + slack:
                changed[what] = (before.amounts[what][0], now)
        return changed

    def assert_come_back(self, seconds=20):
        """What ends asynchronously gets a moment."""
        try:
            wait_until(lambda: not HostCounters(self.host).changes_since(self), seconds, "the host's counters")
        except HostFailure:
            changes = HostCounters(self.host).changes_since(self)
            if changes:
                raise AssertionError(f"the host has kept: {changes}") from None


def mounts(host, processes):
    """Lines of the mount tables: all in namespaces that roostd made, elsewhere those that name the state directory."""
    own, count, seen = os.stat("/proc/self/ns/mnt").st_ino, 0, set()
    for process in processes | {os.getpid()}:
        try:
            namespace = os.stat(f"/proc/{process}/ns/mnt").st_ino
        except OSError:
            continue  # it has ended
        if namespace in seen:
            continue
        seen.add(namespace)
        lines = (read(f"/proc/{process}/mountinfo") or "").splitlines()
        count += sum(1 for line in lines if namespace != own or str(host.state) in line)
    return count


def loop_devices(host):
    return [path for path in Path("/sys/block").glob("loop*/loop/backing_file") if str(host.state) in (read(path) or "")]


def namespaces(processes, kind):
    """Those of these processes, and those that they hold open."""
    found = set()
    for process in processes:
        for path in [f"/proc/{process}/ns/{kind}"] + [f"/proc/{process}/fd/{name}" for name in listed(f"/proc/{process}/fd")]:
            try:
                target = os.readlink(path)
            except OSError:
                continue
            if target.startswith(f"{kind}:["):
                found.add(target)
    return found


def listed(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []


def descriptors(process, port):
    """How many of each kind; connections of clients (this test is one) are not the daemon's doing."""
    clients, kinds = client_sockets(port), collections.Counter()
    for name in listed(f"/proc/{process}/fd"):
        try:
            target = os.readlink(f"/proc/{process}/fd/{name}")
        except OSError:
            continue
        if target not in clients:
            kinds[re.sub(r"[:/]?\[?\d+\]?", "", target) if target.startswith(("socket:", "pipe:", "/")) else target] += 1
    return kinds


def client_sockets(port):
    found = set()
    for line in (read("/proc/net/tcp") or "").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port and fields[3] != "0A":  # not the listener itself
            found.add(f"socket:[{fields[9]}]")
    return found


def resident(process):
    found = re.search(r"VmRSS:\s+(\d+)", read(f"/proc/{process}/status") or "")
    return int(found.group(1)) * 1024 if found else 0


def group_memory(host):
    """Without the supervisor's own group, whose cache of databases and artefacts grows; its process is looked at by itself."""
    for group in host.control_groups():
        total = charged(group)
        if total is not None:
            return total - sum(charged(child) or 0 for child in group.glob("supervisor-*"))
    return 0


def charged(group):
    text = read(group / "memory.current") or read(group / "memory.usage_in_bytes")
    return int(text) if text else None


def disk(host):
    """Blocks of the volumes' files, nameless ones too: roostd or the kernel's loop device holds them."""
    total = 0
    for folder in ("volumes", "run"):
        for path in (host.state / folder).rglob("*"):
            try:
                total += os.lstat(path).st_blocks * 512
            except OSError:
                pass  # it has gone
    for name in listed(f"/proc/{host.roostd.pid}/fd"):
        try:
            status = os.stat(f"/proc/{host.roostd.pid}/fd/{name}")
            if str(host.state) in os.readlink(f"/proc/{host.roostd.pid}/fd/{name}"):
                total += status.st_blocks * 512
        except OSError:
            pass
    return total


def everything(host):
    """For a failure's report: the processes by name and number."""
    return [(process, process_name(process), children(process)) for process in sorted(host.processes())]

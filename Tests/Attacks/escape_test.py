"""Ways out of a sandbox: each is tried by a program inside, and judged by its report and by what can be seen outside."""

import errno
import json
import os
import re
import select
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from arena import HERE, Arena, program
from counters import HostCounters
from functions import make_zip
from host import REPOSITORY, wait_until

INSIDE = """
import ctypes, errno, fcntl, glob, hashlib, json, mmap, os, re, signal, socket, stat, struct, subprocess, sys, threading, time

def refused(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    return "allowed"

def run(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout

def handler(event, context):
    names = dict(globals())
    exec(event, names)
    return names.get("result")
"""
FILES = {"app.py": INSIDE} | {name: (program(name), 0o100755) for name in ("calls", "sockets", "sweep")}


class Inside(Arena):
    """One attacker for all of these: none of them may change anything, so all meet the same sandbox and leave the same host."""

    def __init__(self, host):
        super().__init__(host)
        layer = self.layer("attacked", {"shared.txt": "as published"})
        self.function = self(zip=make_zip(FILES), Layers=[layer], MemorySize=512, Timeout=60)
        self.neighbour = self(zip=make_zip(FILES), Layers=[layer], Environment={"Variables": {"SECRET": "of-the-neighbour"}})
        for function in (self.function, self.neighbour):
            function.call("result = 1")

    def do(self, source):
        """Runs Python there; its `result`. The caller and the journal hear of a success, whatever was refused."""
        return self.strike(self.function, source)


@pytest.fixture(scope="module")
def attackers(host, beginning):
    inside = Inside(host)
    yield inside
    inside.delete_all()
    beginning.assert_come_back()


@pytest.fixture
def inside(attackers, host):
    """Afterwards the host holds what it held before, the environment included: the attack did not even cost it that."""
    before, environments = HostCounters(host), {row["id"] for row in attackers.environments()}
    yield attackers
    before.assert_come_back()
    assert {row["id"] for row in attackers.environments()} == environments, "an environment was lost"


def tried(inside, group):
    """`what` → the errno's name, of a group of programs/calls.c."""
    lines = inside.do(f"result = run('/var/task/calls', '{group}')").splitlines()
    answers = {what: "allowed" if number == "0" else errno.errorcode.get(int(number), number) for number, what in (line.split(" ", 1) for line in lines)}
    assert len(answers) > 5
    return answers


# ---- System calls ----


def test_no_namespace_can_be_made_or_entered(inside):
    answers = tried(inside, "namespaces")
    assert set(answers.values()) <= {"EPERM", "ENOSYS"}, answers
    assert all(answer == "ENOSYS" for what, answer in answers.items() if what.startswith("clone3"))


@pytest.mark.parametrize("group", ["mounts", "processes", "kernel", "network", "files", "identity"])
def test_what_must_not_work_does_not(inside, group):
    # What the kernel grants because it changes nothing.
    harmless = {"nothing": []}
    allowed = {what: answer for what, answer in tried(inside, group).items() if answer == "allowed" and what not in harmless}
    assert allowed == {}


def test_sockets_are_of_the_everyday_kinds_only(inside):
    got = set(inside.do("result = run('/var/task/sockets')").split("\n")) - {""}
    streams = {f"{family} 1 {protocol}" for family in (2, 10) for protocol in (0, 6)}
    datagrams = {f"{family} 2 {protocol}" for family in (2, 10) for protocol in (0, 17)}
    unix = {f"1 {kind} {protocol}" for kind in (1, 2, 3, 5) for protocol in (0, 1)} | {f"pair 1 {kind}" for kind in (1, 2, 3, 5)}
    route = {f"16 {kind} 0" for kind in (2, 3)}
    assert got - streams - datagrams - unix - route == set()
    assert "2 1 0" in got and "10 2 0" in got


@pytest.mark.parametrize("table", ["i386"])
def test_the_32_bit_system_calls_do_not_exist(inside, table):
    lines = [line.split() for line in inside.do(f"result = run('/var/task/sweep', '{table}', '0', '470')").splitlines()]
    assert len(lines) == 471
    # A kernel without the 32-bit entry kills the caller.
    assert {answer for _, answer in lines} <= {str(errno.ENOSYS), "signal"}


def test_the_x32_system_calls_do_not_exist(inside):
    lines = [line.split() for line in inside.do("result = run('/var/task/sweep', 'native', '0x40000000', '0x40000226')").splitlines()]
    assert len(lines) == 0x227
    assert {answer for line in lines for answer in line[1:]} == {str(errno.ENOSYS)}


GOLDEN = HERE / "golden/syscalls-x86_64.txt"
VERDICTS = {str(errno.EPERM): "EPERM", str(errno.ENOSYS): "ENOSYS"}
# Not calls but the kernel's own traps for probes, which pass by every filter; outside a probe they end in SIGILL or ENXIO.
TRAPS = {335, 336}


def names_of_system_calls():
    """From the C library's headers, for the eyes of whoever reads the list."""
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text()
    return {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header)}


def known_to_this_kernel(number):
    """Asked outside, as nobody, and only for calls that the list lets pass: they are harmless with these arguments."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        sweep = Path(folder, "sweep")
        sweep.write_bytes(program("sweep"))
        sweep.chmod(0o755)
        done = subprocess.run([sweep, "native", str(number), str(number)], user=65534, group=65534, extra_groups=[], capture_output=True, text=True)
    return str(errno.ENOSYS) not in done.stdout.split()[1:]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the golden list is of x86-64's numbers")
def test_every_system_call_is_answered_as_the_golden_list_says(inside):
    """`ROOST_UPDATE_GOLDEN=1` writes the list instead; the change is then looked at as a diff."""
    now = {}
    for line in inside.do("result = run('/var/task/sweep', 'native', '0', '600')").splitlines():
        number, *answers = line.split()
        now[int(number)] = [VERDICTS.get(answer, "passes") for answer in answers]
    if os.environ.get("ROOST_UPDATE_GOLDEN") == "1":
        names = names_of_system_calls()
        GOLDEN.write_text("".join(f"{number} {names.get(number, '-')} {' '.join(verdicts)}\n" for number, verdicts in now.items() if number not in TRAPS))
    golden = {int(number): verdicts for number, _, *verdicts in map(str.split, GOLDEN.read_text().splitlines())}
    assert set(now) == set(golden) | TRAPS
    wider = [number for number in golden for then, is_now in zip(golden[number], now[number], strict=True) if is_now == "passes" != then]
    assert wider == [], "the filter lets through what it did not"
    narrower = {number for number in golden if golden[number] != now[number]}
    assert {number for number in narrower if known_to_this_kernel(number)} == set(), "the filter refuses what it let through"


# ---- Files and /proc ----


def test_no_file_of_the_host_is_in_sight(inside, host):
    name = f"roost-canary-{os.getpid()}"
    places = [Path("/tmp", name), Path("/var/tmp", name), host.state / name, Path("/dev/shm", name), Path("/run", name)]
    places = [place for place in places if place.parent.is_dir()]
    try:
        for place in places:
            place.write_text(name)
        found = inside.do(f"""
found = []
for folder, directories, files in os.walk("/", onerror=None):
    directories[:] = [d for d in directories if not os.path.islink(os.path.join(folder, d))]
    if folder == "/proc": directories[:] = ["self", "1", "sys", "fs", "bus"]
    found += [os.path.join(folder, name) for name in directories + files if name == {name!r}]
for place in {[str(place) for place in places]!r}:
    for prefix in ("", "/proc/self/root", "/proc/self/cwd/../../../../..", "/proc/1/root", "/proc/1/cwd", "/proc/self/fd/0/../../..", "/tmp/../../../.."):
        if os.path.exists(prefix + place): found.append(prefix + place)
result = found""")
        assert found == []
    finally:
        for place in places:
            place.unlink(missing_ok=True)


def test_no_table_names_a_path_of_the_host(inside, host):
    text = inside.do("""
texts = []
for name in ["mountinfo", "mounts", "mountstats", "maps", "cgroup", "environ", "cmdline", "limits", "status", "stat"]:
    try: texts.append(open("/proc/self/" + name).read())
    except OSError: pass
result = "".join(texts)""")
    for secret in (str(host.state), str(REPOSITORY), "roost-", "/work", "/home", "loop-control"):
        assert secret not in text.replace("roost-init", ""), secret


def test_nothing_in_proc_can_be_written(inside):
    answers = inside.do("""
answers = {}
for top in ["/proc/sys", "/proc/fs", "/proc/irq", "/proc/bus", "/proc/driver", "/proc/acpi", "/proc/scsi", "/proc/tty", "/proc/net", "/proc/sysvipc"]:
    for folder, _, files in os.walk(top):
        for name in files: answers.setdefault(refused(lambda: os.close(os.open(os.path.join(folder, name), os.O_WRONLY))), []).append(os.path.join(folder, name))
for path in glob.glob("/proc/*") + glob.glob("/proc/self/*") + glob.glob("/proc/self/attr/*"):
    if not os.path.isdir(path) and not os.path.islink(path):
        answers.setdefault(refused(lambda: os.close(os.open(path, os.O_WRONLY))), []).append(path)
result = {answer: paths if answer == "allowed" else len(paths) for answer, paths in answers.items()}""")
    # The masks are this sandbox's own /dev/null.
    assert set(answers.pop("allowed", [])) <= set(inside.do(
        "result = [p for p in glob.glob('/proc/*') if stat.S_ISCHR(os.stat(p).st_mode) and os.stat(p).st_rdev == os.makedev(1, 3)]"))
    assert sum(answers.values()) > 200


def test_proc_tells_nothing_of_the_hosts_devices_and_neighbours(inside):
    """Of what the kernel does for others nothing can be read: covered, refused or empty."""
    readable = inside.do("""
def text(path):
    try: return open(path, "rb").read(64)
    except OSError: return b""
names = ["kcore", "kallsyms", "kmsg", "modules", "interrupts", "slabinfo", "timer_list", "sched_debug", "diskstats", "partitions", "iomem", "ioports",
         "vmallocinfo", "pagetypeinfo", "buddyinfo", "zoneinfo", "softirqs", "sysrq-trigger", "cmdline", "config.gz", "swaps", "mdstat", "latency_stats"]
result = {name: text("/proc/" + name).decode("latin-1") for name in names if text("/proc/" + name)}""")
    assert readable == {}
    # Keys are shown to those who may see them: this sandbox's session keyring is the only one.
    assert [line.split()[5:9] for line in inside.do("result = open('/proc/keys').read().splitlines()")] == [["993", "990", "keyring", "_ses:"]]


def test_other_environments_processes_are_out_of_sight_and_out_of_reach(inside, host):
    neighbour = next(row for row in inside.environments(inside.neighbour))
    seen = inside.do(f"""
own = {{os.getpid(), 1}}
found = []
for number in [n for n in range(1, 4096) if n not in own] + [{neighbour["hostProcessID"]}]:
    for path in (f"/proc/{{number}}", f"/proc/{{number}}/environ", f"/proc/{{number}}/root", f"/proc/{{number}}/mem", f"/proc/{{number}}/task/{{number}}"):
        if os.path.lexists(path): found.append(path)
    try:
        os.kill(number, 0)
        found.append(number)
    except ProcessLookupError: pass
    except PermissionError: found.append(f"kill {{number}}")
    try: os.close(os.pidfd_open(number)); found.append(f"pidfd {{number}}")
    except OSError: pass
result = found""")
    assert seen == []
    assert inside.strike(inside.neighbour, "result = os.environ['SECRET']") == "of-the-neighbour"


def test_pid_1_can_be_neither_ended_nor_stopped_nor_looked_into(inside, host):
    environment = next(row for row in inside.environments(inside.function))
    before = Path(f"/proc/{environment['hostProcessID']}/stat").read_text().split()
    answers = inside.do("""
for number in range(1, 65):
    try: os.kill(1, number)
    except OSError: pass
os.setpriority(os.PRIO_PROCESS, 0, 1)
for which, who in [(os.PRIO_PGRP, 1), (os.PRIO_USER, 0), (os.PRIO_USER, os.getuid())]:
    try: os.setpriority(which, who, 19)
    except OSError: pass
libc = ctypes.CDLL(None)
for which, who in [(2, 1), (3, 0), (3, os.getuid())]: libc.syscall(251, which, who, 3 << 13)
result = {name: refused(lambda: os.listdir("/proc/1/" + name)) for name in ("", "fd", "ns", "task", "map_files")}""")
    assert "allowed" not in answers.values(), answers
    after = Path(f"/proc/{environment['hostProcessID']}/stat").read_text().split()
    assert after[2] == before[2] != "T" and after[18] == before[18], "its state and its nice value"


@pytest.mark.parametrize("tree", ["/var/task", "/opt", "/var/runtime", "/usr/bin", "/etc"])
def test_code_layers_and_image_cannot_be_changed(inside, tree):
    answers = inside.do(f"""
path = next(os.path.join(folder, name) for folder, _, names in os.walk({tree!r}) for name in names if not os.path.islink(os.path.join(folder, name)))
new = {tree!r} + "/new"
open("/tmp/own", "w").close()
result = {{
    "write": refused(lambda: open(path, "r+")), "truncate": refused(lambda: os.truncate(path, 0)), "remove": refused(lambda: os.unlink(path)),
    "create": refused(lambda: open(new, "w")), "folder": refused(lambda: os.mkdir(new)), "link": refused(lambda: os.symlink("/tmp/own", new)),
    "hard link in": refused(lambda: os.link("/tmp/own", new)), "hard link out": refused(lambda: os.link(path, "/tmp/hard")),
    "rename": refused(lambda: os.rename(path, "/tmp/away")), "replace": refused(lambda: os.replace("/tmp/own", path)),
    "mode": refused(lambda: os.chmod(path, 0o777)), "owner": refused(lambda: os.chown(path, os.getuid(), os.getgid())),
    "times": refused(lambda: os.utime(path)), "attribute": refused(lambda: os.setxattr(path, "user.a", b"b")),
    "fifo": refused(lambda: os.mkfifo(new)), "through a link": refused(lambda: (os.path.lexists("/tmp/l") or os.symlink(path, "/tmp/l"), open("/tmp/l", "w"))),
}}""")
    assert "allowed" not in answers.values(), answers


def test_set_id_programs_and_devices_in_tmp_have_no_effect(inside):
    answers = inside.do("""
import shutil
shutil.copy("/usr/bin/id", "/tmp/id")
os.chmod("/tmp/id", 0o6755)
result = [run("/tmp/id", "-u"), run("/tmp/id", "-g"),
          [refused(lambda: os.mknod("/tmp/" + str(kind), kind | 0o666, os.makedev(major, minor)))
           for kind, major, minor in [(stat.S_IFBLK, 7, 0), (stat.S_IFBLK, 8, 0), (stat.S_IFCHR, 1, 1), (stat.S_IFCHR, 10, 237), (stat.S_IFCHR, 5, 2)]]]
os.unlink("/tmp/id")""")
    # By user id, or before that by Landlock.
    assert answers[:2] == ["993\n", "990\n"] and set(answers[2]) <= {"EPERM", "EACCES"}, answers


def test_links_in_tmp_lead_the_host_nowhere(inside, host):
    """The host opens nothing by name beneath a sandbox's /tmp; what links there point to stays as it was."""
    victim = host.state / "credentials"
    before = (victim.read_bytes(), os.stat(victim))
    answers = inside.do(f"""
for name in ["a", "core", "lock", "log", "stdout", ".snapshot"]:
    for target in [{str(victim)!r}, "/proc/self/root", "/proc/1/root{victim}", "../../../../../../..{victim}"]:
        path = "/tmp/" + name
        if os.path.lexists(path): os.unlink(path)
        os.symlink(target, path)
result = [os.path.exists("/tmp/a"), refused(lambda: os.link("/proc/self/root/etc/passwd", "/tmp/h")), refused(lambda: os.rename("/tmp", "/opt/tmp"))]""")
    assert answers[0] is False and "allowed" not in answers[1:]
    assert (victim.read_bytes(), os.stat(victim).st_mtime_ns) == (before[0], before[1].st_mtime_ns)


def test_no_descriptor_is_inherited_but_the_three(inside):
    """Looked at where nothing has been opened yet: in a child of the runtime that was given all of its descriptors, and in the runtime."""
    links = inside.do("result = {n: os.readlink('/proc/self/fd/' + n) for n in os.listdir('/proc/self/fd') if os.path.lexists('/proc/self/fd/' + n)}")
    for number in "012":
        assert links[number].startswith("pipe:") or links[number] == "/dev/null", links
    rest = [link for number, link in links.items() if number not in "012"]
    # The runtime's own connection to its API, its epoll, what Python opens under /var and /tmp.
    assert not [link for link in rest if not re.match(r"socket:|anon_inode:|pipe:|/tmp/|/var/|/dev/(null|urandom)|/proc/\d+/fd", link)], links
    for path in [f"/proc/self/fd/{number}/.." for number in links]:
        assert inside.do(f"result = os.path.exists({path!r})") is False
    assert inside.do("result = [os.listdir('/proc/' + p + '/fd') if os.path.exists('/proc/' + p + '/fd') else [] for p in ('1',)]") in ([[]],)


# ---- The host's network ----


def host_addresses():
    """Every address of this machine, as text."""
    shown = subprocess.run(["ip", "-j", "address"], capture_output=True, text=True, check=True).stdout
    return [entry["local"] for link in json.loads(shown) for entry in link.get("addr_info", [])]


@pytest.fixture
def bait():
    """A service on every address of the host and on an abstract socket, that remembers who came."""
    came = []
    stream, packets, named = socket.socket(socket.AF_INET6), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX)
    for one in (stream, packets):
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    stream.bind(("::", 0))
    port = stream.getsockname()[1]
    packets.bind(("::", port))
    name = f"\0roost-bait-{os.getpid()}"
    named.bind(name)
    for one in (stream, named):
        one.listen()

    def serve():
        while True:
            ready, _, _ = select.select([stream, packets, named, end], [], [])
            if end in ready:
                return
            for one in ready:
                came.append(one.recvfrom(100) if one is packets else one.accept()[1])

    end, ender = socket.socketpair()
    thread = threading.Thread(target=serve)
    thread.start()
    # It does work from here: a bait that cannot be taken proves nothing.
    socket.create_connection(("127.0.0.1", port)).close()
    wait_until(lambda: came, 5, "the bait's first visitor")
    came.clear()
    yield port, name, came
    ender.send(b"x")
    thread.join()
    for one in (stream, packets, named, end, ender):
        one.close()


def test_no_service_of_the_host_can_be_reached(inside, host, bait):
    port, name, came = bait
    answers = inside.do(f"""
answers = {{}}
for address in {host_addresses() + ["127.0.0.1", "::1", "127.1.2.3", "0.0.0.0", "::", "169.254.100.1", "::ffff:127.0.0.1"]!r}:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in ({port}, {host.port}):
        with socket.socket(family) as stream:
            stream.settimeout(0.3)
            answers[f"{{address}}:{{port}}"] = refused(lambda: stream.connect((address, port)))
    with socket.socket(family, socket.SOCK_DGRAM) as packets:
        refused(lambda: packets.sendto(b"here", (address, {port})))
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    with socket.socket(socket.AF_UNIX, kind) as named: answers[f"abstract {{kind}}"] = refused(lambda: named.connect({name!r}))
result = answers""")
    assert "allowed" not in answers.values(), answers
    assert came == []


def test_metadata_and_neighbours_addresses_lead_nowhere(inside):
    answers = inside.do("""
answers = {}
for address in ["169.254.169.254", "169.254.170.2", "169.254.100.2", "169.254.0.1", "fd00:ec2::254", "fe80::1%lo", "10.0.0.1", "172.17.0.1", "192.168.0.1", "224.0.0.1",
                "255.255.255.255", "ff02::1%lo"]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    target = socket.getaddrinfo(address, 80, family, socket.SOCK_STREAM)[0][4]
    with socket.socket(family) as stream:
        stream.settimeout(0.3)
        answers[address] = refused(lambda: stream.connect(target))
result = answers""")
    assert "allowed" not in answers.values(), answers

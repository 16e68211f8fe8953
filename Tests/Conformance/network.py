"""Networks of the tests' own: nothing that a test does reaches the machine's."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

CLONE_NEWNET = 0x40000000


machine = None


def enter_network_of_own():
    """Leaves the machine's network for a fresh one with loopback only; daemons that are started from now on are in it, too."""
    global machine
    machine = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare the network: the tests need root")
    ip("link set lo up")


def in_the_machines_network(*words):
    """The command that runs `words` there: what fetches packages must."""
    return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{machine}", *words]


def ip(words, process=None):
    """The `ip` program, in the network of `process` or ours: what it prints."""
    return run(["ip", *words.split()], process)


def run(words, process=None):
    inside = ["nsenter", f"--net=/proc/{process}/ns/net"] if process else []
    done = subprocess.run(inside + words, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


class Outside:
    """The rest of the world: a network beyond ours, with servers, that ours has its default route to."""

    GATEWAY, HOST, RESOLVER = "203.0.113.1", "203.0.113.2", "203.0.113.53"
    METADATA, INNER, OTHER, DENIED = "169.254.169.254", "10.20.0.5", "10.30.0.5", "10.66.0.5"
    TCP_PORTS, UDP_PORT = (80, 443), 5000

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("outside.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "away\n"
        pid = self.process.pid
        ip(f"link add up0 type veth peer name out0 netns {pid}")
        ip(f"address add {self.HOST}/24 dev up0")
        ip("-6 address add fd00:7::2/64 dev up0 nodad")
        ip("link set up0 up mtu 1400")
        ip(f"address add {self.GATEWAY}/24 dev out0", pid)
        ip("-6 address add fd00:7::1/64 dev out0 nodad", pid)
        for address in (self.RESOLVER, self.METADATA, self.INNER, self.OTHER, self.DENIED):
            ip(f"address add {address}/32 dev lo", pid)
        ip("link set out0 up", pid)
        ip(f"route add default via {self.GATEWAY}")
        self.process.stdin.write("serve\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "serving\n"
        return self

    def __exit__(self, *_):
        # The link goes with the other network.
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def seen(self):
        """How many connections and packets its servers have been given so far."""
        self.process.stdin.write("count\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


def environment_processes(host):
    """The processes of sandboxes that have a network of their own."""
    own = os.stat("/proc/self/ns/net").st_ino
    found = {}
    for process in host.processes():
        try:
            namespace = os.stat(f"/proc/{process}/ns/net").st_ino
        except OSError:
            continue
        if namespace != own:
            found.setdefault(namespace, process)
    return list(found.values())

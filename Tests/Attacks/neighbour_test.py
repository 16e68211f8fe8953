"""While attacks run, an honest function on the same host keeps answering: p99 ≤ 3 × its p99 beside a well-behaved CPU hog of the same memory size.

Both are measured in the same run, in turns of a hundred invocations, so that what else goes on meets both. On a shared machine of two processors one
late wake-up in a hundred decides a p99, and other work can add to it as well in the attack's turns as in the hog's. A ratio that is too large because of
it does not come three times; one that an attack makes does. So the smallest of up to three counts.
"""

import json
import multiprocessing
import signal
import socket
import statistics
import time

import pytest
from arena import Arena, program
from functions import make_zip
from host import TIME_SCALE, wait_until
from raw_api_test import FRAMES, invoke_path, signed

MEMORY = 1_769  # buys one processor: half of a small machine
TURN, TURNS, ROUNDS, FACTOR = 100, 2, 3, 3.0

HOG = """
def hog(seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
"""
SOURCE = f"""
import ctypes, mmap, os, signal, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None)
{HOG}
def handler(event, context):
    names = dict(globals())
    exec(event, names)
    return names.get("result")
"""
FILES = {"app.py": SOURCE} | {name: (program(name), 0o100755) for name in ("bomb", "calls", "sweep")}

# What is invoked again and again, and how often at once.
ATTACKS = {
    "escape: every forbidden call": "while True: [subprocess.run(['/var/task/calls', g], capture_output=True) for g in ('namespaces', 'mounts', 'kernel', 'processes')]",
    "escape: every system call": "while True: subprocess.run(['/var/task/sweep', 'native', '0', '470'], capture_output=True)",
    "processes": "subprocess.Popen('/var/task/bomb'); time.sleep(60)",
    "CPU": "[os.fork() for _ in range(5)]; hog()",
    "memory, until it is killed": "held = []\nwhile True: held.append(bytearray(os.urandom(4096)) * 4096)",
    "memory, taken and given back": "while True: m = mmap.mmap(-1, 1 << 30); [m.__setitem__(i, 1) for i in range(0, 1 << 28, 4096)]; m.close()",
    "disk: bytes": "b = os.urandom(1 << 20)\nwhile True:\n    f = os.open('/tmp/f', os.O_CREAT | os.O_RDWR | os.O_TRUNC)\n    try:\n        while True: os.write(f, b)\n"
                   "    except OSError: os.close(f)",
    "disk: synchronised": "f = os.open('/tmp/f', os.O_CREAT | os.O_RDWR)\nwhile True: os.pwrite(f, os.urandom(4096), int.from_bytes(os.urandom(3), 'big') * 16); os.fsync(f)",
    "log flood": "b = b'flood\\n' * 10_000\nwhile True: os.write(1, b); os.write(2, b)",
    "log flood of one line": "b = b'x' * 60_000\nwhile True: os.write(1, b); os.write(2, b)",
    "answers too large": "result = 'x' * 8_000_000",
    "answers just within": "result = 'x' * 6_000_000",
    "connections to the Runtime API": "while True:\n    s = socket.create_connection(('169.254.100.1', 9001)); s.sendall(b'GET /2018-06-01/ping HTTP/1.1\\r\\n\\r\\n' * 50); s.close()",
    "daemons": "for _ in range(50):\n    if os.fork() == 0:\n        os.setsid()\n        [signal.signal(n, signal.SIG_IGN) for n in range(1, 32) if n not in (9, 19)]\n        hog()\nresult = 1",
    "crash after crash": "os._exit(1)",
}


def provoke(port, request):
    """In a process of its own: the one that measures shall not share its interpreter."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 60 * TIME_SCALE) as connection:
                connection.sendall(request)
                while connection.recv(1 << 20):
                    pass
        except OSError:
            time.sleep(0.01)


def provoke_at_the_front(port, _):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    frames = [data for data, _ in FRAMES.values()]
    while True:
        for data in frames:
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as connection:
                    connection.sendall(data)
            except OSError:
                pass


class Provocation:
    """`with` it the attack goes on; afterwards nothing of it does."""

    def __init__(self, arena, target, function, request):
        self.arena, self.function = arena, function
        self.process = multiprocessing.get_context("fork").Process(target=target, args=[arena.host.port, request], daemon=True)

    def __enter__(self):
        self.process.start()
        if self.function:
            wait_until(lambda: self.arena.environments(self.function), 10, "an environment of the attacker")
        time.sleep(0.3)  # not to wait for anything: to have it under way when the measurement begins

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()
        if self.function:
            wait_until(self.stop, 30, "the attacker's end")

    def stop(self):
        for row in self.arena.environments(self.function):
            self.arena.stop(row["id"])
        return not self.arena.environments(self.function)


class Honest:
    """Sequential invocations on one connection; a request is signed once a turn, so that little but the host is measured."""

    def __init__(self, arena, host, source):
        self.host, self.function = host, arena(source, MemorySize=MEMORY)
        self.function.call(1)
        self.connection = socket.create_connection(("127.0.0.1", host.port), 60 * TIME_SCALE)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def turn(self):
        request, taken = signed(self.host, "POST", invoke_path(self.function), b"1"), []
        for _ in range(TURN):
            begin = time.perf_counter()
            self.connection.sendall(request)
            answer = self.connection.recv(65536)
            taken.append(time.perf_counter() - begin)
            assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"1"), answer
        return taken


def p99(samples):
    return statistics.quantiles(samples, n=100, method="inclusive")[98]


class Field:
    """The honest function and the hog, for all attacks."""

    def __init__(self, host, honest="handler = lambda event, context: event", files=FILES):
        self.host, self.arena, self.files = host, Arena(host), files
        self.honest = Honest(self.arena, host, honest)
        self.hog = self.function(900)

    def function(self, timeout):
        return self.arena(zip=make_zip(self.files), MemorySize=MEMORY, Timeout=timeout)

    def provocation(self, function, source):
        request = signed(self.host, "POST", invoke_path(function), json.dumps(source).encode(), {"Connection": "close"})
        return Provocation(self.arena, provoke, function, request)

    def round(self, attack):
        """p99 under attack and beside the hog, whose turns and the attack's come by turns."""
        under_attack, beside_hog = [], []
        for _ in range(TURNS):
            with self.provocation(self.hog, "hog(900)"):
                beside_hog += self.honest.turn()
            with attack():
                under_attack += self.honest.turn()
        return p99(under_attack), p99(beside_hog)

    def rounds(self, name, attack):
        """Up to three, until one is good enough: ratio, p99 under attack, p99 beside the hog."""
        rounds = []
        while len(rounds) < ROUNDS and not (rounds and min(rounds)[0] <= FACTOR):
            under_attack, beside_hog = self.round(attack)
            rounds.append((under_attack / beside_hog, under_attack, beside_hog))
        print(f"{name}: " + "; ".join(f"p99 {attacked * 1000:.1f} ms, beside a hog {hogged * 1000:.1f} ms: {ratio:.2f}" for ratio, attacked, hogged in rounds))
        return rounds

    def close(self):
        self.honest.connection.close()
        self.arena.delete_all()


@pytest.fixture(scope="module")
def field(host, beginning):
    field = Field(host)
    yield field
    field.close()
    beginning.assert_come_back(60)


@pytest.mark.parametrize("attack", [*ATTACKS, "malformed requests"])
def test_an_honest_function_answers_while_it_is_attacked(field, attack):
    attacker = field.function(timeout=2)

    def provocation():
        if attack in ATTACKS:
            return field.provocation(attacker, ATTACKS[attack])
        return Provocation(field.arena, provoke_at_the_front, None, None)

    rounds = field.rounds(attack, provocation)
    assert attack not in ATTACKS or field.arena.records(attacker), "there was no attack"
    attacker.delete()
    assert min(rounds)[0] <= FACTOR, rounds
    assert {row["outcome"] for row in field.arena.records(field.honest.function)} == {"success"}

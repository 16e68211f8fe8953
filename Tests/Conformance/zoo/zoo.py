"""CPython as shipped in the python3.11 image, with numpy and pandas from layers."""

import gc
import http.server
import io
import os
import subprocess
import threading
import urllib.request
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy
import pandas


class Pong(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"pong {self.path}".encode())

    def log_message(self, *_):
        pass


def over_loopback():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pong) as server:
        threading.Thread(target=server.serve_forever).start()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/7", timeout=20) as answer:
            text = answer.read().decode()
        server.shutdown()
    return text


def in_a_file():
    with open("/tmp/zoo.part", "wb") as file:
        file.write(bytes(1_000_000))
    os.rename("/tmp/zoo.part", "/tmp/zoo")
    size = os.stat("/tmp/zoo").st_size
    os.unlink("/tmp/zoo")
    return size


class Node:
    pass


def collects():
    node = Node()
    node.itself, gone = node, weakref.ref(node)
    del node
    for _ in range(400):
        bytearray(1 << 20)
    gc.collect()
    return gone() is None


def primes():
    sieve = numpy.ones(200_000, dtype=bool)
    sieve[:2] = False
    for number in range(2, 448):
        if sieve[number]:
            sieve[number * number::number] = False
    return int(sieve.sum())


def frames():
    """A matrix product (OpenBLAS has threads of its own), a CSV there and back, a group."""
    square = numpy.arange(250_000, dtype=float).reshape(500, 500) % 7
    table = pandas.DataFrame({"group": numpy.arange(1_000) % 3, "value": numpy.arange(1_000.0)})
    again = pandas.read_csv(io.StringIO(table.to_csv(index=False)))
    return {"trace": float(numpy.trace(square @ numpy.eye(500))), "sums": again.groupby("group")["value"].sum().tolist()}


def handler(event, context):
    child = subprocess.run(["/bin/sh", "-c", "echo $((6 * 7)); exit 3"], capture_output=True, text=True)
    with ThreadPoolExecutor(4) as pool:
        threads = sum(pool.map(lambda _: sum(range(1_000_001)), range(4)))
    return {
        "threads": threads, "child": child.stdout.strip(), "status": child.returncode, "http": over_loopback(), "file": in_a_file(),
        "collected": collects(), "primes": primes(), "frames": frames(),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "processors": len(os.sched_getaffinity(0)),
    }

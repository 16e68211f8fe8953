"""Taking everything there is of something: the limit is the function's own, its caller is told, and nobody else is short of it."""

import contextlib
import threading

import pytest
from arena import program
from counters import descriptors, resident
from functions import make_zip
from host import read, wait_until

PRELUDE = """
import ctypes, errno, mmap, os, select, signal, socket, struct, subprocess, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
held = []

def until_refused(take, most=1_000_000):
    count = 0
    try:
        while count < most:
            held.append(take())
            count += 1
    except OSError as error:
        return [count, errno.errorcode.get(error.errno, type(error).__name__)]
    except RuntimeError as error:
        return [count, str(error)]
    return [count, None]

def called(number, *arguments):
    answer = libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if answer < 0: raise OSError(ctypes.get_errno(), "")
    return answer

def handler(event, context):
    names = dict(globals())
    exec(event, names)
    return names.get("result")
"""
FILES = {"app.py": PRELUDE, "bomb": (program("bomb"), 0o100755)}


def attacker(arena, **settings):
    function = arena(zip=make_zip(FILES), **{"Timeout": 20, **settings})
    function.call("result = 1")
    return function


@contextlib.contextmanager
def largest(look):
    """Looks all the time; gives a function that tells the largest value seen."""
    seen, over = [0], threading.Event()

    def watch():
        while not over.wait(0.02):
            seen[0] = max(seen[0], look())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: seen[0]
    finally:
        over.set()
        watcher.join()


def processes_in_sandboxes(host):
    return max((int(read(path) or 0) for group in host.control_groups() for path in group.glob("*/pids.current")), default=0)


# ---- Processes and threads ----


@pytest.mark.parametrize("kind", ["", "threads"])
def test_a_fork_bomb_is_contained_and_ends_with_its_invocation(arena, host, kind):
    function = attacker(arena, Timeout=3, MemorySize=512)
    with largest(lambda: processes_in_sandboxes(host)) as most:
        answer = function.invoke(f"subprocess.Popen(['/var/task/bomb'] + {kind.split()!r}); time.sleep(600)")
    row = arena.assert_told(function, answer, "timeout", "Sandbox.Timedout")
    # The journal tells a bomb from a function that only takes long.
    assert row["stalls"]["refusedProcesses"] > 0, row
    # That many, so it was a bomb; and no more than the limit, which both its user id and its control group have.
    assert 500 < most() <= 1024
    assert arena.strike(function, "result = 'again'") == "again"
    limits = {read(path).strip() for group in host.control_groups() for path in group.glob("*/pids.max")}
    # The other one is the supervisor's.
    assert "1024" in limits and limits <= {"1024", "4096"}, limits


def test_threads_are_limited_as_processes_are(arena):
    function = attacker(arena, MemorySize=1024)
    count, reason = arena.strike(function, """
threading.stack_size(32768)
end = threading.Event()
def take():
    thread = threading.Thread(target=end.wait)
    thread.start()
    return thread
result = until_refused(take, 5000)
end.set()""")
    assert 100 < count < 1024 and reason == "can't start new thread"


# ---- Memory, in every kind that there is ----

MEMORY = {
    "anonymous": "block = bytearray(1 << 20)\nwhile True: held.append(bytearray(os.urandom(4096)) * 256)",
    "shared": "while True:\n    block = mmap.mmap(-1, 1 << 20); block.write(os.urandom(4096) * 256); held.append(block)",
    "memfd": "file = os.memfd_create('a')\nwhile True: os.write(file, os.urandom(4096) * 256)",
    "System V": """
libc.shmat.restype = ctypes.c_void_p
while True:
    at = libc.shmat(libc.shmget(0, 1 << 20, 0o1600), None, 0)
    ctypes.memset(at, 1, 1 << 20)""",
    "in children": """
while True:
    if os.fork() == 0:
        held = [bytearray(os.urandom(4096)) * 4096]
        time.sleep(60)""",
    "pipes": """
import fcntl
while True:
    if os.fork() == 0:
        try:
            while True:
                pair = os.pipe(); held.append(pair)
                os.set_blocking(pair[1], False)
                try:
                    while True: os.write(pair[1], bytes(65536))
                except BlockingIOError: pass
        except OSError: time.sleep(60)""",
    "sockets": """
while True:
    if os.fork() == 0:
        try:
            while True:
                pair = socket.socketpair(); held.append(pair)
                for end in pair:
                    end.setblocking(False)
                    try:
                        while True: end.send(bytes(65536))
                    except BlockingIOError: pass
        except OSError: time.sleep(60)""",
    "page tables": """
size = 1 << 40
at = libc.mmap
at.restype = ctypes.c_void_p
at.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
base = at(None, size, 1, 0x4022, -1, 0)   # read-only: every page is the zero page, and only the tables cost
for offset in range(0, size, 1 << 21): ctypes.c_char.from_address(base + offset).value""",
    "message queues": """
while True:
    queue = called(68, 0, 0o1600)
    try:
        while True: called(69, queue, struct.pack("l", 1) + bytes(8000), 8000, 0o4000)
    except OSError: pass""",
}


@pytest.mark.parametrize("kind", MEMORY)
def test_memory_of_every_kind_is_the_functions_own_and_ends_it(arena, kind):
    function = attacker(arena, MemorySize=128, Timeout=30)
    answer = function.invoke(MEMORY[kind])
    row = arena.assert_told(function, answer, "out-of-memory", "Runtime.OutOfMemory")
    told = answer.payload
    assert told == {"errorType": "Runtime.OutOfMemory", "errorMessage": told["errorMessage"]} and "signal: killed" in told["errorMessage"]
    # It was ended at its own limit, not at what the host has.
    assert row["maxMemoryUsed"]["bytes"] < 192 << 20, row
    assert arena.strike(function, "result = 'again'") == "again"


def test_tcp_buffers_are_the_functions_own(arena, host):
    """Where the kernel keeps them out of the memory limit (cgroup v1) they have one of their own, of which no more is had however many connections there are."""
    function = attacker(arena, MemorySize=512, Timeout=60)
    fill = """
listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
sent = 0
for _ in range(100):
    near = socket.socket()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    near.connect(listener.getsockname()); far = listener.accept()[0]
    held.append((near, far))
    for end in (near, far):
        end.setblocking(False)
        try:
            while True: sent += end.send(bytes(1 << 18))
        except BlockingIOError: pass
result = sent"""
    answer = function.invoke(fill)
    limits = {path.parent: int(read(path)) for group in host.control_groups() for path in group.glob("*/memory.kmem.tcp.limit_in_bytes")}
    if limits:
        sent = answer.payload
        arena.assert_told(function, answer)
        most = {int(read(group / "memory.kmem.tcp.max_usage_in_bytes")) for group, limit in limits.items() if limit == 128 << 20}
        # An end that has nothing under way is granted one write, whatever is left.
        assert most and 128 << 20 <= max(most) < (128 << 20) + 200 * (64 << 10), (limits, most)
        assert sent < 141 << 20
    else:
        # They are memory like any other: refused for want of it, or the end.
        arena.assert_told(function, answer, *(() if answer.error is None else ("out-of-memory", "Runtime.OutOfMemory")))
        peaks = [int(read(path)) for group in host.control_groups() for path in group.glob("*/memory.peak")]
        assert all(peak < 600 << 20 for peak in peaks), peaks
    # A neighbour's connections are served meanwhile.
    other = attacker(arena)
    assert arena.strike(other, """
listener = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listener.getsockname()); far = listener.accept()[0]
threading.Thread(target=lambda: (near.sendall(bytes(8 << 20)), near.close())).start()
result = 0
while part := far.recv(1 << 20): result += len(part)""") == 8 << 20


def test_page_cache_of_tmp_is_given_back_and_not_killed_for(arena):
    function = attacker(arena, MemorySize=128, Timeout=60)
    written, read_back = arena.strike(function, """
total = 0
with open("/tmp/large", "wb", buffering=0) as file:
    for _ in range(400): total += file.write(os.urandom(1 << 10) * 1024)
with open("/tmp/large", "rb", buffering=0) as file:
    back = 0
    while part := file.read(1 << 20): back += len(part)
result = [total, back]""")
    assert written == read_back == 400 << 20


def test_many_small_files_and_missing_names_cost_only_the_function(arena):
    """Inodes and directory entries, found ones and missing ones, are kernel memory that is reclaimed from the function."""
    function = attacker(arena, MemorySize=128, Timeout=60)
    assert arena.strike(function, """
for number in range(100_000):
    try: os.stat(f"/tmp/{'x' * 200}{number}")
    except FileNotFoundError: pass
result = until_refused(lambda: os.close(os.open(f"/tmp/{len(held)}", os.O_CREAT | os.O_WRONLY)), 20_000)[0]""") == 20_000


# ---- Disk ----


@pytest.mark.parametrize("way", ["written", "reserved", "deleted but open", "sparse and then filled"])
def test_tmp_is_limited_in_bytes(arena, host, way):
    fill = """
import errno
written, block = 0, os.urandom(1 << 20)
file = os.open("/tmp/fill", os.O_CREAT | os.O_RDWR)
try:
    WAY
    while True: written += os.write(file, block)
except OSError as error:
    result = [max(written, os.fstat(file).st_blocks * 512), errno.errorcode[error.errno]]
""".replace("WAY", {"written": "pass", "reserved": "os.posix_fallocate(file, 0, 400 << 20); os.lseek(file, 400 << 20, 0)", "deleted but open": "os.unlink('/tmp/fill')",
                    "sparse and then filled": "os.ftruncate(file, 100 << 30)"}[way])
    function = attacker(arena, MemorySize=256, Timeout=60)
    size, reason = arena.strike(function, fill)
    assert reason == "ENOSPC" and (400 << 20) < size < (514 << 20)  # blocks of the file's own map included
    # Its neighbours' /tmp is as it was.
    other = attacker(arena)
    assert arena.strike(other, "result = os.statvfs('/tmp').f_bavail * os.statvfs('/tmp').f_frsize") > 450 << 20
    assert arena.strike(other, "open('/tmp/a', 'wb').write(bytes(100 << 20)); result = os.path.getsize('/tmp/a')") == 100 << 20


def test_tmp_is_limited_in_files(arena):
    function = attacker(arena, MemorySize=1769, Timeout=60)
    made, reason = arena.strike(function, """
folder = 0
def take():
    global folder
    if len(held) % 5000 == 0: folder = len(held); os.mkdir(f"/tmp/{folder}")
    os.close(os.open(f"/tmp/{folder}/{len(held)}", os.O_CREAT | os.O_WRONLY))
result = until_refused(take)""")
    assert reason == "ENOSPC" and made < 500_000


# ---- Pools that belong to a uid or to the whole kernel ----

POOLS = {
    "descriptors": "take = lambda: called(290, 0, 0)",
    "inotify instances": "take = lambda: called(294, 0)",
    "inotify watches": "file = called(294, 0)\ntake = lambda: (os.mkdir(f'/tmp/{len(held)}'), called(254, file, f'/tmp/{len(held)}'.encode(), 2))\nmost = 3000",
    "epoll instances": "take = lambda: called(291, 0)",
    "pipes of a megabyte": "import fcntl\ntake = lambda: [held.append(pair := os.pipe()), fcntl.fcntl(pair[0], 1031, 1 << 20)]",
    "POSIX message queues": "take = lambda: called(240, b'q%d' % len(held), 0o102, 0o600, struct.pack('8l', 0, 1, 64, 0, 0, 0, 0, 0))",
    "System V message queues": "take = lambda: called(68, 0, 0o1600)\nmost = 1000",
    "System V semaphores": "take = lambda: called(64, 0, 100, 0o1600)\nmost = 500",
    "System V shared memory": "take = lambda: called(29, 0, 4096, 0o1600)\nmost = 1000",
    "pending signals": "signal.pthread_sigmask(signal.SIG_BLOCK, [40])\ntake = lambda: called(129, os.getpid(), 40, struct.pack('iii', 40, 0, -1) + bytes(116))\nmost = 5000",
    "timers": "take = lambda: called(222, 1, None, ctypes.byref(ctypes.c_int()))\nmost = 5000",
    "locked memory": "take = lambda: called(149, (block := mmap.mmap(-1, 4096), held.append(block), ctypes.addressof(ctypes.c_char.from_buffer(block)))[2], 4096)\nmost = 500",
    "file locks": "import fcntl\nfile = os.open('/tmp/l', os.O_CREAT | os.O_RDWR)\n"
                  "take = lambda: fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * len(held))\nmost = 5000",
    "descriptors in flight": "ends = socket.socketpair()\nends[0].setblocking(False)\n"
                             "take = lambda: (p := socket.socketpair(), p[0].sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack('100i', *[0] * 100))]), p)[2]\nmost = 200",
    "unix sockets": "take = lambda: socket.socket(socket.AF_UNIX)",
    "ports of loopback": "def take():\n    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); return s",
    "terminals": "take = lambda: os.open('/dev/ptmx', os.O_RDWR)",
    "memory files": "take = lambda: os.memfd_create('a')",
}


@pytest.mark.parametrize("pool", POOLS)
def test_what_one_environment_has_taken_another_still_has(arena, pool):
    """Both take as much as they get and keep it, the first one frozen."""
    counts = []
    for _ in range(2):
        function = attacker(arena, MemorySize=512)
        counts.append(arena.strike(function, f"most = 100_000\n{POOLS[pool]}\nresult = until_refused(take, most)"))
    (first, reason), (second, _) = counts
    assert abs(first - second) <= 5, counts
    # Of terminals there are none; queues that are files of no mount are refused by Landlock.
    assert first > 0 or pool == "terminals" or (pool == "POSIX message queues" and reason == "EACCES"), reason


# ---- CPU ----


def test_a_cpu_hog_gets_its_share_and_no_more(arena):
    function = attacker(arena, MemorySize=256, Timeout=3)
    answer = function.invoke("[os.fork() for _ in range(4)]\nwhile True: pass")
    row = arena.assert_told(function, answer, "timeout", "Sandbox.Timedout")
    # 256 of 1,769 MB for 3 s.
    assert row["cpuMicroseconds"] < 3_000_000 * 256 / 1769 * 1.3


# ---- What a function says ----


def journal_bytes(host):
    return sum(path.stat().st_size for path in host.state.glob("journal.sqlite*"))


FLOODS = {
    "short lines": "block = b'flood\\n' * 10_000",
    "one endless line": "block = b'x' * 60_000",
    "nothing but line feeds": "block = b'\\n' * 60_000",
    "bytes that are no text": "block = bytes(range(256)) * 200",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_log_flood_costs_the_flooder(arena, host, flood):
    honest = attacker(arena)
    function = attacker(arena, MemorySize=1769, Timeout=3)
    before = journal_bytes(host)
    done = threading.Event()
    kept = []

    def work():
        number = 0
        while not done.is_set():
            kept.append(arena.strike(honest, f"print('honest {number}'); result = {number}"))
            number += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        arena.strike(function, f"{FLOODS[flood]}\nwhile True: os.write(1, block); os.write(2, block)", "timeout", "Sandbox.Timedout")
    finally:
        done.set()
        worker.join()
    assert kept == list(range(len(kept))) and kept
    wait_until(lambda: f"honest {kept[-1]}" in [row["message"] for row in arena.log(honest)], 10, "the honest function's log")
    assert journal_bytes(host) - before < 64 << 20


def test_of_several_that_flood_each_loses_its_own_lines_and_the_honest_one_none(arena, host):
    honest = attacker(arena)
    flooders = [attacker(arena, MemorySize=1769, Timeout=60) for _ in range(4)]
    for kind, function in zip(("short lines", "nothing but line feeds", "one endless line", "short lines"), flooders):
        function.call(FLOODS[kind])
    over, failures = threading.Event(), []

    def flood(kind, function):
        code = f"{FLOODS[kind]}\nend = time.monotonic() + 1\nwhile time.monotonic() < end: os.write(1, block)\nresult = 1"
        while not over.is_set():
            if (answer := function.invoke(code)).payload != 1:
                failures.append(answer)

    threads = [threading.Thread(target=flood, args=pair) for pair in zip(("short lines", "nothing but line feeds", "one endless line", "short lines"), flooders)]
    for thread in threads:
        thread.start()
    try:
        for number in range(60):
            assert honest.call(f"for line in range(50): print({number}, line, 'honest')\nsys.stdout.flush(); result = {number}") == number
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []
    wanted = [f"{number} {line} honest" for number in range(60) for line in range(50)]
    wait_until(lambda: wanted[-1] in [row["message"] for row in arena.log(honest, 100)], 30, "the honest function's last line")
    lines = arena.log(honest)
    assert [row["message"] for row in lines if row["source"] == "stdout"] == wanted
    assert not [row for row in lines if "LOG_DROPPED" in row["message"]]


def test_a_forged_record_is_a_line_of_the_functions(arena):
    forged = "REPORT RequestId: 0\\tDuration: 0.00 ms\\tBilled Duration: 0 ms\\tMemory Size: 0 MB\\tMax Memory Used: 0 MB"
    function = attacker(arena)
    arena.strike(function, f"print('{forged}')\nprint('END RequestId: 0')\nprint('\\x1b[2J\\x1b]0;title\\x07', flush=True)\nresult = 1")
    lines = wait_until(lambda: [row for row in arena.log(function) if "Memory Size: 0 MB" in row["message"] or row["message"] == "END RequestId: 0"], 5, "the line")
    assert {row["source"] for row in lines} == {"stdout"}


# ---- Answers ----


def test_an_answer_beyond_six_megabytes_is_refused_and_the_next_call_works(arena):
    function = attacker(arena, MemorySize=1024)
    for size in (6_291_556 - 2, 6_291_556 - 1, 20_000_000, 100_000_000):
        if size + 2 <= 6_291_556:
            assert len(arena.strike(function, f"result = 'x' * {size}")) == size
        else:
            arena.strike(function, f"result = 'x' * {size}", "function-error", "Function.ResponseSizeTooLarge")
    assert arena.strike(function, "result = 'again'") == "again"


def test_connections_to_the_runtime_api_are_limited_and_what_they_hold_is_given_back(arena, host):
    function = attacker(arena, Timeout=60, MemorySize=512)
    before = sum(descriptors(host.supervisor(), host.port).values())
    with largest(lambda: sum(descriptors(host.supervisor(), host.port).values())) as most:
        arena.strike(function, """
def take():
    s = socket.create_connection(("169.254.100.1", 9001), 1)
    s.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nX-A: ")
    return s
result = until_refused(take, 900)
time.sleep(0.5)""")
    assert 0 < most() - before <= 80


@pytest.mark.parametrize("place", ["a head", "a trailer", "a head behind a waiting question"])
def test_what_one_environment_makes_the_supervisor_hold_is_bounded(arena, host, place):
    """Sixty connections with all but a megabyte under way on each would be sixty megabytes of the supervisor's memory for each environment."""
    begin = {"a head": b"GET /2018-06-01/ping HTTP/1.1\r\n", "a trailer": b"POST /2018-06-01/ping HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
             "a head behind a waiting question": b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\nGET /2018-06-01/ping HTTP/1.1\r\n"}[place]
    function = attacker(arena, Timeout=60, MemorySize=512)
    before = resident(host.supervisor())
    with largest(lambda: resident(host.supervisor())) as most:
        sent = arena.strike(function, f"""
sent, ends = 0, time.monotonic() + 4
while time.monotonic() < ends:
    for s in held: s.close()
    held.clear()
    for _ in range(60):
        try:
            s = socket.create_connection(("169.254.100.1", 9001), 1)
            s.settimeout(0.2)
            held.append(s)
            s.sendall({begin!r} + b"X-A: ")
            for _ in range(15): s.sendall(b"a" * 60_000); sent += 60_000
        except OSError: pass
for s in held: s.close()
time.sleep(1.5)   # what it held hinders its own runtime, too: a connection that was refused is cut after a second
result = sent""")
    print(f"{place}: {sent >> 20} MB sent, {(most() - before) >> 20} MB more resident")
    assert sent > 3 << 20
    assert most() - before < 24 << 20
    assert arena.strike(function, "result = 'again'") == "again"

"""What one function leaves behind, another one never finds: not beside it, not after it, not through what both have mounted."""

import os
import time

import pytest
from functions import make_zip
from host import read, wait_until

CODE = """
import ctypes, errno, fcntl, glob, hashlib, mmap, os, signal, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
kept = {}

def called(number, *arguments):
    answer = libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return answer if answer >= 0 else -ctypes.get_errno()

def handler(event, context):
    names = dict(globals())
    exec(event, names)
    return names.get("result")
"""
PATHS = ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/etc/ld.so.cache", "/usr/bin/env", "/opt/shared.txt", "/var/runtime/bootstrap", "/etc/passwd", "/dev/null"]

# What is left, and how one would look for it. `result` of the second is what was found: nothing, in another function.
LEFTOVERS = {
    "a file in /tmp": ("open('/tmp/secret', 'w').write('s')", "result = os.listdir('/tmp')"),
    "a file in every place that may be writable": (
        "for place in ['/tmp', '/var/tmp', '/dev/shm', '/run', '/var/task', '/opt', '/run/lock', '/dev', '/var/log', '/root', '/home']:\n"
        "    try: open(place + '/secret', 'w').write('s')\n    except OSError: pass",
        "result = [p for p in glob.glob('/*/secret') + glob.glob('/*/*/secret')]"),
    "System V shared memory": ("result = called(29, 0x1234, 4096, 0o1666)", "result = [n for n in [called(29, 0x1234, 0, 0)] if n >= 0] + open('/proc/sysvipc/shm').read().splitlines()[1:]"),
    "a System V queue": ("q = called(68, 0x1234, 0o1666); result = called(69, q, struct.pack('l', 1) + b's', 1, 0)",
                         "result = [n for n in [called(68, 0x1234, 0)] if n >= 0] + open('/proc/sysvipc/msg').read().splitlines()[1:]"),
    "a System V semaphore": ("result = called(64, 0x1234, 1, 0o1666)", "result = [n for n in [called(64, 0x1234, 0, 0)] if n >= 0] + open('/proc/sysvipc/sem').read().splitlines()[1:]"),
    "a POSIX queue": ("result = called(240, b'secret', 0o102, 0o666, struct.pack('8l', 0, 1, 64, 0, 0, 0, 0, 0))", "result = [n for n in [called(240, b'secret', 0, 0, 0)] if n >= 0]"),
    "an abstract socket": ("s = kept['s'] = socket.socket(socket.AF_UNIX); s.bind('\\0secret'); s.listen(); result = 1",
                           "s = socket.socket(socket.AF_UNIX)\nresult = [] if s.connect_ex('\\0secret') else ['connected']\nresult += [l for l in open('/proc/net/unix') if 'secret' in l]"),
    "a port": ("s = kept['s'] = socket.socket(); s.bind(('127.0.0.1', 4711)); s.listen(); result = 1",
               "s = socket.socket()\nresult = [] if s.connect_ex(('127.0.0.1', 4711)) else ['connected']\nresult += [l for l in open('/proc/net/tcp') if ':1267 ' in l]"),
    "a key": ("result = called(248, b'user', b'secret', b's', 1, -3)", "result = [n for n in [called(249, b'user', b'secret', 0, 0), called(250, 0, -3, 0)] if n >= 0]\n"
              "result += [l for l in open('/proc/keys') if 'secret' in l]"),
    "a variable and a module": ("os.environ['SECRET'] = 's'; sys.modules['secret'] = sys; result = 1", "result = [n for n in os.environ if n == 'SECRET'] + [n for n in sys.modules if n == 'secret']"),
    "a process": ("p = os.fork()\nif p == 0:\n    open('/proc/self/comm', 'w') if 0 else libc.prctl(15, b'secret', 0, 0, 0)\n    time.sleep(600)\nresult = p",
                  "result = [p for p in glob.glob('/proc/[0-9]*/comm') if 'secret' in open(p).read()]"),
    "the name of the machine": ("result = called(170, b'secret', 6)", "result = [n for n in [os.uname().nodename] if n == 'secret']"),
    "a nice value, a limit and a mask": ("os.nice(5); os.umask(0o777); __import__('resource').setrlimit(7, (64, 64)); result = 1",
                                         "m = os.umask(0o22); result = [x for x in [os.nice(0), m - 0o22, __import__('resource').getrlimit(7)[0] - 1024] if x]"),
}


def function_of(arena, **settings):
    layer = arena.layer("carried", {"shared.txt": "as published", "bin/tool": ("#!/bin/sh\necho tool\n", 0o100755)})
    function = arena(zip=make_zip({"app.py": CODE, "data.txt": "the same in both"}), Layers=[layer], **settings)
    function.call("result = 1")
    return function


@pytest.mark.parametrize("leftover", LEFTOVERS)
def test_what_a_function_leaves_another_does_not_find(arena, leftover):
    leave, look = LEFTOVERS[leftover]
    beside = function_of(arena)
    left = function_of(arena)
    made = arena.strike(left, leave)
    # In the function itself it is there, or was refused; so the look is one that finds.
    own = arena.strike(left, look)
    # Landlock, where it is, refuses files of no mount.
    was_refused = leftover in ("a key", "the name of the machine") or (leftover == "a POSIX queue" and made < 0)
    if not was_refused:
        assert own, "the look finds nothing even where it is"
    else:
        assert own == []
    assert arena.strike(beside, look) == [], "beside"
    left.delete()
    wait_until(lambda: not arena.environments(left), 10, "its environment has gone")
    assert arena.strike(function_of(arena), look) == [], "after"


def test_an_update_begins_with_nothing(arena):
    function = function_of(arena)
    arena.strike(function, LEFTOVERS["a file in every place that may be writable"][0])
    arena.strike(function, LEFTOVERS["System V shared memory"][0])
    function.update(Description="another revision")
    assert arena.strike(function, "result = glob.glob('/tmp/*') + open('/proc/sysvipc/shm').read().splitlines()[1:]") == []


def test_a_new_tmp_is_empty_down_to_its_blocks(arena):
    """The file system is new, not emptied: nothing that an earlier one held is in the free space of a later one."""
    mark = "of-the-first-one-" * 8
    first = function_of(arena)
    arena.strike(first, f"f = open('/tmp/a', 'wb'); [f.write({mark!r}.encode() * 8192) for _ in range(30)]; f.flush(); os.fsync(f.fileno()); result = 1")
    first.delete()
    wait_until(lambda: not arena.environments(first), 10, "its environment has gone")
    for _ in range(3):  # whatever the pool held ready
        assert arena.strike(function_of(arena, MemorySize=512), f"""
f = os.open('/tmp/b', os.O_CREAT | os.O_RDWR)
os.posix_fallocate(f, 0, 400 << 20)
found = 0
with open('/tmp/b', 'rb', buffering=0) as file:
    while part := file.read(8 << 20): found += part.count({mark!r}.encode())
os.unlink('/tmp/b')
result = found""") == 0


# ---- Through what both have mounted ----


@pytest.mark.parametrize("path", PATHS)
def test_a_lock_on_a_shared_file_is_not_seen_by_another_function(arena, path):
    """Of locks and leases each function version has its own, though the blocks are the same."""
    locker, other = function_of(arena), function_of(arena)
    take = f"""
f = kept['f'] = os.open({path!r}, os.O_RDONLY)
answers = []
for name, take in [('flock', lambda: fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)), ('lock', lambda: fcntl.lockf(f, fcntl.LOCK_SH | fcntl.LOCK_NB)),
                   ('open file lock', lambda: fcntl.fcntl(f, 37, struct.pack('hhqqi4x', 0, 0, 0, 0, 0))), ('lease', lambda: fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_RDLCK))]:
    try: take(); answers.append(name)
    except OSError as error: answers.append(name + ' ' + errno.errorcode[error.errno])
result = answers"""
    first = arena.strike(locker, take)
    assert "flock" in first, first
    assert arena.strike(other, take) == first


def test_what_a_function_reads_is_not_announced_to_another(arena):
    """inotify on every file that both have: the other's opens and reads are not told."""
    watcher, reader = function_of(arena), function_of(arena)
    watched = arena.strike(watcher, f"""
file = kept['i'] = called(294, 0o4000)
result = sum(called(254, file, path.encode(), 0xfff) > 0 for path in {PATHS!r} + ['/', '/opt', '/opt/bin', '/var/task', '/var/task/data.txt', '/usr/bin', '/tmp', '/dev'])""")
    assert watched >= 10
    # It hears itself, so the watch is one that hears.
    assert arena.strike(watcher, "open('/opt/shared.txt').read(); result = len(os.read(kept['i'], 65536))") > 0
    arena.strike(reader, f"""
for _ in range(20):
    for path in {PATHS!r}: open(path, 'rb').read(100)
    os.listdir('/opt'); os.listdir('/usr/bin'); subprocess.run(['/opt/bin/tool']); open('/tmp/x', 'w').close(); os.unlink('/tmp/x')
result = 1""")
    time.sleep(0.1)
    heard = arena.strike(watcher, """
try: result = os.read(kept['i'], 65536).decode('latin-1')
except BlockingIOError: result = ''""")
    # What it did itself between: its own handler opens nothing that is watched.
    assert heard == ""


def test_code_that_two_functions_share_is_the_same_bytes_after_every_attempt_to_change_it(arena):
    attacker, other = function_of(arena), function_of(arena)
    digest = "result = {p: hashlib.sha256(open(p, 'rb').read()).hexdigest() for p in ['/opt/shared.txt', '/var/task/data.txt', '/usr/bin/env', '/etc/passwd']}"
    before = arena.strike(other, digest)
    arena.strike(attacker, """
for path in ['/opt/shared.txt', '/var/task/data.txt', '/usr/bin/env', '/etc/passwd']:
    f = os.open(path, os.O_RDONLY)
    m = mmap.mmap(f, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    m[0:4] = b'evil'
    # The dirty pipe: splice a page in, then write behind it.
    r, w = os.pipe()
    os.write(w, bytes(65536)); os.read(r, 65536)
    try: os.splice(f, w, 1, offset_src=0); os.write(w, b'evil')
    except OSError: pass
    for action in (lambda: os.pwrite(f, b'evil', 0), lambda: os.posix_fallocate(f, 0, 4096), lambda: os.copy_file_range(os.open('/tmp/e', os.O_CREAT | os.O_RDWR), f, 4),
                   lambda: called(16, f, 0x40049409, f), lambda: os.posix_fadvise(f, 0, 0, 4)):
        try: action()
        except OSError: pass
result = 1""")
    assert arena.strike(other, digest) == before and arena.strike(function_of(arena), digest) == before


# ---- Identity and time ----


def test_each_environment_has_a_host_uid_and_namespaces_of_its_own(arena, host):
    functions = [function_of(arena) for _ in range(3)]
    rows = [row for function in functions for row in arena.environments(function)]
    assert len({row["hostUserID"] for row in rows}) == 3
    for kind in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
        assert len({os.readlink(f"/proc/{row['hostProcessID']}/ns/{kind}") for row in rows}) == 3, kind
    for row in rows:
        assert f"Uid:\t{row['hostUserID']}\t{row['hostUserID']}\t{row['hostUserID']}\t" in read(f"/proc/{row['hostProcessID']}/status")


def test_an_environment_serves_one_function_ever_and_a_uid_is_not_given_again_while_anything_of_it_lives(arena, host):
    """Functions that come and go at once: at no time do two environments share a uid, and none is handed from one function to the next."""
    seen = {}
    for _ in range(8):
        function = function_of(arena)
        for row in arena.environments():
            owner = (row["id"], row["function"]["name"])
            assert seen.setdefault(row["id"], owner) == owner
        live = arena.environments()
        assert len({row["hostUserID"] for row in live}) == len(live)
        function.delete()


def test_environment_variables_payloads_and_logs_are_of_their_function_only(arena, host):
    owner = function_of(arena, Environment={"Variables": {"SECRET": "variable-of-the-owner"}})
    spy = function_of(arena)
    arena.strike(owner, "print('line-of-the-owner', flush=True); result = 'payload-of-the-owner'")
    found = arena.strike(spy, """
import re
found = []
for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/self/*') + glob.glob('/tmp/*') + glob.glob('/var/*/*') + glob.glob('/run/*'):
    try: text = open(path, 'rb').read(1 << 20)
    except OSError: continue
    if re.search(rb'(variable|line|payload)-of-the-own' + b'er', text): found.append(path)
result = found""")
    assert found == []
    assert not any("owner" in row["message"] for row in arena.log(spy)) and any("line-of-the-owner" in row["message"] for row in arena.log(owner))

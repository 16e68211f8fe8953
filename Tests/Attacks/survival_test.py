"""Processes that will not go: each is gone with its environment, and none runs while it is frozen."""

import threading
import time

import pytest
from host import TIME_SCALE, processes_of_group, read, start_time, wait_until

DAEMONS = """
    import os, signal, time

    def daemonize():
        # Twice forked, in a session of its own, deaf to what can be ignored.
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for number in range(1, 32):
                    try: signal.signal(number, signal.SIG_IGN)
                    except (OSError, ValueError): pass
                os.closerange(0, 1024)
                while True:
                    with open("/tmp/ticks", "a") as ticks: ticks.write("x")
                    time.sleep(0.01)
            os._exit(0)

    def ticks():
        try: return os.path.getsize("/tmp/ticks")
        except FileNotFoundError: return 0

    def handler(event, context):
        if event == "look":
            return ticks()
        if event == "ticks":
            first = ticks()
            time.sleep(0.3)
            return ticks() - first
        for _ in range(20): daemonize()
        time.sleep(0.3)
        if event == "hang": time.sleep(60)
        if event == "exit": os._exit(9)
        return ticks()
"""


def group_processes(host):
    """Of sandboxes; the supervisor has a control group, too."""
    return {process for group in host.control_groups() for process in processes_of_group(group)} - {host.supervisor()}


def test_daemons_stand_still_between_invocations_and_end_with_the_environment(arena, host):
    function = arena(DAEMONS)
    assert arena.strike(function, "start") > 0
    running = group_processes(host)
    assert len(running) >= 21
    used = cpu_time(running)
    time.sleep(1)
    # Frozen: from outside not a tick, whatever they would do.
    assert group_processes(host) == running and cpu_time(running) == used
    before = arena.strike(function, "look")
    time.sleep(1)
    # Twenty daemons at 100 ticks a second would have made 2,000.
    assert arena.strike(function, "look") - before < 300
    function.delete()
    wait_until(lambda: not running & group_processes(host), 10, "the daemons' end")


def cpu_time(processes):
    """Clock ticks of all of them."""
    return sum(int(number) for process in processes for number in (read(f"/proc/{process}/stat") or "x) " + "0 " * 20).rpartition(")")[2].split()[11:13])


def test_daemons_end_with_a_timeout(arena):
    function = arena(DAEMONS, Timeout=1)
    arena.strike(function, "hang", "timeout", "Sandbox.Timedout")
    assert arena.strike(function, "ticks") == 0


def test_daemons_end_with_the_runtime(arena):
    function = arena(DAEMONS)
    arena.strike(function, "exit", "crash", "Runtime.ExitError")
    assert arena.strike(function, "ticks") == 0


MANY = """
    import os, signal, time

    def orphan():
        os.setsid()
        if os.fork(): os._exit(0)
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        os.closerange(0, 1024)
        while True: time.sleep(0.2)

    def handler(event, context):
        for _ in range(500):
            child = os.fork()
            if child == 0: orphan()
            os.waitpid(child, 0)
        if event == "hang": time.sleep(60)
        if event == "exit": os._exit(9)
"""


@pytest.mark.parametrize("end", ["delete", "hang", "exit", "stop"])
def test_five_hundred_orphans_are_gone_with_their_environment(arena, host, end):
    """Twice forked, in sessions of their own, deaf, and no longer anybody's children but process 1's."""
    function = arena(MANY, MemorySize=3008, Timeout=12)
    seen, over = {}, threading.Event()

    def watch():
        while not over.wait(0.05):
            # The start time tells a process from a later one with its number.
            seen.update((process, start_time(process)) for process in group_processes(host) - seen.keys())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        outcomes = {"hang": ("timeout", "Sandbox.Timedout"), "exit": ("crash", "Runtime.ExitError")}
        arena.strike(function, end, *outcomes.get(end, ()))
        wait_until(lambda: len(seen) > 500, 10, "the orphans")
    finally:
        over.set()
        watcher.join()
    if end == "delete":
        function.delete()
    for row in arena.environments(function):
        arena.stop(row["id"])
    wait_until(lambda: not any(start is not None and start_time(process) == start for process, start in seen.items()), 10, "their end")
    assert not group_processes(host)


ENDLESS = """
    import os, signal, threading, time

    def handler(event, context):
        if event == "ignore everything":
            for number in range(1, 65):
                try: signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError): pass
            while True: time.sleep(1)
        if event == "stop itself": os.kill(os.getpid(), signal.SIGSTOP)
        if event == "be stopped by a child":
            if os.fork() == 0:
                while True: os.kill(os.getppid(), signal.SIGSTOP)
            time.sleep(60)
        if event == "be stopped as a group": os.killpg(0, signal.SIGSTOP)
        if event == "kill all it can":
            try: os.kill(-1, signal.SIGKILL)
            except ProcessLookupError: time.sleep(60)  # there is nobody else that it may
        if event == "wait in the kernel":
            os.mkfifo("/tmp/fifo")
            if os.fork() == 0: os.vfork() if hasattr(os, "vfork") else time.sleep(60)
            open("/tmp/fifo").read()
        if event == "close everything":
            os.closerange(0, 1024)
            time.sleep(60)
        if event == "block its every thread":
            lock = threading.Lock()
            lock.acquire()
            for _ in range(20): threading.Thread(target=lock.acquire).start()
            lock.acquire()
        return os.getpid()
"""


@pytest.mark.parametrize("way", ["ignore everything", "stop itself", "be stopped by a child", "be stopped as a group", "kill all it can", "wait in the kernel",
                                 "close everything", "block its every thread"])
def test_nothing_outlives_its_timeout_and_the_caller_is_told_in_time(arena, host, way):
    function = arena(ENDLESS, Timeout=1)
    arena.strike(function, 0)
    before = group_processes(host)
    begin = time.monotonic()
    arena.strike(function, way, "timeout", "Sandbox.Timedout")
    assert 1 <= time.monotonic() - begin < 3 * TIME_SCALE
    wait_until(lambda: not before & group_processes(host), 5, "the end of all its processes")
    assert arena.strike(function, 0) > 0


def test_zombies_are_reaped_or_end_with_their_parent(arena, host):
    """Of children that nobody asks for: their own parent keeps them as zombies, PID 1 takes those whose parent has gone."""
    function = arena("""
        import os, time
        def handler(event, context):
            for _ in range(300):
                if os.fork() == 0: os._exit(0)           # a zombie of this process
                if (middle := os.fork()) == 0:
                    if os.fork() == 0: os._exit(0)       # an orphan's end is PID 1's
                    os._exit(0)
                os.waitpid(middle, 0)
            time.sleep(0.2)
            return sum(open(f"/proc/{name}/stat").read().rpartition(")")[2].split()[0] == "Z" for name in os.listdir("/proc") if name.isdigit())
    """, MemorySize=512)
    assert arena.strike(function) == 300
    stop = arena(ENDLESS, Timeout=1)
    arena.strike(stop, 0)


def test_what_a_child_says_after_the_answer_reaches_nobodys_answer(arena):
    function = arena("""
        import os, socket, time
        def handler(event, context):
            if event == 0:
                if os.fork() == 0:
                    time.sleep(0.15)  # the answer is out, and everything frozen
                    print("said by a child of invocation 0", flush=True)
                    while True:
                        try:
                            with socket.create_connection(("169.254.100.1", 9001), 1) as s:
                                s.sendall(b"POST /2018-06-01/runtime/invocation/" + context.aws_request_id.encode() + b"/response HTTP/1.1\\r\\nContent-Length: 5\\r\\n\\r\\n12345")
                                s.recv(1000)
                        except OSError: pass
                        time.sleep(0.001)
            time.sleep(0.1)
            return event
    """)
    assert [arena.strike(function, number) for number in range(5)] == list(range(5))
    assert {row["outcome"] for row in arena.records(function)} == {"success"} and len(arena.records(function)) == 5


def test_an_environment_is_ended_although_everything_in_it_resists(arena, host):
    """By an administrator, by an update and by a deletion, in the midst of it."""
    function = arena(DAEMONS, Timeout=60)
    for end in (lambda: [arena.stop(row["id"]) for row in arena.environments(function)], lambda: function.update(Description="new"), function.delete):
        arena.strike(function, "start")
        running = group_processes(host)
        assert len(running) >= 21
        end()
        wait_until(lambda: not running & group_processes(host), 10, "the end of all its processes")  # noqa: B023

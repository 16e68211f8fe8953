"""Memory, CPU, time, processes and disk: the numbers a function is given are the numbers it gets."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from functions import exit_error
from host import PROGRAMS, TIME_SCALE, control_group_mounts, wait_until

ALLOCATE = """
    calls = 0
    def handler(event, context):
        global calls
        calls += 1
        block = bytearray(event * 2**20)
        for page in range(0, len(block), 4096):
            block[page] = 1
        return calls
"""

@pytest.mark.main_job
def test_a_function_that_needs_more_than_its_memory_is_ended_and_the_next_call_works(deploy):
    function = deploy(ALLOCATE, MemorySize=128)
    assert function.call(10) == 1
    answer = function.invoke(300)
    assert answer.error == "Unhandled"
    assert answer.payload == exit_error(answer.request_id, "Runtime exited with error: signal: killed", "Runtime.OutOfMemory")
    assert answer.max_memory_used == 128
    assert answer.report["Error Type"] == "Runtime.OutOfMemory"
    assert function.call(10) == 1


@pytest.mark.parametrize("allocated", [40, 200])
def test_max_memory_used_is_what_was_used(deploy, allocated):
    function = deploy(ALLOCATE, MemorySize=512)
    base = function.invoke(0).max_memory_used
    used = function.invoke(allocated).max_memory_used
    assert used - base == pytest.approx(allocated, abs=4)
    assert function.invoke(0).max_memory_used >= used, "it is the environment's peak, as on Lambda"


def test_max_memory_used_starts_afresh_in_a_new_environment(deploy):
    function = deploy(ALLOCATE, MemorySize=512)
    large = function.invoke(300).max_memory_used
    function.update(Description="a new revision, and so a new environment")
    assert function.invoke(0).max_memory_used < large - 250


def control_group_files(host, function):
    """The control files of the function's one environment, by name."""
    shown = subprocess.run([PROGRAMS / "roost", "ps", "--output", "json"], env=host.environment(), capture_output=True, check=True).stdout
    process, = (row["hostProcessID"] for row in json.loads(shown) if row["function"]["name"] == function.name)
    groups = {line.split(":", 2)[2] for line in Path(f"/proc/{process}/cgroup").read_text().splitlines()}
    folders = [Path(mount + group) for mount in control_group_mounts() for group in groups if "roost" in group]
    # Where v1 has the controller, the same name in the v2 tree is another's.
    folders.sort(key=lambda folder: (folder / "cgroup.type").exists(), reverse=True)
    return {file.name: file for folder in folders if folder.is_dir() for file in folder.iterdir()}


def quota(files):
    """As a share of one CPU."""
    if "cpu.cfs_quota_us" in files:
        return int(files["cpu.cfs_quota_us"].read_text()) / int(files["cpu.cfs_period_us"].read_text())
    of, period = files["cpu.max"].read_text().split()
    return int(of) / int(period)


def throttled(files):
    """Seconds that the group has waited for its next period, its own quota being used up."""
    fields = dict(line.split() for line in files["cpu.stat"].read_text().splitlines())
    return int(fields["throttled_time"]) / 1e9 if "throttled_time" in fields else int(fields["throttled_usec"]) / 1e6


def used(files):
    """Seconds of CPU time that the group has had."""
    if "cpuacct.usage" in files:
        return int(files["cpuacct.usage"].read_text()) / 1e9
    return int(dict(line.split() for line in files["cpu.stat"].read_text().splitlines())["usage_usec"]) / 1e6


def of_three(attempt):
    """The first attempt that holds, or the last one's failure: other work on this machine can come between what is measured at two ends."""
    for _ in range(2):
        try:
            return attempt()
        except AssertionError as error:
            print(f"once more: {error}")
    return attempt()


# What others take of this machine meanwhile must not matter: less than its share is excused by the time that it was ready to run, had something left of
# its quota, and had to wait for a CPU. (The kernel counts waiting for the next period as waiting for a CPU, too.)
@pytest.mark.parametrize("memory, share", [(1769, 1.0), (885, 0.5)])
def test_memory_buys_cpu_in_proportion(host, deploy, memory, share):
    function = deploy("""
        import time
        def waited():
            return int(open("/proc/thread-self/schedstat").read().split()[1]) / 1e9
        def handler(event, context):
            wall, cpu, delay = time.monotonic(), time.thread_time(), waited()
            while time.monotonic() - wall < event:
                pass
            return [time.monotonic() - wall, time.thread_time() - cpu, waited() - delay]
    """, MemorySize=memory, Timeout=30)
    function.call(0.1)
    files = control_group_files(host, function)

    def attempt():
        before = throttled(files)
        wall, cpu, delay = function.call(2)
        stopped = throttled(files) - before
        assert cpu <= share * wall * 1.1
        assert cpu >= share * wall * 0.9 - max(0, delay - stopped), (wall, cpu, delay, stopped)

    of_three(attempt)
    assert quota(files) == pytest.approx(share, rel=0.01)


@pytest.mark.parametrize("memories", [(885, 1769), (512, 1769)])
def test_functions_that_want_more_than_there_is_share_it_as_their_memory_is(host, deploy, memories):
    """Both are held to one and the same CPU, of which they want more than there is; whatever others leave of it is shared in proportion."""
    functions = [deploy("""
        import os, time
        def handler(event, context):
            os.sched_setaffinity(0, {event["cpu"]})
            end = time.monotonic() + event["seconds"]
            while time.monotonic() < end:
                pass
    """, MemorySize=memory, Timeout=60) for memory in memories]
    cpu = min(os.sched_getaffinity(0))
    for function in functions:
        function.call({"cpu": cpu, "seconds": 0})
    groups = [control_group_files(host, function) for function in functions]

    def attempt():
        threads = [threading.Thread(target=function.call, args=[{"cpu": cpu, "seconds": 6}]) for function in functions]
        begin = [used(files) for files in groups]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: all(used(files) > before + 0.05 for files, before in zip(groups, begin)), 5, "both at work")
            before = [used(files) for files in groups]
            time.sleep(4)  # the window that is measured; both outlast it
            small, large = (used(files) - start for files, start in zip(groups, before))
        finally:
            for thread in threads:
                thread.join()
        print(f"{memories}: {small:.2f} s and {large:.2f} s")
        assert large / small == pytest.approx(memories[1] / memories[0], rel=0.15), (small, large)

    of_three(attempt)


def test_two_threads_of_a_small_function_share_its_cpu(deploy):
    function = deploy("""
        import hashlib, threading, time
        block = bytes(2**22)  # hashing it releases the interpreter's lock
        def spin(until):
            while time.monotonic() < until:
                hashlib.sha256(block).digest()
        def handler(event, context):
            wall, cpu = time.monotonic(), time.process_time()
            threads = [threading.Thread(target=spin, args=[wall + event]) for _ in range(2)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            return (time.process_time() - cpu) / (time.monotonic() - wall)
    """, MemorySize=885, Timeout=30)
    assert function.call(2) <= 0.5 * 1.1


def test_initialisation_has_a_full_cpu_whatever_the_memory(host, deploy):
    function = deploy("""
        import time
        begin = time.process_time()
        while time.process_time() - begin < 1:
            pass
        def handler(event, context):
            return "done"
    """, MemorySize=128)
    assert function.call() == "done"
    files = control_group_files(host, function)
    # At the quota of 128 MB a second of CPU would have been stopped in most of 691 periods.
    assert int(dict(line.split() for line in files["cpu.stat"].read_text().splitlines())["nr_throttled"]) < 20
    assert quota(files) == pytest.approx(128 / 1769, rel=0.02)


@pytest.mark.main_job
def test_a_function_that_takes_too_long_is_ended_and_the_next_call_works_with_the_same_tmp(deploy):
    seconds = 2 if TIME_SCALE == 1 else 6
    function = deploy("""
        import os
        def handler(event, context):
            if event == "spin":
                open("/tmp/mark", "w").write("kept")
                while True: pass
            return open("/tmp/mark").read()
    """, Timeout=seconds)
    begin = time.monotonic()
    answer = function.invoke("spin")
    took = time.monotonic() - begin
    assert answer.error == "Unhandled"
    assert answer.payload == {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after {seconds}.00 seconds"}
    assert answer.report["Status"] == "timeout"
    assert answer.milliseconds("Duration") == seconds * 1000
    assert function.call("look") == "kept"
    assert took >= seconds
    if TIME_SCALE == 1:
        # Cold start included, which is not part of the function's timeout.
        assert took - answer_init(answer) < seconds + 1.5


def answer_init(answer):
    return float(answer.report.get("Init Duration", "0 ms").removesuffix(" ms")) / 1000


def test_a_warm_timeout_is_answered_within_three_tenths_of_a_second(deploy):
    function = deploy("""
        def handler(event, context):
            while event: pass
    """, Timeout=2)
    function.call(False)
    begin = time.monotonic()
    assert function.invoke(True).payload["errorType"] == "Sandbox.Timedout"
    assert 2 <= time.monotonic() - begin < 2.3


def test_all_processes_of_a_function_end_with_its_timeout(deploy):
    function = deploy("""
        import os, subprocess, time
        def handler(event, context):
            if event == "start":
                subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do echo x >> /tmp/ticks; sleep 0.05; done"])
                time.sleep(60)
            first = os.path.getsize("/tmp/ticks")
            time.sleep(0.3)
            return os.path.getsize("/tmp/ticks") - first
    """, Timeout=2)
    assert function.invoke("start").payload["errorType"] == "Sandbox.Timedout"
    assert function.call("look") == 0


def test_the_number_of_processes_is_limited(deploy):
    function = deploy("""
        import os, signal
        def handler(event, context):
            made = []
            try:
                for _ in range(2000):
                    child = os.fork()
                    if child == 0:
                        signal.pause()
                    made.append(child)
            except OSError as error:
                return [len(made), error.strerror]
            finally:
                for child in made: os.kill(child, 9)
                for child in made: os.waitpid(child, 0)
    """, MemorySize=2048, Timeout=60)
    made, reason = function.call()
    assert 100 < made < 1024 and reason == "Resource temporarily unavailable"


FILL = """
    import os
    def handler(event, context):
        block, written = bytes(2**20), 0
        try:
            with open("/tmp/fill", "wb", buffering=0) as file:
                while written < event:
                    written += file.write(block) / 2**20
        except OSError as error:
            return [written, error.strerror]
        return [written, None]
"""


def test_a_small_function_can_fill_its_whole_tmp_and_no_more(deploy):
    function = deploy(FILL, MemorySize=128, Timeout=60)
    written, reason = function.call(10_000)
    assert reason == "No space left on device"
    assert 0.9 * 512 < written <= 512
    assert function.invoke(1).error is None


def test_tmp_is_as_large_as_asked_for(deploy):
    function = deploy(FILL, MemorySize=128, Timeout=60, EphemeralStorage={"Size": 1024})
    assert function.call(900) == [900, None]


def test_files_in_tmp_are_limited_in_number_too(deploy):
    function = deploy("""
        import os
        def handler(event, context):
            made = 0
            try:
                while True:
                    os.close(os.open(f"/tmp/{made}", os.O_CREAT | os.O_WRONLY))
                    made += 1
            except OSError as error:
                return [made, error.strerror]
    """, MemorySize=1769, Timeout=60)
    made, reason = function.call()
    assert made < 2_000_000 and reason == "No space left on device"

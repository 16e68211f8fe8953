"""Processes that will not go: each is gone with its environment, and none runs while it is frozen."""

import time

from host import processes_of_group

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
    return {process for group in host.control_groups() for process in processes_of_group(group)}


def test_daemons_stand_still_between_invocations_and_end_with_the_environment(arena, host):
    function = arena(DAEMONS)
    assert arena.strike(function, "start") > 0
    running = group_processes(host)
    assert len(running) >= 21
    before = arena.strike(function, "look")
    time.sleep(1)
    # Twenty daemons at 100 ticks a second would have made 2,000.
    assert arena.strike(function, "look") - before < 300
    function.delete()
    from host import wait_until
    wait_until(lambda: not running & group_processes(host), 10, "the daemons have ended")


def test_daemons_end_with_a_timeout(arena, host):
    function = arena(DAEMONS, Timeout=1)
    arena.strike(function, "hang", "timeout", "Sandbox.Timedout")
    assert arena.strike(function, "ticks") == 0


def test_daemons_end_with_the_runtime(arena, host):
    function = arena(DAEMONS)
    arena.strike(function, "exit", "crash", "Runtime.ExitError")
    assert arena.strike(function, "ticks") == 0

"""The life of an execution environment: reuse, freeze, concurrency, and the limits on it."""

import concurrent.futures
import time

import pytest
from functions import Deployer
from host import Host

COUNTER = """
    import time, uuid
    ENVIRONMENT, calls = str(uuid.uuid4()), 0
    def handler(event, context):
        global calls
        calls += 1
        time.sleep(event or 0)
        return [ENVIRONMENT, calls]
"""


def at_once(function, count, event):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return [call.result() for call in [pool.submit(function.invoke, event) for _ in range(count)]]


def test_calls_one_after_the_other_run_in_the_same_environment(deploy):
    function = deploy(COUNTER)
    answers = [function.call() for _ in range(5)]
    assert len({environment for environment, _ in answers}) == 1
    assert [calls for _, calls in answers] == [1, 2, 3, 4, 5]


def test_a_function_makes_no_progress_between_calls(deploy):
    function = deploy("""
        import threading, time
        ticks = 0
        def tick():
            global ticks
            while True:
                ticks += 1
                time.sleep(0.01)
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context):
            time.sleep(0.1)
            return ticks
    """)
    before = function.call()
    time.sleep(1.5)
    after = function.call()
    # 0.1 s in the handler are about 10 ticks; running on would have been 150.
    assert before > 2 and after > before
    assert after - before < 40


def test_time_goes_on_while_a_function_is_frozen(deploy):
    function = deploy("import time\nhandler = lambda event, context: [time.time(), time.monotonic()]")
    first = function.call()
    time.sleep(1)
    second = function.call()
    assert second[0] - first[0] >= 1 and second[1] - first[1] >= 1


def test_tmp_is_kept_from_call_to_call_and_never_shared(deploy):
    source = """
        import os
        def handler(event, context):
            if event: open("/tmp/" + event, "w").close()
            return sorted(os.listdir("/tmp"))
    """
    first, second = deploy(source), deploy(source)
    assert first.call("a") == ["a"] and first.call() == ["a"]
    assert second.call() == []


def test_ten_calls_at_once_run_in_ten_environments(deploy):
    function = deploy(COUNTER, Timeout=30)
    answers = at_once(function, 10, 3)
    assert [answer.error for answer in answers] == [None] * 10
    assert len({answer.payload[0] for answer in answers}) == 10
    assert {answer.payload[1] for answer in answers} == {1}
    # And they are all reused.
    again = at_once(function, 10, 1)
    assert {answer.payload[0] for answer in again} <= {answer.payload[0] for answer in answers}


def test_an_update_gives_the_next_call_a_new_environment_with_the_new_code(deploy):
    function = deploy(COUNTER)
    old, _ = function.call()
    function.update(Environment={"Variables": {"COLOUR": "b"}})
    new, calls = function.call()
    assert new != old and calls == 1
    function.update_code("handler = lambda event, context: 'new code'")
    assert function.call() == "new code"


def test_an_environment_serves_one_version_of_one_function(deploy):
    """Two functions and their versions, before and after updates, called in turn and at once: whoever was there before left nothing."""
    source = """
        import os, threading, time, uuid
        ENVIRONMENT, served = str(uuid.uuid4()), set()
        def handler(event, context):
            me = (context.function_name, "{version}")
            served.add(me)
            with open("/tmp/served", "a") as marker: print(*me, file=marker)
            lines = set(open("/tmp/served").read().splitlines())
            time.sleep(event)
            return [ENVIRONMENT, sorted(served), sorted(lines), context.log_stream_name, os.environ["AWS_LAMBDA_FUNCTION_NAME"]]
    """
    functions = [deploy(source.format(version=1)) for _ in range(2)]
    owners = {}

    def call(function, version, event):
        environment, served, lines, stream, variable = function.call(event)
        assert served == [[function.name, str(version)]] and lines == [f"{function.name} {version}"] and variable == function.name
        for mark in (environment, stream):
            assert owners.setdefault(mark, (function.name, version)) == (function.name, version)

    for version in (1, 2, 3):
        if version > 1:
            for function in functions:
                function.update_code(source.format(version=version))
        for function in functions * 3:
            call(function, version, 0)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda function: call(function, version, 0.3), functions * 3))  # noqa: B023
    assert len(set(owners.values())) == 6


def test_calls_beyond_the_concurrency_limit_are_throttled():
    with Host("--concurrency-limit", "2") as host:
        client = host.client()
        deployer = Deployer(client)
        function = deployer(COUNTER, Timeout=30)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(function.invoke, 3) for _ in range(4)]
            concurrent.futures.wait(calls)
        refused = [call.exception() for call in calls if call.exception()]
        assert len(refused) == 2
        for error in refused:
            assert isinstance(error, client.exceptions.TooManyRequestsException)
            assert error.response["Reason"] == "ConcurrentInvocationLimitExceeded"
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert function.invoke().error is None
        deployer.delete_all()


def test_an_idle_environment_is_ended_after_its_time():
    with Host("--idle-timeout", "1") as host:
        deployer = Deployer(host.client())
        function = deployer(COUNTER)
        first, _ = function.call()
        assert function.call()[0] == first
        time.sleep(3)
        assert function.call()[0] != first
        deployer.delete_all()


def test_memory_that_the_host_does_not_have_is_not_promised():
    with Host("--memory-budget", "512") as host:
        client = host.client()
        deployer = Deployer(client)
        function = deployer(COUNTER, MemorySize=256, Timeout=30)
        answers = []
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(function.invoke, 2) for _ in range(4)]
            concurrent.futures.wait(answers)
        used = {call.result().payload[0] for call in answers if not call.exception()}
        assert 1 <= len(used) <= 2
        for call in answers:
            if call.exception():
                assert isinstance(call.exception(), client.exceptions.TooManyRequestsException)
        # Another function gets its place when the first one's environments are idle.
        assert deployer(COUNTER, MemorySize=512).invoke().error is None
        deployer.delete_all()


@pytest.mark.main_job
def test_several_functions_run_side_by_side(deploy):
    functions = [deploy(f"handler = lambda event, context: {number}") for number in range(3)]
    assert [function.call() for function in functions] == [0, 1, 2]
    assert [function.call() for function in reversed(functions)] == [2, 1, 0]

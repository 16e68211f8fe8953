"""A function that fails: what the caller gets, what the log says, and that the next call works."""

import subprocess

import pytest
from functions import exit_error
from host import PROGRAMS


def log_of(host, function):
    return subprocess.run([PROGRAMS / "roost", "logs", function.name], env=host.environment(), capture_output=True, text=True, check=True).stdout


def test_an_exception_is_the_callers_answer(deploy):
    function = deploy("""
        class Trouble(Exception): pass
        def handler(event, context):
            if event: raise Trouble("too much")
            return "fine"
    """)
    answer = function.invoke(1)
    assert answer.status == 200 and answer.error == "Unhandled" and answer.version == "$LATEST"
    assert answer.payload["errorType"] == "Trouble" and answer.payload["errorMessage"] == "too much"
    assert answer.payload["requestId"] == answer.request_id and "app.py" in answer.payload["stackTrace"][0]
    assert "Trouble: too much" in answer.log.replace("[ERROR] ", "")
    second = function.invoke(0)
    assert second.payload == "fine" and "Init Duration" not in second.report, "the same environment"


@pytest.mark.parametrize("ending, reason", [
    ("os._exit(3)", "Runtime exited with error: exit status 3"),
    ("os._exit(0)", "Runtime exited without providing a reason"),
    ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ("os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
    ("os.abort()", "Runtime exited with error: signal: aborted"),
])
def test_a_runtime_that_ends_is_reported_and_the_next_call_works(deploy, ending, reason):
    function = deploy(f"""
        import os
        def handler(event, context):
            if event == "end":
                open("/tmp/mark", "w").write("kept")
                {ending}
            return os.path.exists("/tmp/mark")
    """)
    answer = function.invoke("end")
    assert answer.error == "Unhandled" and answer.payload == exit_error(answer.request_id, reason)
    assert f"RequestId: {answer.request_id} Error: {reason}" in answer.log
    assert function.call("look") is True, "/tmp survives a reset"


def test_an_error_at_import_is_the_callers_answer_each_time(deploy):
    function = deploy("""
        raise ValueError("no configuration")
    """)
    for _ in range(2):
        answer = function.invoke()
        assert answer.error == "Unhandled"
        assert answer.payload["errorType"] == "ValueError" and answer.payload["errorMessage"] == "no configuration"
    function.update_code("handler = lambda event, context: 'repaired'")
    assert function.call() == "repaired"


@pytest.mark.parametrize("handler, type", [
    ("nothing.handler", "Runtime.ImportModuleError"), ("app.nothing", "Runtime.HandlerNotFound"), ("app", "Runtime.MalformedHandlerName"),
])
def test_a_wrong_handler_is_named(deploy, handler, type):
    answer = deploy("", Handler=handler).invoke()
    assert answer.error == "Unhandled" and answer.payload["errorType"] == type


def test_a_syntax_error_is_named(deploy):
    answer = deploy("def handler(:").invoke()
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Runtime.UserCodeSyntaxError"


def test_a_runtime_that_exits_while_it_starts_is_reported(deploy):
    answer = deploy("import os; os._exit(7)").invoke()
    assert answer.error == "Unhandled" and answer.payload == exit_error(answer.request_id, "Runtime exited with error: exit status 7")
    assert answer.report["Error Type"] == "Runtime.ExitError"


def test_an_initialisation_that_takes_ten_seconds_is_begun_again_under_the_functions_timeout(deploy, host):
    function = deploy("""
        import os, time
        if not os.path.exists("/tmp/second"):
            open("/tmp/second", "w").close()
            time.sleep(60)
        def handler(event, context):
            return "came through"
    """, Timeout=5)
    answer = function.invoke()
    assert answer.payload == "came through"
    assert "Init Duration" not in answer.report, "an init inside the invocation is part of its duration"
    assert "INIT_REPORT Init Duration: 100" in log_of(host, function) and "Phase: init\tStatus: timeout\tError Type: Sandbox.Timedout" in log_of(host, function)


def test_an_initialisation_inside_a_call_has_the_functions_timeout_and_no_more(deploy):
    function = deploy("""
        import os, time
        if not os.path.exists("/tmp/second"):
            open("/tmp/second", "w").close()
            os._exit(1)
        time.sleep(60)
    """, Timeout=2)
    answer = function.invoke()
    assert answer.payload == exit_error(answer.request_id, "Task timed out after 2.00 seconds", "Sandbox.Timedout")
    assert "Phase: invoke\tStatus: timeout\tError Type: Sandbox.Timedout" in answer.log
    assert answer.report["Billed Duration"] == "2000 ms" and "Init Duration" not in answer.report


def test_an_answer_that_is_too_large_is_refused(deploy):
    function = deploy("handler = lambda event, context: 'x' * event", MemorySize=512)
    assert len(function.call(6_000_000)) == 6_000_000
    answer = function.invoke(7_000_000)
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(function.call(10)) == 10


def test_an_answer_that_json_cannot_say_is_a_marshalling_error(deploy):
    answer = deploy("handler = lambda event, context: {1, 2}").invoke()
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Runtime.MarshalError"

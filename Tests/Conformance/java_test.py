"""java17: our runtime client keeps the handler conventions, payloads and log lines of AWS's own. The handlers are in java/Functions.java."""

import base64
import json
from pathlib import Path

import pytest
from framed_log import FRAMED, records
from functions import exit_error, make_zip
from host import ACCOUNT, REGION, REPOSITORY, TIME_SCALE
from java_classes import compiled

MEMORY = 512
CLASS = "example.Functions$"


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    return compiled(Path(__file__).parent / "java/Functions.java", tmp_path_factory.mktemp("classes"))


@pytest.fixture
def deploy_java(deploy, classes):
    def java(handler, *, files=(), code=None, **settings):
        return deploy(zip=make_zip({**(classes if code is None else code), **dict(files)}), **{
            "Runtime": "java17", "Handler": handler if code or handler[0].islower() else CLASS + handler, "MemorySize": MEMORY,
            "Timeout": int(min(900, 20 * TIME_SCALE)), **settings})
    return java


def test_a_handler_of_beans_answers_and_its_environment_is_used_again(deploy_java):
    function = deploy_java("Beans")
    first = function.invoke({"item": "ä", "count": 10, "tags": ["a"], "next": {"item": "b"}, "unknown": {"is": "passed over"}})
    assert first.error is None and first.payload == {"item": "ä", "count": 11, "tags": ["a"], "next": {"item": "b", "count": 0}}
    second = function.invoke({})
    assert second.payload == {"count": 2} and "Init Duration" in first.report and "Init Duration" not in second.report


@pytest.mark.parametrize("handler, event, answer", [
    ("Beans::handleRequest", {"item": "x"}, {"item": "x", "count": 1}),
    ("OfPoints", [{"x": 1, "y": 2}, {"x": 3, "y": 4}], {"last": {"x": 4, "y": 4}}),
    ("Inherited::handleRequest", [{"x": 3, "y": 4, "z": 5}], {"last": {"x": 3, "y": 4}}),
    ("Streams", {"a": ["ä"]}, {"read": {"a": ["ä"]}}),
    ("Streams::handleRequest", 1, {"read": 1}),
    ("Methods::text", "word", "word!"),
    ("Methods::number", 41, 42),
    ("Methods::point", {"x": 1, "y": 2}, {"x": 2, "y": 1}),
    ("Methods::points", [{"x": 1, "y": 2}], [{"x": 2, "y": 1}]),
    ("Methods::nothing", {"x": 1}, "called"),
    ("Methods::silent", {"x": 1}, None),
    ("Methods::bytes", [1, "ä"], [1, "ä"]),
    ("Methods::sink", [1], None),
    ("Methods::overloaded", "x", "long"),
])
def test_a_handler_may_be_an_interface_or_a_method(deploy_java, handler, event, answer):
    assert deploy_java(handler).call(event) == answer


def test_a_method_may_take_the_context_alone(deploy_java):
    function = deploy_java("Methods::context")
    assert function.call({"x": 1}) == function.name


def test_the_context_tells_what_lambda_tells(deploy_java):
    function = deploy_java("Told", Timeout=9)
    custom = {"client": {"app_title": "zoo"}, "custom": {"k": "v"}, "env": {"platform": "p"}}
    answer = function.invoke(None, ClientContext=base64.b64encode(json.dumps(custom).encode()).decode())
    said = answer.payload
    assert answer.error is None, answer
    assert said["awsRequestId"] == answer.request_id and said["functionName"] == function.name and said["functionVersion"] == "$LATEST"
    assert said["memoryLimitInMB"] == MEMORY and said["logGroupName"] == f"/aws/lambda/{function.name}" and "[$LATEST]" in said["logStreamName"]
    assert said["invokedFunctionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}"
    assert said["client"] == ["zoo", {"k": "v"}, {"platform": "p"}] and said["identity"] == "null"
    assert 5_000 < said["remaining"] <= 9_000 and said["trace"].startswith("Root=1-")
    assert said["execution"] == "AWS_Lambda_java17" and said["version"].startswith("17.") and said["directory"] == "/var/task"
    assert 0.75 * MEMORY < said["heap"] / 2**20 <= 0.85 * MEMORY, "the heap knows the function's memory"
    assert said["tmp"] == [] and said["trusted"] > 100


def test_an_exception_is_the_callers_answer_and_the_environment_goes_on(deploy_java):
    function = deploy_java("Failing")
    answer = function.invoke("plain")
    assert answer.status == 200 and answer.error == "Unhandled"
    assert set(answer.payload) == {"errorMessage", "errorType", "stackTrace"}
    assert (answer.payload["errorType"], answer.payload["errorMessage"]) == ("java.lang.IllegalArgumentException", "too much")
    assert [frame.split(":")[0] for frame in answer.payload["stackTrace"]] == ["example.Functions$Failing.handleRequest(Functions.java"] * 2
    assert "too much: java.lang.IllegalArgumentException\njava.lang.IllegalArgumentException: too much\n\tat " in answer.log
    own = function.invoke("own").payload
    assert (own["errorType"], own["errorMessage"]) == ("example.Functions$Trouble", "outer")
    assert (own["cause"]["errorType"], own["cause"]["errorMessage"]) == ("java.io.UncheckedIOException", "middle")
    assert (own["cause"]["cause"]["errorType"], own["cause"]["cause"]["errorMessage"]) == ("java.io.IOException", "inner")
    assert set(own["cause"]) == {"errorMessage", "errorType", "stackTrace", "cause"}
    silent = function.invoke("silent").payload
    assert silent["errorType"] == silent["errorMessage"] == "java.lang.NullPointerException"
    assert function.call("none") == 4


def test_what_other_threads_do_is_the_calls_when_it_is_awaited(deploy_java):
    function = deploy_java("Failing")
    assert function.call("elsewhere") == 1
    rejected = function.invoke("rejected")
    assert rejected.error == "Unhandled" and rejected.payload["errorType"] == "java.util.concurrent.CompletionException"
    assert rejected.payload["errorMessage"] == "java.lang.IllegalStateException: in another thread"
    assert (rejected.payload["cause"]["errorType"], rejected.payload["cause"]["errorMessage"]) == ("java.lang.IllegalStateException", "in another thread")
    uncaught = function.invoke("uncaught")
    assert uncaught.error is None and uncaught.payload == 3
    assert "java.lang.IllegalStateException: of nobody's concern\n\tat " in uncaught.log


def test_a_methods_exception_has_no_frame_of_ours(deploy_java):
    payload = deploy_java("Failing::byMethod").invoke("x").payload
    assert payload["errorMessage"] == "by method" and len(payload["stackTrace"]) == 1
    assert payload["stackTrace"][0].startswith("example.Functions$Failing.byMethod(Functions.java:")


@pytest.mark.parametrize("how, type", [("deep", "java.lang.StackOverflowError"), ("memory", "java.lang.OutOfMemoryError")])
def test_a_jvm_at_its_end_is_reported_and_the_next_call_works(deploy_java, how, type):
    function = deploy_java("Failing", MemorySize=256)
    answer = function.invoke(how)
    assert answer.error == "Unhandled" and answer.payload["errorType"] == type
    assert function.call("none") == 1, "in an environment that began anew"


@pytest.mark.parametrize("how, reason", [
    ("exit", "Runtime exited without providing a reason"), ("halt", "Runtime exited without providing a reason"),
    ("status", "Runtime exited with error: exit status 3")])
def test_a_handler_that_exits_is_reported(deploy_java, how, reason):
    function = deploy_java("Failing")
    answer = function.invoke(how)
    assert answer.error == "Unhandled" and answer.payload == exit_error(answer.request_id, reason)
    assert function.call("none") == 1


@pytest.mark.parametrize("handler, payload", [
    ("example.Absent", {"errorMessage": "Class not found: example.Absent", "errorType": "java.lang.ClassNotFoundException"}),
    ("Methods::absent", {"errorMessage": "Class example.Functions$Methods has no public method named absent"}),
    ("Methods::hidden", {"errorMessage": "Class example.Functions$Methods has no public method named hidden"}),
    ("Methods::unfit", {"errorMessage": "No public method named unfit with appropriate method signature found on class example.Functions$Methods"}),
    ("Methods", {"errorMessage": "Class does not implement an appropriate handler interface: example.Functions$Methods"}),
    ("a::b::c", {"errorMessage": "Invalid handler: `a::b::c'"}),
    ("NoConstructor", {"errorMessage": "Class example.Functions$NoConstructor has no public zero-argument constructor", "errorType": "java.lang.Exception"}),
    ("Inner", {"errorMessage": "Class example.Functions$Inner cannot be instantiated because it is a non-static inner class", "errorType": "java.lang.Exception"}),
    ("Unbuildable", {"errorMessage": "no configuration", "errorType": "java.lang.IllegalStateException"}),
    ("Unloadable::run", {"errorMessage": "Error loading class example.Functions$Unloadable", "errorType": "java.lang.ExceptionInInitializerError"}),
])
def test_a_function_that_cannot_be_loaded_is_told_why_each_time(deploy_java, handler, payload):
    function = deploy_java(handler)
    for _ in range(2):
        answer = function.invoke()
        assert answer.error == "Unhandled" and answer.payload == payload


def test_a_class_that_is_no_class_is_told(deploy_java):
    answer = deploy_java("example.Broken", code={"example/Broken.class": b"public class Broken {"}).invoke()
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "java.lang.ClassFormatError"
    assert answer.payload["errorMessage"].startswith("Error loading class example.Broken: ")


def test_an_event_that_does_not_fit_is_an_error(deploy_java):
    payload = deploy_java("Beans").invoke({"count": "many"}).payload
    assert (payload["errorType"], payload["errorMessage"]) == ("java.lang.RuntimeException", "An error occurred during JSON parsing")
    assert "many" in payload["cause"]["errorMessage"] and payload["stackTrace"] == []


def test_an_answer_that_json_cannot_say_is_an_error(deploy_java):
    function = deploy_java("Failing")
    payload = function.invoke("cycle").payload
    assert (payload["errorType"], payload["errorMessage"]) == ("java.lang.RuntimeException", "An error occurred during JSON serialization of response")
    assert function.call("none") == 2


def test_what_is_logged_arrives(deploy_java):
    answer = deploy_java("Logs").invoke()
    assert answer.payload == "62", "a process of Java cannot take away a variable of its own"
    lines = [line for line in answer.log.splitlines() if line.split(" ")[0] not in ("START", "END", "REPORT")]
    for line in ("out ä", "err"):
        lines.remove(line)  # of other streams, so they may come anywhere
    assert lines == ["logged", "two", "lines", "[WARN] levelled", "anywhere"]


def test_a_json_log_is_one_object_a_line_from_its_level_up(deploy_java):
    answer = deploy_java("Levels", Environment={"Variables": {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}}).invoke()
    lines = [json.loads(line) for line in answer.log.splitlines() if line.startswith("{")]
    assert [{**line, "timestamp": ""} for line in lines] == [
        {"timestamp": "", "level": "ERROR", "message": "two\nlines", "AWSRequestId": answer.request_id},
        {"timestamp": "", "message": "without a level", "AWSRequestId": answer.request_id}]


def test_a_framed_log_keeps_records_whole(deploy_java):
    function = deploy_java("Frames", files={"wrap": FRAMED}, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}})
    first, second = records(base64.b64decode(function.call()))
    assert (first.type, first.text) == (0xa55a0003, "two\nlines") and first.is_recent
    assert (second.type, second.text) == (0xa55a0017, "[ERROR] bad")


def test_a_payload_of_almost_six_megabytes_passes_both_ways(deploy_java):
    text = "ä" * 100 + "x" * 5_900_000
    function = deploy_java("Large")
    assert function.call({"text": text}) == {"text": text}
    refused = function.invoke({"size": 7_000_000})
    assert refused.error == "Unhandled" and refused.payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert function.call({"size": 3}) == "xxx"


def test_jars_come_with_the_function_or_a_layer_and_the_runtimes_own_are_hidden(deploy_java, deploy, classes):
    # The function's classes in one jar, one of its own beside; the same name in a layer comes later.
    layer = deploy.layer("java-layer", {"java/lib/other.jar": make_zip({"data/layer.txt": "layer", "data/own.txt": "layer"})})
    function = deploy_java(CLASS + "Sees", code={"lib/app.jar": make_zip(classes)}, files={"lib/b.jar": make_zip({"data/own.txt": "own"})}, Layers=[layer])
    seen = function.call(["data/own.txt", "data/layer.txt", "com.amazonaws.services.lambda.runtime.Context", "java.sql.Driver",
                          "com.fasterxml.jackson.databind.ObjectMapper", "roost.runtime.Client"])
    assert seen == [True, True, True, True, False, False]


def test_a_wrapper_starts_the_runtime(deploy_java):
    wrapper = "#!/bin/bash\nexport WRAPPED=$(basename \"$1\")\nexec \"$@\"\n"
    function = deploy_java("Wrapped", files={"wrap": (wrapper, 0o100755)}, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}})
    assert function.call() == "java"


def test_the_sample_is_what_its_page_says(deploy_java, tmp_path):
    function = deploy_java("Route", code=compiled(REPOSITORY / "samples/java-route/Route.java", tmp_path))
    places = [{"name": "Lisbon", "latitude": 38.72, "longitude": -9.14}, {"name": "Madrid", "latitude": 40.42, "longitude": -3.7},
              {"name": "Rome", "latitude": 41.9, "longitude": 12.5}]
    answer = function.invoke({"places": places})
    assert answer.payload == {"kilometres": 1_867, "longest": "Madrid – Rome"} and f"2 legs for {answer.request_id}\n" in answer.log
    assert function.invoke({"places": []}).payload["errorType"] == "java.lang.IllegalArgumentException"

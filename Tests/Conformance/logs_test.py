"""LoggingConfig and the log channel, through boto3 and `roost logs`: formats, levels, records that keep their lines."""

import json
import subprocess

import botocore.exceptions
import pytest

from extensions_test import extension
from functions import make_zip
from host import PROGRAMS, wait_until

JSON_DEBUG = {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "DEBUG"}
PLATFORM = ["platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start", "platform.runtimeDone", "platform.report"]


def roost(host, *arguments):
    run = subprocess.run([PROGRAMS / "roost", *arguments, "--output", "json"], env=host.environment(), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def log(host, function, *, reports=1):
    """The function's records, once the last of its invocations has been reported."""
    def look():
        records = roost(host, "logs", "--limit", "1000", function.name)
        messages = [record["message"] for record in records]
        return records if sum(text.startswith("REPORT ") or "platform.report" in text for text in messages) >= reports else None
    return wait_until(look, 10, "the reports in the log")


def platform(records):
    found = [json.loads(record["message"]) for record in records if record["source"] == "platform"]
    # This host has no credentials to give, and says so.
    return [record for record in found if record["type"] != "platform.fault"]


def test_a_log_in_json_has_the_platforms_records_with_the_numbers_of_the_invocation(host, deploy):
    function = deploy("handler = lambda event, context: 'four'", LoggingConfig=JSON_DEBUG, MemorySize=192)
    answer = function.invoke()
    records = platform(log(host, function))
    assert [record["type"] for record in records] == PLATFORM
    initialised, done, report = (records[index]["record"] for index in (2, 4, 5))
    shown = roost(host, "invocations", "show", answer.request_id)
    assert (done["requestId"], done["status"], done["metrics"]["producedBytes"]) == (answer.request_id, "success", len('"four"'))
    assert report["requestId"] == answer.request_id and report["metrics"]["billedDurationMs"] == shown["billedMilliseconds"]
    assert report["metrics"]["memorySizeMB"] == 192 and 0 < report["metrics"]["maxMemoryUsedMB"] <= 192
    assert report["metrics"]["initDurationMs"] == initialised["metrics"]["durationMs"] == shown["phases"]["initialization"] / 1000
    assert done["metrics"]["durationMs"] <= report["metrics"]["durationMs"] <= report["metrics"]["billedDurationMs"]
    assert [span["name"] for span in done["spans"]] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    # The tail is the same log, from the invocation's first line.
    assert [json.loads(line)["type"] for line in answer.log.splitlines()] == PLATFORM[3:]


def test_a_log_in_text_is_as_it_was(host, deploy):
    function = deploy("handler = lambda event, context: print('said')")
    answer = function.invoke()
    start, said, end, report = answer.log.splitlines()
    assert start == f"START RequestId: {answer.request_id} Version: $LATEST" and said == "said"
    assert end == f"END RequestId: {answer.request_id}" and report.startswith(f"REPORT RequestId: {answer.request_id}\tDuration: ")
    assert [record["source"] for record in log(host, function)[-4:]] == ["platform", "stdout", "platform", "platform"]


RAISES = """
    def handler(event, context):
        {}["no such key"]
"""


def test_a_traceback_is_one_record(host, deploy):
    function = deploy(RAISES)
    answer = function.invoke()
    records = [record for record in log(host, function) if record["source"] == "function"]
    assert len(records) == 1 and records[0]["requestID"] == answer.request_id
    lines = records[0]["message"].splitlines()
    assert lines[0] == "[ERROR] KeyError: 'no such key'" and lines[1] == "Traceback (most recent call last):" and len(lines) > 3
    assert answer.log.splitlines()[1:1 + len(lines)] == lines


def test_a_timeout_and_a_crash_are_records_of_their_own(host, deploy):
    function = deploy("import os\ndef handler(event, context): os._exit(3)", LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"})
    answer = function.invoke()
    records = platform(log(host, function))
    assert [record["type"] for record in records] == ["platform.runtimeDone", "platform.report"]
    assert all((record["record"]["status"], record["record"]["errorType"]) == ("error", "Runtime.ExitError") for record in records)
    assert f"RequestId: {answer.request_id} Error: Runtime exited with error: exit status 3" in answer.log


LEVELS = """
    import json, logging, os
    logger = logging.getLogger()
    def handler(event, context):
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(logger, level)("by logger: " + level)
        for level in ("TRACE", "INFO", "FATAL"):
            print(json.dumps({"level": level, "timestamp": "2026-01-31T23:59:59Z", "message": "printed: " + level}))
        print("plain")
        return [os.environ.get("AWS_LAMBDA_LOG_FORMAT"), os.environ.get("AWS_LAMBDA_LOG_LEVEL")]
"""


@pytest.mark.parametrize("level, logged, printed, plain", [
    ("TRACE", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], ["TRACE", "INFO", "FATAL"], 1),
    ("INFO", ["INFO", "WARNING", "ERROR", "CRITICAL"], ["INFO", "FATAL"], 1), ("ERROR", ["ERROR", "CRITICAL"], ["FATAL"], 0)])
def test_levels_filter_what_is_logged_and_what_is_printed(host, deploy, level, logged, printed, plain):
    function = deploy(LEVELS, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": level})
    assert function.call() == ["JSON", level]
    records = log(host, function)
    framed = [json.loads(record["message"]) for record in records if record["source"] == "function"]
    assert [(record["level"], record["message"]) for record in framed] == [(name, f"by logger: {name.lower()}") for name in logged]
    lines = [record["message"] for record in records if record["source"] == "stdout"]
    assert [json.loads(line)["level"] for line in lines if line.startswith("{")] == printed and lines.count("plain") == plain


def test_a_log_in_text_tells_the_runtime_nothing(deploy):
    assert deploy(LEVELS).call() == [None, None]


NODE = "exports.handler = async () => { console.log('two\\nlines'); console.error(new RangeError('deep')); };"
RUBY = "require 'logger'\ndef handler(event:, context:)\n  puts 'two', 'lines'\n  Logger.new($stderr).warn('of ruby')\nend\n"


@pytest.mark.parametrize("runtime, name, source", [("nodejs20.x", "app.js", NODE), ("ruby3.1", "app.rb", RUBY)])
def test_our_own_clients_use_the_channel(host, deploy, runtime, name, source):
    function = deploy(zip=make_zip({name: source}), Runtime=runtime)
    answer = function.invoke()
    records = [record["message"] for record in log(host, function) if record["source"] == "function"]
    assert len(records) == 2 and records[0].endswith("two\nlines")
    assert "\nEND RequestId: " + answer.request_id in answer.log


GARBLED = """
    import os
    def handler(event, context):
        os.write(62, b"this is no frame\\n" * event)
        print("still here")
        return 1
"""


def test_what_is_no_frame_costs_the_function_its_channel_only(host, deploy):
    function = deploy(GARBLED)
    # More than a pipe holds: the writer is not left waiting.
    assert [function.call(100_000), function.call(1)] == [1, 1]
    records = log(host, function, reports=2)
    assert [record["message"].split(":")[0] for record in records].count("LOG_CHANNEL_CLOSED") == 1
    assert [record["message"] for record in records].count("still here") == 2
    assert not [record for record in records if record["source"] == "function"]


def test_logging_config_goes_round(client, deploy):
    def shown(function):
        return client.get_function_configuration(FunctionName=function.name)["LoggingConfig"]

    function = deploy("handler = 1")
    group = f"/aws/lambda/{function.name}"
    assert shown(function) == {"LogFormat": "Text", "LogGroup": group}
    function.update(LoggingConfig={"LogFormat": "JSON"})
    assert shown(function) == {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": group}
    function.update(LoggingConfig={"ApplicationLogLevel": "FATAL", "LogGroup": "/own/group"})
    assert shown(function) == {"LogFormat": "JSON", "ApplicationLogLevel": "FATAL", "SystemLogLevel": "INFO", "LogGroup": "/own/group"}
    function.update(LoggingConfig={"LogFormat": "Text"})
    assert shown(function) == {"LogFormat": "Text", "LogGroup": "/own/group"}
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client.update_function_configuration(FunctionName=function.name, LoggingConfig={"LogFormat": "Text", "SystemLogLevel": "WARN"})
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert refused.value.response["Error"]["Message"].startswith('LogLevel is not supported when LogFormat is set to "Text".')


def test_the_log_group_is_told_to_the_function(deploy):
    source = "import os\nhandler = lambda event, context: [os.environ['AWS_LAMBDA_LOG_GROUP_NAME'], context.log_group_name]"
    assert deploy(source, LoggingConfig={"LogGroup": "own.group/of#mine"}).call() == ["own.group/of#mine"] * 2


def test_a_change_of_the_format_begins_new_environments(deploy):
    function = deploy("import os\nhandler = lambda event, context: os.environ.get('AWS_LAMBDA_LOG_FORMAT')")
    assert function.call() is None
    function.update(LoggingConfig={"LogFormat": "JSON"})
    assert function.call() == "JSON"


def test_what_an_extension_writes_is_its_own(host, deploy):
    layer = deploy.layer("says", {"extensions/says": extension('say("of the extension"); register("INVOKE"); next_event(); next_event()')})
    function = deploy("handler = lambda event, context: print('of the function')", Layers=[layer])
    function.call()
    written = {record["source"]: record["message"] for record in log(host, function) if "of the " in record["message"]}
    assert written == {"extension": "says of the extension", "stdout": "of the function"}

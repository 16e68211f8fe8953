"""Extensions: programs in a layer's /opt/extensions beside the runtime, and parts of the runtime's own process."""

import json
import re
import subprocess
import textwrap
import time

import pytest
from functions import TIME_SCALE, Deployer
from host import PROGRAMS, Host, wait_until

# What every extension here is made of. It says what it was told, and names its own variables when asked to.
CLIENT = """#!/usr/bin/python3
import json, os, signal, sys, time, urllib.error, urllib.request
NAME = os.path.basename(sys.argv[0])
BASE = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension/"
def say(*words): print(NAME, *words, flush=True)
def call(path, body=None, **headers):
    request = urllib.request.Request(BASE + path, data=None if body is None else json.dumps(body).encode(),
        headers={"Lambda-Extension-" + name.replace("_", "-"): value for name, value in headers.items()})
    with urllib.request.urlopen(request) as answer:
        return answer.headers, json.loads(answer.read() or b"null")
def register(*events, name=None):
    global IDENTIFIER
    headers, body = call("register", {"events": events}, Name=name or NAME)
    IDENTIFIER = headers["Lambda-Extension-Identifier"]
    return body
def next_event(): return call("event/next", Identifier=IDENTIFIER)[1]
"""

FOLLOWING = CLIENT + """
register("INVOKE", "SHUTDOWN")
say("registered")
while True:
    event = next_event()
    say(event["eventType"], event.get("requestId", event.get("shutdownReason")))
    if event["eventType"] == "SHUTDOWN":
        say(f"has {event['deadlineMs'] - time.time() * 1000:.0f} ms")
        break
"""

HANDLER = """
    import os, time
    print("runtime starts", flush=True)
    def handler(event, context):
        return event
"""


def extension(source, mode=0o100755):
    return (source if source.startswith("#!") else CLIENT + textwrap.dedent(source), mode)


@pytest.fixture
def extended(deploy, request):
    """Deploys a function with extensions; names and their sources."""
    def make(source, extensions, **settings):
        files = {f"extensions/{name}": content if isinstance(content, tuple) else extension(content) for name, content in extensions.items()}
        return deploy(source, Layers=[deploy.layer(re.sub("[^a-z]", "-", request.node.name), files)], **settings)
    return make


@pytest.fixture
def log_of(host):
    def log_of(function):
        run = subprocess.run([PROGRAMS / "roost", "logs", function.name], env=host.environment(), capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout
    return log_of


def await_log(log_of, function, text, seconds=10):
    wait_until(lambda: text in log_of(function), seconds, text)
    return log_of(function)


def test_the_runtime_starts_when_all_extensions_have_registered(extended, log_of):
    slow = 'time.sleep(1); say("is late"); register("SHUTDOWN"); say("registered"); next_event()'
    function = extended(HANDLER, {"a-fast": FOLLOWING, "b-slow": slow})
    answer = function.invoke(5)
    assert answer.payload == 5
    log = await_log(log_of, function, f"a-fast INVOKE {answer.request_id}")
    assert log.index("a-fast registered") < log.index("b-slow registered") < log.index("runtime starts")
    assert "EXTENSION\tName: a-fast\tState: Ready\tEvents: [INVOKE,SHUTDOWN]" in log
    assert answer.milliseconds("Init Duration") > 1000


def test_init_lasts_until_every_extension_has_asked_for_an_event(extended):
    late = 'register("INVOKE"); time.sleep(1.5)\nwhile True: next_event()'
    answer = extended(HANDLER, {"late": late}).invoke(6)
    assert answer.payload == 6 and answer.milliseconds("Init Duration") > 1500 and answer.milliseconds("Duration") < 1000 * TIME_SCALE


def test_an_extension_has_the_functions_variables_but_not_the_runtimes(extended, log_of):
    source = 'register("SHUTDOWN"); say(sorted(os.environ), os.getcwd(), os.getpgid(0) == os.getpid(), sorted(os.listdir("/proc/self/fd"))); next_event()'
    function = extended(HANDLER, {"curious": source}, Environment={"Variables": {"MINE": "1"}})
    function.call(1)
    line = next(line for line in await_log(log_of, function, "curious [").splitlines() if "curious [" in line)
    for name in ["MINE", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "PATH"]:
        assert f"'{name}'" in line, name
    for name in ["_HANDLER", "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_DAEMON_ADDRESS",
                 "AWS_XRAY_CONTEXT_MISSING", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_AWS_XRAY_DAEMON_PORT"]:
        assert f"'{name}'" not in line, name
    # 0 to 2, and that of the listing.
    assert "] / True ['0', '1', '2', '3']" in line


def test_the_caller_has_its_answer_before_a_slow_extension_is_done_and_the_bill_has_both(extended, client, log_of):
    slow = 'register("INVOKE")\nwhile True:\n    next_event()\n    time.sleep(1.5)'
    function = extended(HANDLER, {"slow": slow})
    begun = time.monotonic()
    function.client.invoke(FunctionName=function.name, Payload=b"1")
    first = time.monotonic() - begun
    begun = time.monotonic()
    answer = client.invoke(FunctionName=function.name, Payload=b"2")
    # Its own environment is still busy: it waits for that one, or has a new one made.
    assert answer["Payload"].read() == b"2"
    log = await_log(log_of, function, "REPORT")
    report = next(line for line in log.splitlines() if "REPORT RequestId" in line)
    billed = float(report.split("Billed Duration: ")[1].split(" ms")[0])
    assert billed >= 1500 and first < 1.5 + 5 * TIME_SCALE
    # With the tail of the log, which ends with the report, the caller waits for it.
    assert function.invoke(3).milliseconds("Duration") >= 1500


def test_an_answer_is_there_long_before_its_extension_is_done(extended):
    slow = 'register("INVOKE")\nwhile True:\n    next_event()\n    time.sleep(6)'
    function = extended(HANDLER, {"slow": slow}, Timeout=30)
    begun = time.monotonic()
    assert function.client.invoke(FunctionName=function.name, Payload=b"1")["Payload"].read() == b"1"
    assert time.monotonic() - begun < 6


def test_an_extension_that_hangs_after_the_answer_times_out_and_its_caller_has_the_answer(extended, log_of):
    hang = 'register("INVOKE", "SHUTDOWN")\nnext_event()\ntime.sleep(100)'
    function = extended(HANDLER, {"hang": hang}, Timeout=2)
    answer = function.invoke(4)
    assert answer.payload == 4 and answer.error is None
    assert answer.report["Status"] == "timeout" and answer.report["Error Type"] == "Sandbox.Timedout"
    assert "Task timed out after 2.00 seconds" in answer.log


def test_shutdown_reasons_and_deadlines(extended, log_of):
    fail = """
        import os, time
        def handler(event, context):
            if event == "hang": time.sleep(100)
            if event == "exit": os._exit(3)
            return event
    """
    function = extended(fail, {"following": FOLLOWING}, Timeout=2)
    assert function.invoke("hang").payload["errorType"] == "Sandbox.Timedout"
    log = await_log(log_of, function, "following has")
    # The runtime had its part of the two seconds, and did not need it.
    assert "following SHUTDOWN timeout" in log and 1000 < float(log.split("following has ")[1].split(" ms")[0]) <= 2000
    assert function.invoke("exit").payload["errorType"] == "Runtime.ExitError"
    await_log(log_of, function, "following SHUTDOWN failure")
    assert function.call("idle") == "idle"
    function.update(Timeout=5)
    await_log(log_of, function, "following SHUTDOWN spindown")


# The client waits for events in C, where no handler written in Python runs: a thread hears of the signal.
NOTICING = """
    import os, signal, socket, threading
    ends = socket.socketpair()
    ends[1].setblocking(False)
    signal.set_wakeup_fd(ends[1].fileno())
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    def note():
        ends[0].recv(1)
        os.write(1, b"runtime has SIGTERM\\n")
        os._exit(0)
    threading.Thread(target=note, daemon=True).start()
    def handler(event, context):
        return event
"""


def test_the_runtime_has_sigterm_with_an_extension_and_not_without(extended, deploy, log_of):
    with_one, without = extended(NOTICING, {"following": FOLLOWING}), deploy(NOTICING)
    for function in (with_one, without):
        assert function.call(1) == 1
        function.update(Timeout=9)
    log = await_log(log_of, with_one, "following SHUTDOWN spindown")
    assert log.index("runtime has SIGTERM") < log.index("following SHUTDOWN spindown")
    assert "SIGTERM" not in log_of(without)


def test_an_internal_extension_has_the_runtime_told(deploy, log_of):
    source = textwrap.dedent(CLIENT.split("\n", 1)[1]) + textwrap.dedent("""
        import threading
        register("INVOKE", name="inside")
        def follow():
            while True: print(f"inside {next_event()['eventType']}", flush=True)
        threading.Thread(target=follow, daemon=True).start()
    """) + textwrap.dedent(NOTICING)
    function = deploy(source)
    assert function.call(1) == 1
    await_log(log_of, function, "inside INVOKE")
    function.update(Timeout=9)
    await_log(log_of, function, "runtime has SIGTERM")


def test_one_that_answers_no_shutdown_is_killed_within_the_budget(extended, host, log_of):
    deaf = """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        register("INVOKE", "SHUTDOWN")
        while True:
            if next_event()["eventType"] == "SHUTDOWN":
                say("will not")
                time.sleep(100)
    """
    function = extended(HANDLER, {"deaf": textwrap.dedent(deaf)}, Timeout=2)
    assert function.call(1) == 1
    before = set(host.processes())
    begun = time.monotonic()
    function.delete()
    wait_until(lambda: not any("deaf" in word for process in set(host.processes()) & before for word in command_line(process)), 10, "its end")
    assert time.monotonic() - begun < 2.5 + 2 * TIME_SCALE


def command_line(process):
    try:
        with open(f"/proc/{process}/cmdline") as file:
            return file.read().split("\0")
    except OSError:
        return []


def test_a_host_that_stops_tells_all_its_extensions_at_once():
    deaf = """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        register("SHUTDOWN")
        say("is told", next_event()["shutdownReason"])
        time.sleep(100)
    """
    with Host() as host:
        deployer = Deployer(host.client())
        layer = deployer.layer("deaf", {"extensions/deaf": extension(deaf)})
        functions = [deployer(HANDLER, Layers=[layer]) for _ in range(3)]
        assert [function.call(1) for function in functions] == [1, 1, 1]
        begun = time.monotonic()
        host.stop()
        # One after the other they would take six seconds.
        assert 1.9 < time.monotonic() - begun < 2 + 3 * TIME_SCALE
        host.start()
        for function in functions:
            run = subprocess.run([PROGRAMS / "roost", "logs", function.name], env=host.environment(), capture_output=True, text=True, check=True)
            assert "deaf is told spindown" in run.stdout


@pytest.mark.parametrize("source, error, reason", [
    ("sys.exit(1)", "Extension.Crash", "exit status 1"),
    ('register("INVOKE"); sys.exit(0)', "Extension.Crash", "exit code 0"),
    ('register("INVOKE"); call("init/error", {}, Identifier=IDENTIFIER, Function_Error_Type="Extension.NoConfig"); time.sleep(9)',
     "Extension.InitError", "Extension.NoConfig"),
    (("no program", 0o100755), "Extension.LaunchError", "fork/exec /opt/extensions/broken: exec format error"),
    ((CLIENT, 0o100644), "Extension.LaunchError", "fork/exec /opt/extensions/broken: permission denied"),
], ids=["exits", "exits-after-registration", "init-error", "no-program", "not-executable"])
def test_an_extension_that_cannot_start_fails_the_invocation(extended, log_of, source, error, reason):
    function = extended(HANDLER, {"broken": source})
    answer = function.invoke(1)
    assert answer.error == "Unhandled"
    assert answer.payload == {"errorType": error, "errorMessage": f"RequestId: {answer.request_id} Error: {reason}"}
    log = log_of(function)
    assert f"Phase: init\tStatus: error\tError Type: {error}" in log and f"Phase: invoke\tStatus: error\tError Type: {error}" in log
    assert "runtime starts" not in log or error == "Extension.Crash" or error == "Extension.InitError"


def test_an_extension_that_ends_while_an_invocation_runs_ends_it(extended):
    source = 'register("INVOKE"); next_event(); sys.exit(7)'
    sleeps = "import time\ndef handler(event, context): time.sleep(8)"
    answer = extended(sleeps, {"mortal": source}).invoke(1)
    assert answer.payload["errorType"] == "Extension.Crash" and "exit status 7" in answer.payload["errorMessage"]


def test_an_extension_that_reports_its_end_ends_the_invocation(extended):
    source = 'register("INVOKE"); next_event(); call("exit/error", {}, Identifier=IDENTIFIER, Function_Error_Type="Extension.Gone"); time.sleep(9)'
    sleeps = "import time\ndef handler(event, context): time.sleep(8)"
    answer = extended(sleeps, {"leaving": source}).invoke(1)
    assert answer.payload["errorType"] == "Extension.ExitError" and "Extension.Gone" in answer.payload["errorMessage"]


def test_ten_extensions_start(extended):
    quiet = 'register("INVOKE")\nwhile True: next_event()'
    many = {f"extension-{number:02}": quiet for number in range(10)}
    assert extended(HANDLER, many, MemorySize=512, Timeout=30).call(1) == 1


def test_eleven_extensions_are_one_too_many(extended):
    many = {f"extension-{number:02}": 'register("INVOKE")' for number in range(11)}
    assert extended(HANDLER, many).invoke(1).payload["errorType"] == "Extension.InitError"


def test_another_name_than_the_files_is_not_the_external_extensions(extended, log_of):
    source = """
        try: register("SHUTDOWN", name="other")
        except urllib.error.HTTPError as error: say(error.code, error.read().decode())
        register("SHUTDOWN")
        next_event()
    """
    function = extended(HANDLER, {"named": textwrap.dedent(source)})
    assert function.call(1) == 1
    assert "named 403" in await_log(log_of, function, "named 403")


def test_a_later_layer_hides_an_earlier_ones_extension_and_a_directory_is_none(deploy, log_of):
    say = 'register("SHUTDOWN"); say("is number {}"); next_event()'
    first = deploy.layer("lower-extensions", {
        "extensions/both": extension(say.format(1)), "extensions/lower": extension(say.format(1)), "extensions/folder/program": extension("sys.exit(1)")})
    second = deploy.layer("upper-extensions", {"extensions/both": extension(say.format(2))})
    function = deploy(HANDLER, Layers=[first, second])
    assert function.call(1) == 1
    log = log_of(function)
    assert "both is number 2" in log and "lower is number 1" in log and "both is number 1" not in log


def test_a_failed_init_is_repeated_under_the_functions_timeout_and_billed(extended):
    # The first init takes too long, and the second one lasts.
    source = """
        first = not os.path.exists("/tmp/seen")
        open("/tmp/seen", "w")
        if first: sys.exit(1)
        register("INVOKE")
        time.sleep(1)
        while True: next_event()
    """
    answer = extended(HANDLER, {"second-try": textwrap.dedent(source)}, Timeout=10).invoke(1)
    assert answer.payload == 1 and "Init Duration" not in answer.report
    assert answer.milliseconds("Billed Duration") >= 1000


# ---- Telemetry ----

# As collectors of OpenTelemetry are: it listens before it subscribes, keeps what it is sent, and lets go of it when it is told of the end.
COLLECTOR = """
import http.server, socket, socketserver, threading
lines, lock = [], threading.Lock()
class HTTP(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock: lines.extend(batch)
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *words): pass
class TCP(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            with lock: lines.append(json.loads(line))
def subscribe(path, destination, **more):
    body = {"types": ["platform", "function"], "destination": destination, "buffering": {"timeoutMs": 25}, **more}
    request = urllib.request.Request("http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + path, data=json.dumps(body).encode(), method="PUT",
        headers={"Lambda-Extension-Identifier": IDENTIFIER})
    with urllib.request.urlopen(request) as answer: return answer.status, json.loads(answer.read())
def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
def collect():
    while next_event()["eventType"] != "SHUTDOWN": pass
    # What was sent over TCP may be on its way to the thread that reads it.
    count = -1
    while count != len(lines):
        count = len(lines)
        time.sleep(0.2)
    with lock: say("collected", json.dumps(lines))
"""
OVER_HTTP = COLLECTOR + """
register("INVOKE", "SHUTDOWN")
serve(http.server.ThreadingHTTPServer(("0.0.0.0", 4318), HTTP))
say(*subscribe("/2022-07-01/telemetry", {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4318/v1"}, schemaVersion="2022-12-13"))
collect()
"""
OVER_TCP = COLLECTOR + """
register("INVOKE", "SHUTDOWN")
serve(socketserver.ThreadingTCPServer(("127.0.0.1", 4319), TCP))
say(*subscribe("/2022-07-01/telemetry", {"protocol": "TCP", "port": 4319}, schemaVersion="2025-01-29"))
collect()
"""
TALKING = """
    import os, time
    print("at init")
    def handler(event, context):
        if event == "end": os._exit(3)
        print("one of", event)
        print("two of", event)
        return event
"""


@pytest.mark.parametrize("source", [OVER_HTTP, OVER_TCP], ids=["http", "tcp"])
def test_a_collector_receives_every_record_once_and_in_order(extended, log_of, source):
    function = extended(TALKING, {"collector": source})
    requests = []
    for number in range(3):
        answer = function.invoke(number)
        assert answer.payload == number
        requests.append(answer.request_id)
    ended = function.invoke("end")
    assert ended.payload["errorType"] == "Runtime.ExitError"
    # A reset is a shutdown for the extension.
    log = await_log(log_of, function, "collector collected")
    records = json.loads(re.search(r"collector collected (\[.*\])$", log, re.MULTILINE)[1])
    assert [record["record"].strip() for record in records if record["type"] == "function"] == (
        ["at init"] + [f"{word} of {number}" for number in range(3) for word in ("one", "two")])
    types = [record["type"].removeprefix("platform.") for record in records if record["type"] != "function"]
    assert types[0] == "initStart" and types.count("telemetrySubscription") == 1 and types.count("extension") == 1
    assert types.count("initRuntimeDone") == types.count("initReport") == 1
    for request_id in requests:
        told = [record["type"] for record in records if isinstance(record["record"], dict) and record["record"].get("requestId") == request_id]
        assert told == ["platform.start", "platform.runtimeDone", "platform.report"]
    told = [record["type"] for record in records if isinstance(record["record"], dict) and record["record"].get("requestId") == ended.request_id]
    assert told == ["platform.start", "platform.runtimeDone", "platform.report"]
    assert "logsDropped" not in types

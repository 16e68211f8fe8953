"""Extensions that mean harm: programs of a layer that are started beside the runtime, with its rights and no more, and that can ruin their own function only."""

import time

import pytest
from arena import HERE
from functions import make_zip
from host import TIME_SCALE

ROGUE = (HERE / "rogue.py").read_text()
PREAMBLE = """#!/usr/bin/python3
import sys
sys.path.insert(0, "/opt/lib")
from rogue import *

EXTENSION = "/2020-01-01/extension"
def register(*events, name=os.path.basename(sys.argv[0])):
    answer = call("POST", EXTENSION + "/register", json.dumps({"events": events}).encode(), {"Lambda-Extension-Name": name})
    return {"Lambda-Extension-Identifier": re.search(r"lambda-extension-identifier: *(\\S+)", answer, re.I).group(1)}
def ask(identity): return call("GET", EXTENSION + "/event/next", headers=identity, wait=3600)
def tell(what):
    with open("/tmp/told.part", "w") as file: json.dump(what, file)
    os.rename("/tmp/told.part", "/tmp/told")
"""
HONEST = "identity = register('INVOKE')\nwhile True: ask(identity)\n"
MARK = "#!/bin/sh\ntouch /tmp/ran-$(basename $0)\n"
HANDLER = """
import sys
sys.path.insert(0, "/opt/lib")
from rogue import *

def told():
    for _ in range(200):
        if os.path.exists("/tmp/told"): return json.load(open("/tmp/told"))
        time.sleep(0.05)

def handler(event, context):
    return eval(event) if isinstance(event, str) else event
"""

# What a process may do and see, as it can tell itself.
RIGHTS = """
def rights():
    lines = [line.split(":") for line in open("/proc/self/status")]
    kept = {name: value.split() for name, value in lines if name in ("Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp") or name.startswith("Cap")}
    spaces = {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}
    limits = open("/proc/self/limits").read().splitlines()
    return [kept, spaces, limits, open("/proc/self/cgroup").read(), open("/proc/self/mountinfo").read()]
"""


@pytest.fixture
def extended(arena):
    """Deploys a function with extensions by their names and sources."""
    def make(extensions, own={}, source=HANDLER, **settings):
        files = {f"extensions/{name}": (content if content[:1] in "#\x7f" else PREAMBLE + content, 0o100755) for name, content in extensions.items()}
        layer = arena.layer("extensions", {"lib/rogue.py": (ROGUE, 0o100644), **files})
        return arena(zip=make_zip({"app.py": source, **own}), **{"Layers": [layer], "Timeout": 4, **settings})
    return make


def test_an_extension_has_the_rights_of_the_function_and_no_more(arena, extended):
    function = extended({"rogue": RIGHTS + "tell([rights(), sorted(os.listdir('/proc/self/fd'))])\n" + HONEST}, source=HANDLER + RIGHTS)
    (theirs, descriptors), own = arena.strike(function, "[told(), rights()]")
    assert theirs == own and own[0]["Uid"][0] == "993" and set(own[0]["CapEff"] + own[0]["CapBnd"]) == {"0" * 16}
    # 0 to 2, and that of the listing.
    assert descriptors == ["0", "1", "2", "3"]


def test_only_files_of_a_layer_right_in_its_extensions_are_run(arena, extended):
    function = extended({"honest": HONEST, "nested/deep": MARK}, own={"extensions/own": (MARK, 0o100755)})
    assert arena.strike(function, "sorted(os.listdir('/opt/extensions'))") == ["honest", "nested"]
    assert arena.strike(function, "[name for name in os.listdir('/tmp') if name.startswith('ran')]") == []


@pytest.mark.parametrize("name, program", [("broken", "\x7fELF"), ("lost", "#!/no/such/interpreter\n"), ("looping", "#!/opt/extensions/looping\n")])
def test_what_is_no_program_ends_init_and_costs_nothing_else(arena, extended, name, program):
    function = extended({name: program})
    for _ in range(2):
        arena.strike(function, 1, "crash", "Extension.LaunchError")


@pytest.mark.parametrize("method, path, expected", [
    ("POST", "/2020-01-01/extension/register", 403), ("GET", "/2020-01-01/extension/event/next", 403), ("POST", "/2020-01-01/extension/init/error", 403),
    ("POST", "/2020-01-01/extension/exit/error", 403), ("PUT", "/2022-07-01/telemetry", 403), ("PUT", "/2020-08-15/logs", 403),
    ("GET", "/2018-06-01/runtime/restore/next", 404), ("POST", "/2018-06-01/runtime/restore/error", 404),
])
def test_a_function_cannot_pose_as_an_extension_in_the_midst_of_an_invocation(arena, extended, method, path, expected):
    function = extended({"honest": HONEST})
    headers = {"Lambda-Extension-Name": "honest", "Lambda-Extension-Identifier": "00000000-0000-0000-0000-000000000000",
               "Lambda-Extension-Function-Error-Type": "Rogue"}
    body = b'{"events":["INVOKE"]}'
    assert arena.strike(function, f"status(call({method!r}, {path!r}, {body!r}, {headers!r}))") == expected
    assert arena.strike(function, 1) == 1


# The host connects to a subscriber, so a subscription must not choose to whom.
PLACES = ["http://169.254.169.254/", "http://127.0.0.1:22/", "http://sandbox.localdomain:9001/", "http://sandbox.localdomain@169.254.169.254/", "http://sandbox.localdomain.evil/",
          "http://sandbox:0/", "http://sandbox:99999/", "http://sandbox:80/a\\r\\nX: y", "https://sandbox/", "unix:///run/roost/admin.sock", "", "http://"]


def test_telemetry_goes_to_the_sandbox_and_nowhere_else(arena, extended):
    function = extended({"rogue": f"""
identity = register('INVOKE')
def subscribe(destination):
    body = json.dumps({{"schemaVersion": "2022-07-01", "types": ["platform"], "destination": destination}}).encode()
    return status(call("PUT", "/2022-07-01/telemetry", body, identity))
tell([subscribe({{"protocol": "HTTP", "URI": place}}) for place in {PLACES}]
     + [subscribe({{"protocol": "TCP", "port": port}}) for port in (0, -1, 9001, 65536, "22")] + [subscribe({{"protocol": "UDP", "port": 53}})])
while True: ask(identity)
"""})
    assert arena.strike(function, "told()") == [400] * (len(PLACES) + 6)


SUBSCRIBE = """
identity = register('INVOKE')
listener = socket.create_server(('', 4000))
body = {"schemaVersion": "2022-07-01", "types": ["platform", "function", "extension"], "destination": DESTINATION, "buffering": {"timeoutMs": 25}}
assert status(call("PUT", "/2022-07-01/telemetry", json.dumps(body).encode(), identity)) == 200
import threading
def serve():
    while True:
        connection = listener.accept()[0]
        BEHAVIOUR
threading.Thread(target=serve, daemon=True).start()
while True: ask(identity)
"""
HTTP, TCP = '{"protocol": "HTTP", "URI": "http://sandbox.localdomain:4000"}', '{"protocol": "TCP", "port": 4000}'
SUBSCRIBERS = {
    "never reads": (TCP, "held = globals().setdefault('held', []); held.append(connection)"),
    "never answers": (HTTP, "held = globals().setdefault('held', []); held.append(connection)"),
    "closes at once": (TCP, "connection.close()"),
    "answers without end": (HTTP, "threading.Thread(target=lambda: [connection.sendall(b'HTTP/1.1 200 OK\\r\\nX: ')] + [connection.sendall(b'a' * 65536) for _ in range(1000)], daemon=True).start()"),
    "answers garbage": (HTTP, "connection.sendall(b'\\0' * 4096)"),
    "redirects": (HTTP, "connection.sendall(b'HTTP/1.1 301 Moved\\r\\nLocation: http://169.254.169.254/\\r\\nContent-Length: 0\\r\\n\\r\\n')"),
}


@pytest.mark.parametrize("behaviour", SUBSCRIBERS)
def test_a_bad_subscriber_costs_its_own_records_only(arena, extended, host, behaviour):
    destination, action = SUBSCRIBERS[behaviour]
    function = extended({"rogue": SUBSCRIBE.replace("DESTINATION", destination).replace("BEHAVIOUR", action)}, Timeout=10)
    before = resident(host)
    for _ in range(3):
        assert arena.strike(function, "[print('x' * 1000) for _ in range(500)] and 1") == 1
    assert resident(host) - before < 64 << 20


def resident(host):
    return next(int(line.split()[1]) << 10 for line in open(f"/proc/{host.supervisor()}/status") if line.startswith("VmRSS"))


# ---- Extensions that fail their function ----

NEVER = {
    "it never registers": "time.sleep(600)",
    "it never asks for an event": "register('INVOKE'); time.sleep(600)",
    "it asks without end for an identity": "while True: call('POST', EXTENSION + '/register', b'{}', {'Lambda-Extension-Name': 'another'})",
    "it ignores all signals and stops": "import signal\n[signal.signal(n, signal.SIG_IGN) for n in range(1, 65) if n not in (9, 19, 32, 33)]\nos.kill(os.getpid(), 19)",
}


@pytest.mark.parametrize("failure", NEVER)
def test_an_extension_that_is_never_ready_is_ended_with_its_function(arena, extended, failure):
    function = extended({"rogue": NEVER[failure]}, Timeout=1)
    begin = time.monotonic()
    answer = function.invoke(1)
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Sandbox.Timedout"
    assert 10 < time.monotonic() - begin < 20 * TIME_SCALE
    arena.assert_told(function, answer, "timeout", "Sandbox.Timedout")


FAILURES = {
    "it exits before it registers": ("os._exit(0)", "crash", "Extension.Crash"),
    "it exits once registered": ("register('INVOKE'); os._exit(3)", "crash", "Extension.Crash"),
    "it reports an error at init and stays": ("identity = register('INVOKE')\ncall('POST', EXTENSION + '/init/error', b'{}', {**identity, 'Lambda-Extension-Function-Error-Type': 'Extension.Rogue'})\n"
                                              "time.sleep(600)", "crash", "Extension.InitError"),
    "it exits with the event in hand": ("ask(register('INVOKE')); os._exit(0)", "crash", "Extension.Crash"),
    "it kills everything with the event in hand": ("identity = register('INVOKE'); ask(identity); os.kill(-1, 9); time.sleep(600)", "crash", "Runtime.ExitError"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_an_extension_that_fails_is_ended_with_its_function_and_the_caller_told(arena, extended, failure):
    source, outcome, error_type = FAILURES[failure]
    function = extended({"rogue": source})
    for _ in range(2):
        # Long enough for it to fail in the midst.
        arena.strike(function, "time.sleep(1)", outcome, error_type)


def test_an_extension_that_floods_its_output_neither_stops_its_function_nor_fills_the_host(arena, extended, host):
    function = extended({"rogue": """
import threading
def flood():
    while True: os.write(1, b'x' * 65536)
threading.Thread(target=flood, daemon=True).start()
""" + HONEST}, Timeout=10, MemorySize=512)
    before = resident(host)
    for number in range(5):
        assert arena.strike(function, number) == number
    assert resident(host) - before < 64 << 20


def test_an_extension_that_multiplies_and_clings_to_life_goes_with_its_environment(arena, extended):
    """What it started is gone when the function is deleted: that is asserted after each test here."""
    function = extended({"rogue": """
import signal
for n in range(1, 65):
    if n not in (9, 19, 32, 33): signal.signal(n, signal.SIG_IGN)
identity = register('INVOKE', 'SHUTDOWN')
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: time.sleep(600)
        os._exit(0)
ask(identity); ask(identity)
time.sleep(600)
"""})
    assert arena.strike(function, 1) == 1
    for environment in arena.environments(function):
        arena.stop(environment["id"])


def test_ten_extensions_are_the_most_and_a_hundred_are_refused_cheaply(arena, extended):
    function = extended({f"e{number}": HONEST for number in range(100)}, MemorySize=1024)
    answer = function.invoke(1)
    assert answer.error == "Unhandled", answer
    assert len(arena.environments(function)) <= 1

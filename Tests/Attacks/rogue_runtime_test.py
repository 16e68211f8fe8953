"""Runtimes that break the Runtime API's rules: what they are answered, what their callers are told, and that only they suffer.

Each is Python that runs at import, before the official runtime has said a word, and speaks to the API by hand (rogue.py). Where it ends with `serve_honestly()`,
the environment must still be good afterwards.
"""

import threading
import time

import pytest
from arena import HERE, program
from functions import make_zip
from host import TIME_SCALE

ROGUE = (HERE / "rogue.py").read_text()


def runtime(arena, source, **settings):
    files = {"app.py": "from rogue import *\n" + source, "rogue.py": ROGUE}
    return arena(zip=make_zip(files), **{"Timeout": 4, **settings})


# ---- Breaches that the API answers, and that cost nothing ----

BREACHES = {
    "an answer before the first event": ("result = [status(respond('00000000-0000-0000-0000-000000000000', 1))]", [400]),
    "an error before the first event": ("result = [status(respond('00000000-0000-0000-0000-000000000000', 1, 'error'))]", [400]),
    "an unknown path": ("result = [status(call('GET', '/2018-06-01/nothing')), status(call('GET', '/')), status(call('POST', '/2015-03-31/functions'))]", [404, 404, 404]),
    "a wrong method": ("result = [status(call('DELETE', PATH + '/invocation/next')), status(call('GET', PATH + '/init/error'))]", [405, 405]),
    "a path that climbs": ("result = [status(call('GET', '/2018-06-01/runtime/../../../etc/passwd')), status(call('GET', '/%2e%2e/%2e%2e/etc/passwd'))]", [404, 404]),
    "garbage": ("result = [status(raw(b'\\x00\\xff' * 100 + b'\\r\\n\\r\\n'))]", [400]),
    "another protocol": ("result = [status(raw(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n')) in (400, 404, 405, 505, 'closed')]", [True]),
    "two lengths": ("result = [status(raw(b'POST ' + PATH.encode() + b'/invocation/x/response HTTP/1.1\\r\\nContent-Length: 1\\r\\nContent-Length: 2\\r\\n\\r\\nxx'))]", [400]),
    "a length and chunks": ("result = [status(raw(b'POST ' + PATH.encode() + b'/invocation/x/response HTTP/1.1\\r\\nContent-Length: 4\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n'))]", [400]),
    "a negative length": ("result = [status(raw(b'POST ' + PATH.encode() + b'/invocation/x/response HTTP/1.1\\r\\nContent-Length: -1\\r\\n\\r\\n'))]", [400]),
    "a length beyond numbers": ("result = [status(raw(b'POST ' + PATH.encode() + b'/invocation/x/response HTTP/1.1\\r\\nContent-Length: 99999999999999999999999\\r\\n\\r\\n'))]", [400]),
    "a broken chunk": ("result = [status(raw(b'POST ' + PATH.encode() + b'/invocation/x/response HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n'))]", [400]),
    "a header that is folded": ("result = [status(raw(b'GET ' + PATH.encode() + b'/nothing HTTP/1.1\\r\\nX-A: a\\r\\n b\\r\\n\\r\\n')) in (400, 404)]", [True]),
    "a header of two megabytes": ("result = [status(call('POST', PATH + '/init/error', headers={'X-A': 'a' * 2_000_000}, wait=5)) in (400, 431, 'closed', 'ConnectionResetError', 'BrokenPipeError')]", [True]),
    "a hundred thousand headers": ("result = [status(call('GET', PATH + '/nothing', headers={f'X-{n}': '1' for n in range(100_000)}, wait=5)) in (400, 431, 'closed', 'ConnectionResetError', 'BrokenPipeError')]", [True]),
    "an event taken and its id changed": ("""
request, payload = next_event()
result = [status(respond(request[:-1] + ('0' if request[-1] != '0' else '1'), 1)), status(respond('../' + request, 1)), status(respond(request + '%00', 1))]
respond(request, result)
serve_honestly()""", [400, 404, 400]),
    "two answers to one event": ("""
request, payload = next_event()
before = [status(respond(request, 'the first'))]
result = before + [status(respond(request, 'the second')), status(respond(request, 'an error', 'error'))]""", [202, 403, 403]),
    "an init error after the first event": ("""
request, payload = next_event()
result = [status(call('POST', PATH + '/init/error', b'{}'))]
respond(request, result)
serve_honestly()""", [403]),
    "the nonce of another invocation": ("""
request, payload = next_event()
result = [status(respond(request, 1, headers={'Lambda-Runtime-Invocation-Id': '00000000-0000-0000-0000-000000000000'}))]
respond(request, result)
serve_honestly()""", [410]),
    "an extension that is not one": ("""
headers = {'Lambda-Extension-Name': 'rogue', 'Lambda-Extension-Identifier': '00000000-0000-0000-0000-000000000000'}
result = [status(call(method, '/2020-01-01/extension/' + path, b'{"events":["INVOKE"]}', headers={**headers, 'Lambda-Extension-Function-Error-Type': 'Rogue'}))
          for method, path in [('GET', 'event/next'), ('POST', 'init/error'), ('POST', 'exit/error')]]
result += [status(call('PUT', path, b'{}', headers=headers)) for path in ('/2022-07-01/telemetry', '/2020-08-15/logs')]
result += [status(call('POST', '/2020-01-01/extension/register', body, headers={'Lambda-Extension-Name': name}))
           for name, body in [('', b'{"events":[]}'), ('a' * 1000, b'{"events":[]}'), ('rogue', b'{"events":["ROGUE"]}'), ('rogue', b'{"events":["SHUTDOWN"]}'), ('rogue', b'[')]]""",
                                     [403] * 10),
    "an extension that comes too late": ("""
request, payload = next_event()
result = [status(call('POST', '/2020-01-01/extension/register', b'{"events":[]}', headers={'Lambda-Extension-Name': 'rogue'}))]
respond(request, result)
serve_honestly()""", [403]),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_of_the_api_is_refused_and_the_environment_stays_good(arena, breach):
    source, expected = BREACHES[breach]
    function = runtime(arena, source if "serve_honestly" in source else f"{source}\nrequest, _ = next_event()\nrespond(request, result)\nserve_honestly()")
    first = arena.strike(function, "what happened?")
    if breach == "two answers to one event":
        # The first one counts, and nothing of what follows reaches the caller; the next event brings the report.
        assert first == "the first"
        first = arena.strike(function, "and then?")
    assert first == expected
    assert arena.strike(function, {"again": 1}) == {"again": 1}
    assert len(arena.environments(function)) == 1 and arena.environments(function)[0]["invocations"] >= 2


# ---- Breaches that the caller must hear of ----

FAILURES = {
    "it exits before the first event": ("os._exit(3)", "crash", "Runtime.ExitError"),
    "it exits with the event in hand": ("next_event(); os._exit(0)", "crash", "Runtime.ExitError"),
    "it is killed with the event in hand": ("next_event(); os.kill(os.getpid(), 9)", "crash", "Runtime.ExitError"),
    "it hangs with the event in hand": ("next_event(); time.sleep(600)", "timeout", "Sandbox.Timedout"),
    "it closes its connection with the event in hand": ("connection = connect(); call('GET', PATH + '/invocation/next', connection=connection, wait=60); connection.close(); time.sleep(600)",
                                                        "timeout", "Sandbox.Timedout"),
    "it sends half an answer and hangs": ("request, _ = next_event(); s = connect(); s.sendall(b'POST ' + f'{PATH}/invocation/{request}/response'.encode() + b' HTTP/1.1\\r\\n"
                                          "Content-Length: 1000\\r\\n\\r\\nhalf'); time.sleep(600)", "timeout", "Sandbox.Timedout"),
    "it sends its answer a byte a second": ("request, _ = next_event(); s = connect(); s.sendall(b'POST ' + f'{PATH}/invocation/{request}/response'.encode() + b' HTTP/1.1\\r\\n"
                                            "Content-Length: 1000\\r\\n\\r\\n')\nwhile True: s.sendall(b' '); time.sleep(1)", "timeout", "Sandbox.Timedout"),
    "it sends the wrong response mode": ("request, _ = next_event(); respond(request, 1, headers={'Lambda-Runtime-Function-Response-Mode': 'rogue'}); time.sleep(600)",
                                         "crash", "Runtime.InvalidResponseModeHeader"),
    "it stops itself": ("next_event(); os.kill(os.getpid(), 19)", "timeout", "Sandbox.Timedout"),
    "it reports an error at init and stays": ("call('POST', PATH + '/init/error', b'{\"errorType\":\"Runtime.Rogue\",\"errorMessage\":\"m\"}', headers={'Lambda-Runtime-Function-Error-Type': 'Runtime.Rogue'})\n"
                                              "time.sleep(600)", "init-error", "Runtime.Rogue"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_runtime_that_fails_its_caller_is_ended_and_its_caller_told(arena, failure):
    source, outcome, error_type = FAILURES[failure]
    function = runtime(arena, source, Timeout=2)
    for _ in range(2):
        begin = time.monotonic()
        arena.strike(function, 1, outcome, error_type)
        assert time.monotonic() - begin < 15 * TIME_SCALE


def test_a_runtime_that_never_asks_is_ended_after_its_init_and_its_timeout(arena):
    function = runtime(arena, "time.sleep(600)", Timeout=1)
    begin = time.monotonic()
    answer = function.invoke(1)
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Sandbox.Timedout"
    assert 10 < time.monotonic() - begin < 20
    arena.assert_told(function, answer, "timeout", "Sandbox.Timedout")


@pytest.mark.parametrize("crash", ["os._exit(3)", "os.kill(os.getpid(), 9)", "time.sleep(600)"])
def test_what_befalls_a_runtime_after_its_answer_is_no_error_of_the_invocation(arena, crash):
    """The caller has its success. That the environment then ended is in its log, and the next call begins in a new sandbox."""
    function = runtime(arena, f"request, _ = next_event()\nrespond(request, os.getpid())\n{crash}", Timeout=2)
    for _ in range(2):
        answer = function.invoke(1)
        row = arena.assert_told(function, answer)
        assert row["outcome"] == "success" and row.get("errorType") is None, row
        report = next(line for line in arena.log(function) if line["message"].startswith(f"REPORT RequestId: {answer.request_id}"))
        assert "Error Type" not in report["message"] and "Status" not in report["message"]
    words = "Task timed out" if "sleep" in crash else "Runtime exited with error"
    assert [line for line in arena.log(function) if words in line["message"] and line["source"] == "platform"]


def test_an_error_type_of_its_own_making_breaks_neither_answer_nor_journal(arena):
    function = runtime(arena, """
for kind in ['a' * 500_000, 'Rogue.\\x7f\\x80\\xff', '{"x":1}', "'; DROP TABLE invocation; --", 'Extension.Crash', 'Sandbox.Timedout']:
    request, _ = next_event()
    error = {"errorType": "Rogue", "errorMessage": kind}
    if status(respond(request, error, 'error', headers={'Lambda-Runtime-Function-Error-Type': kind})) != 202: respond(request, error, 'error')
serve_honestly()""")
    for _ in range(6):
        answer = function.invoke(1)
        assert answer.error == "Unhandled" and answer.payload["errorType"] == "Rogue"
        row = arena.record(function, answer.request_id)
        assert row["outcome"] == "function-error" and len(row["errorType"]) < 300, row
    assert arena.strike(function, "again") == "again"


def test_an_answer_that_is_not_json_is_handed_on_as_it_is(arena):
    """As on Lambda, for custom runtimes: the host reads no payload, so none can hurt it."""
    function = runtime(arena, """
for body in [b'', b'\\x00' * 100, b'[' * 200_000, b'\\xff\\xfe', b'{"a":' * 100_000]:
    request, _ = next_event()
    call('POST', f'{PATH}/invocation/{request}/response', body, headers={'Content-Type': 'application/json\\t"; x=\\xe9'})
serve_honestly()""")
    for size in (0, 100, 200_000, 2, 500_000):
        answer = function.client.invoke(FunctionName=function.name, Payload=b"1")
        assert answer["StatusCode"] == 200 and "FunctionError" not in answer and len(answer["Payload"].read()) == size
    assert arena.strike(function, "again") == "again"


def test_a_thousand_requests_at_once_on_one_connection_are_bounded(arena, host):
    """Pipelined without reading an answer; then /next on every connection that is to be had, and one event for them all."""
    function = runtime(arena, """
flood = connect()
flood.settimeout(0.5)
request = b'GET /2018-06-01/ping HTTP/1.1\\r\\n\\r\\n'
try:
    for _ in range(2000): flood.sendall(request * 100)
except OSError: pass
connections = []
try:
    for _ in range(200):
        s = connect(); s.settimeout(1); s.sendall(b'GET ' + PATH.encode() + b'/invocation/next HTTP/1.1\\r\\n\\r\\n'); connections.append(s)
except OSError: pass
flood.close()
import select
open_ones = {s.fileno(): s for s in connections}
while True:
    ready, _, _ = select.select(list(open_ones.values()), [], [])
    for s in ready:
        try: text = s.recv(1 << 16).decode('latin-1')
        except OSError: text = ''
        if not text: del open_ones[s.fileno()]; s.close(); continue
        request = re.search(r'lambda-runtime-aws-request-id: *(\\S+)', text, re.I).group(1)
        respond(request, len(open_ones), connection=s)
        s.sendall(b'GET ' + PATH.encode() + b'/invocation/next HTTP/1.1\\r\\n\\r\\n')
""", Timeout=10, MemorySize=512)
    counts = [arena.strike(function, 1) for _ in range(3)]
    assert 0 < counts[-1] <= 64, counts


def test_of_eight_that_answer_the_same_event_one_is_heard(arena):
    """Who asks while an event is being worked on gets the same one again, as on Lambda; the caller must get one answer, to his own event."""
    function = runtime(arena, """
import threading
counts = {}
def serve():
    while True:
        request, payload = next_event()
        got = status(respond(request, json.loads(payload)))
        counts[got] = counts.get(got, 0) + 1
for _ in range(8): threading.Thread(target=serve, daemon=True).start()
time.sleep(600)
""")
    assert [arena.strike(function, number) for number in range(20)] == list(range(20))
    assert len(arena.records(function)) == 20


def test_a_bootstrap_of_ones_own_has_three_descriptors_and_a_log_channel_and_pid_1_above_it(arena):
    function = arena(zip=make_zip({"bootstrap": (program("bare"), 0o100755)}), Runtime="provided.al2023", Handler="x", Timeout=4)
    told = arena.strike(function, 1)
    assert told == {"descriptors": [0, 1, 2, 62], "parent": told["parent"], "pid": told["pid"]} and told["parent"] in (0, 1) and told["pid"] < 10


# ---- The journal and others, whatever happens ----


def test_a_neighbour_notices_nothing_of_rogues_that_come_and_go(arena):
    honest = arena("handler = lambda event, context: event", MemorySize=512)
    honest.call(0)
    rogues = [runtime(arena, source, Timeout=1) for source in ("os._exit(1)", "next_event(); os.kill(os.getpid(), 9)", "next_event(); time.sleep(60)")]
    over, failures = threading.Event(), []

    def provoke(function):
        client = arena.host.client()
        while not over.is_set():
            answer = client.invoke(FunctionName=function.name, Payload=b"1")
            if answer.get("FunctionError") != "Unhandled":
                failures.append(answer)

    threads = [threading.Thread(target=provoke, args=[function]) for function in rogues]
    for thread in threads:
        thread.start()
    try:
        assert [honest.call(number) for number in range(200)] == list(range(200))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert {row["outcome"] for row in arena.records(honest)} == {"success"}

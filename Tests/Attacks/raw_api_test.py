"""The AWS endpoint as an attacker on the network meets it: bytes that no SDK would send. Each is refused with a reason, and the daemon goes on as if nothing had been."""

import contextlib
import datetime
import hashlib
import json
import os
import re
import socket
import threading
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from counters import resident
from host import REGION, TIME_SCALE

LIST = "/2015-03-31/functions"


def exchange(host, data, wait=5, half_close=False):
    """Sends bytes; returns status, body and whether the connection was closed. A status of None: closed without a word."""
    with socket.create_connection(("127.0.0.1", host.port), wait * TIME_SCALE) as connection:
        connection.settimeout(wait * TIME_SCALE)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        answer, is_closed = b"", False
        while not is_complete(answer):
            try:
                part = connection.recv(1 << 16)
            except TimeoutError:
                break
            except ConnectionResetError:
                part = b""
            if not part:
                is_closed = True
                break
            answer += part
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return int(found.group(1)) if found else None, answer.partition(b"\r\n\r\n")[2], is_closed


def is_complete(answer):
    head, gap, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.I)
    return bool(gap) and (length is None or len(body) >= int(length.group(1)))


def signed(host, method="GET", path=LIST, body=b"", headers=None, change=None, key=None, secret=None, region=REGION, service="lambda", when=None):
    """A request's bytes, properly signed; `change` then edits its headers."""
    own_key, own_secret = host.credentials()
    request = AWSRequest(method, f"http://127.0.0.1:{host.port}{path}", headers=headers or {}, data=body)
    auth = SigV4Auth(Credentials(key or own_key, secret or own_secret), service, region)
    if when is not None:
        stamp = when.strftime("%Y%m%dT%H%M%SZ")
        request.context["timestamp"] = stamp
        request.headers["X-Amz-Date"] = stamp
        request.context["payload_signing_enabled"] = True
        request.headers["Authorization"] = auth.add_auth and sign_at(auth, request, stamp)
    else:
        auth.add_auth(request)
    fields = {"Host": f"127.0.0.1:{host.port}", "Content-Length": str(len(body)), **dict(request.headers)}
    if change:
        change(fields)
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode("latin-1") + b"\r\n" + body


def sign_at(auth, request, stamp):
    """botocore signs for now only."""
    request.context["timestamp"] = stamp
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    names = auth.signed_headers(auth.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"


def assert_healthy(host):
    assert exchange(host, signed(host))[0] == 200


@pytest.fixture
def attacked(arena, host):
    """Afterwards an honest caller is served as before; the arena looks at what the host holds."""
    assert_healthy(host)
    yield host
    assert_healthy(host)


# ---- Framing ----

HEAD = b"POST " + LIST.encode() + b" HTTP/1.1\r\nHost: x\r\n"
FRAMES = {
    "garbage": (b"\x00\x01\xff\xfe" * 64 + b"\r\n\r\n", {400, None}),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500 + b"\r\n\r\n", {400, None}),
    "an HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 403, 404, 505, None}),
    "HTTP/0.9": (b"GET /\r\n\r\n", {400, None}),
    "no such version": (b"GET / HTTP/9.9\r\n\r\n", {400, 403, 505, None}),
    "length and chunks": (HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", {400, None}),
    "chunks and length": (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", {400, None}),
    "two lengths": (HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\naaaaa", {400, None}),
    "a signed length": (HEAD + b"Content-Length: +4\r\n\r\naaaa", {400, None}),
    "a negative length": (HEAD + b"Content-Length: -4\r\n\r\naaaa", {400, None}),
    "a hexadecimal length": (HEAD + b"Content-Length: 0x4\r\n\r\naaaa", {400, None}),
    "a length beyond numbers": (HEAD + b"Content-Length: 99999999999999999999\r\n\r\naaaa", {400, 413, None}),
    "an unknown coding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\naaaa", {400, 403, 501, None}),
    "chunked twice": (HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", {400, 403, None}),
    "chunked in disguise": (HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", {400, None}),
    "a chunk size that is none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", {400, 403, None}),
    "a chunk size beyond numbers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\naaaa", {400, 403, None}),
    "a folded header": (HEAD + b"X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n", {400, 403, None}),
    "a space before the colon": (HEAD + b"Content-Length : 4\r\n\r\naaaa", {400, None}),
    "a header without a name": (HEAD + b": a\r\n\r\n", {400, None}),
    "a NUL in a header": (HEAD + b"X-A: a\x00b\r\nContent-Length: 0\r\n\r\n", {400, 403, None}),
    "a NUL in the path": (b"GET /2015-03-31/functions/\x00 HTTP/1.1\r\nHost: x\r\n\r\n", {400, None}),
    "a path of a megabyte": (b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n", {400, 403, 404, 414, 431, None}),
    "a header of a megabyte": (HEAD + b"X-A: " + b"a" * (1 << 20) + b"\r\n\r\n", {400, 431, None}),
    "ten thousand headers": (HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(10_000)) + b"\r\n", {400, 431, None}),
    "an endless head": (b"GET / HTTP/1.1\r\n" + b"X-A: a\r\n" * 300_000, {400, 431, None}),
    "a head cut off": (HEAD + b"Content-Le", {400, None}),
    "a body cut off": (HEAD + b"Content-Length: 100\r\n\r\nhalf", {400, 403, None}),
    "an absolute URL of another host": (b"GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n", {400, 403, 404}),
    "CONNECT": (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n", {400, 403, 404, 405, None}),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: x\r\nX-Secret: a\r\n\r\n", {400, 403, 404, 405, None}),
    "an upgrade": (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", {400, 403, 404, 426, None}),
    "a climbing path": (b"GET /2015-03-31/functions/../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", {400, 403, 404}),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_what_is_no_proper_request_is_refused(attacked, frame):
    data, statuses = FRAMES[frame]
    status, body, is_closed = exchange(attacked, data, half_close=frame.endswith("cut off"))
    assert status in statuses, (status, body[:500])
    assert status is not None or is_closed, "neither an answer nor an end"
    assert str(attacked.state).encode() not in body and b"root:" not in body


def test_what_follows_a_refused_frame_is_not_taken_for_a_request(attacked):
    """Smuggling: two readings of one frame must not make a second request of the rest."""
    inner = signed(attacked)
    for frame in (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 0\r\n\r\n",
                  b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n", b"Transfer-Encoding: gzip\r\n\r\n", b"Transfer-Encoding: identity\r\n\r\n",
                  b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\n\n"):
        with socket.create_connection(("127.0.0.1", attacked.port), 5) as connection:
            connection.settimeout(3 * TIME_SCALE)
            connection.sendall(HEAD + frame + inner)
            answer = b""
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while part := connection.recv(1 << 16):
                    answer += part
        assert b"200 OK" not in answer and b'"Functions"' not in answer, answer


# ---- JSON ----


def invoke_path(function):
    return f"{LIST}/{function.name}/invocations"


BODIES = {
    "nothing": b"", "a brace": b"{", "not JSON": b"hello", "a NUL": b'{"a":"\x00"}', "no text": b'{"a":"\xff\xfe"}', "a lone surrogate": b'{"FunctionName":"\\ud800"}',
    "two hundred thousand brackets": b"[" * 200_000, "as many and closed": b"[" * 200_000 + b"]" * 200_000, "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of a megabyte": b'{"Timeout":' + b"9" * 1_000_000 + b"}", "infinity": b'{"Timeout":1e999999}', "not a number": b'{"Timeout":NaN}',
    "a key a million times": b"{" + b",".join(b'"a":1' for _ in range(200_000)) + b"}", "an array for an object": b"[]", "a string for an object": b'"a"',
    "wrong types": b'{"FunctionName":[],"Code":1,"Timeout":{}}', "a comment": b'/* a */ {}', "a byte order mark": b"\xef\xbb\xbf{}",
    "code that is not base64": b'{"FunctionName":"a","Runtime":"python3.11","Handler":"a.b","Role":"arn:aws:iam::000000000000:role/a","Code":{"ZipFile":"%%%"}}',
}


@pytest.mark.parametrize("body", BODIES)
def test_a_malformed_document_is_a_fault_of_the_client(attacked, body):
    for method, path in (("POST", LIST), ("PUT", f"{LIST}/nobody/configuration"), ("POST", "/2018-10-31/layers/nothing/versions")):
        status, answer, _ = exchange(attacked, signed(attacked, method, path, BODIES[body], {"Content-Type": "application/json"}), wait=20)
        assert status in (400, 404, 413), (path, status, answer[:500])
        assert "message" in {key.lower() for key in json.loads(answer)}, answer[:500]


@pytest.mark.parametrize("body", ["two hundred thousand brackets", "as many and closed", "a brace", "no text", "deep objects"])
def test_a_malformed_event_reaches_no_function_or_harms_none(attacked, arena, body):
    function = arena("handler = lambda event, context: 'reached'")
    status, answer, _ = exchange(attacked, signed(attacked, "POST", invoke_path(function), BODIES[body]), wait=20)
    assert status in (200, 400), (status, answer[:200])
    assert arena.strike(function, 1) == "reached"


# ---- Sizes ----


def test_an_event_of_more_than_six_megabytes_is_refused(attacked, arena):
    function = arena("handler = lambda event, context: len(event)", MemorySize=1024, Timeout=20)
    for size, expected in ((6_291_456, 200), (6_291_457, 413), (20 << 20, 413)):
        status, answer, _ = exchange(attacked, signed(attacked, "POST", invoke_path(function), b'"' + b"a" * (size - 2) + b'"'), wait=30)
        assert status == expected, (size, status, answer[:300])


def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(attacked):
    before = resident(attacked.supervisor())
    for length in (71 << 20, 1 << 40, 1 << 62):
        data = signed(attacked, "POST", LIST, change=lambda fields: fields.update({"Content-Length": str(length)}))  # noqa: B023
        status, answer, _ = exchange(attacked, data)
        assert status in (400, 413), (length, status, answer)
    assert resident(attacked.supervisor()) < before + (32 << 20)


def test_an_endless_body_is_cut_off(attacked):
    before = resident(attacked.supervisor())
    with socket.create_connection(("127.0.0.1", attacked.port), 10) as connection:
        connection.settimeout(10 * TIME_SCALE)
        sent = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            connection.sendall(signed(attacked, "POST", LIST, change=lambda fields: (fields.pop("Content-Length"), fields.update({"Transfer-Encoding": "chunked"}))))
            while sent < 300 << 20:
                connection.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
                sent += 1 << 20
    assert resident(attacked.supervisor()) < before + (160 << 20), sent


def test_compressed_and_encoded_bodies_are_not_unpacked(attacked):
    import gzip

    bomb = gzip.compress(bytes(100 << 20))
    status, answer, _ = exchange(attacked, signed(attacked, "POST", LIST, bomb, {"Content-Encoding": "gzip"}))
    assert status == 400, answer


# ---- Signatures ----


def authorization(edit):
    def change(fields):
        before = fields["Authorization"]
        fields["Authorization"] = edit(before)
        assert fields["Authorization"] != before, "the attack changes nothing"

    return change


def flip(text, position=-1):
    return text[:position] + ("0" if text[position] != "0" else "1") + (text[position + 1:] if position != -1 else "")


SIGNATURES = {
    "none at all": lambda fields: fields.pop("Authorization"),
    "an empty one": lambda fields: fields.update(Authorization=""),
    "another scheme": lambda fields: fields.update(Authorization="Basic YTpi"),
    "another algorithm": authorization(lambda text: text.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")),
    "its last digit": authorization(flip),
    "its first digit": authorization(lambda text: re.sub(r"Signature=(.)", lambda m: "Signature=" + ("1" if m.group(1) == "0" else "0"), text)),
    "cut short": authorization(lambda text: text[:-10]),
    "too long": authorization(lambda text: text + "00"),
    "no signature": authorization(lambda text: re.sub(r", Signature=.*", "", text)),
    "an unknown key": authorization(lambda text: re.sub(r"Credential=\w+", "Credential=AKIAXXXXXXXXXXXXXXXX", text)),
    "an empty key": authorization(lambda text: re.sub(r"Credential=\w+", "Credential=", text)),
    "another day": authorization(lambda text: re.sub(r"/\d{8}/", "/20200101/", text)),
    "another region": authorization(lambda text: text.replace(f"/{REGION}/", "/eu-west-1/")),
    "another service": authorization(lambda text: text.replace("/lambda/", "/iam/")),
    "another ending": authorization(lambda text: text.replace("aws4_request", "aws4_other")),
    "the host not signed": authorization(lambda text: text.replace("host;", "")),
    "the date not signed": authorization(lambda text: text.replace(";x-amz-date", "")),
    "a header signed that is not there": authorization(lambda text: text.replace("SignedHeaders=", "SignedHeaders=a;")),
    "a megabyte of it": authorization(lambda text: text + "0" * 15_000),
    "another host": lambda fields: fields.update(Host="elsewhere"),
    "another date": lambda fields: fields.update({"X-Amz-Date": "20200101T000000Z"}),
    "a date that is none": lambda fields: fields.update({"X-Amz-Date": "yesterday"}),
    "no date": lambda fields: fields.pop("X-Amz-Date"),
    "an added header of Amazon's": lambda fields: fields.update({"X-Amz-Invocation-Type": "DryRun"}),
    "another body": lambda fields: fields.update({"X-Amz-Content-SHA256": hashlib.sha256(b"another").hexdigest()}),
    "an unsigned body": lambda fields: fields.update({"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}),
}


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_wrong_in_one_component_is_refused(attacked, signature):
    status, answer, _ = exchange(attacked, signed(attacked, change=SIGNATURES[signature]))
    assert status in (400, 403, 404, 431), (status, answer)
    if status != 431:
        text = json.dumps(json.loads(answer))
        _, secret = attacked.credentials()
        assert "message" in text.lower() and secret not in text
    assert b'"Functions"' not in answer


def test_a_signature_of_another_secret_another_path_or_another_body_is_refused(attacked):
    good = signed(attacked)
    for data in (signed(attacked, secret="x" * 40), good.replace(b"GET /2015-03-31/functions", b"GET /2018-10-31/layers"), good.replace(b"GET ", b"HEAD ", 1),
                 signed(attacked, "POST", LIST, b"{}").replace(b"\r\n\r\n{}", b'\r\n\r\n[]')):
        assert exchange(attacked, data)[0] in (400, 403)


@pytest.mark.parametrize("minutes, expected", [(-6, 403), (6, 403), (-4, 200), (4, 200)])
def test_a_signature_is_good_for_five_minutes(attacked, minutes, expected):
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    status, answer, _ = exchange(attacked, signed(attacked, when=when))
    assert status == expected, answer


# ---- Many and slow ----


def test_slow_senders_take_nothing_from_others(attacked, arena, host):
    """Three hundred heads and bodies that never end, a byte at a time."""
    function = arena("handler = lambda event, context: event")
    function.call(0)
    connections = []
    try:
        for number in range(300):
            connection = socket.create_connection(("127.0.0.1", host.port), 10)
            connection.sendall(b"POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\n" + (b"Content-Length: 1000\r\n\r\n" if number % 2 else b"X-A: "))
            connections.append(connection)
        begin = time.monotonic()
        for number in range(50):
            assert function.call(number) == number
            for connection in connections[number::50]:
                with contextlib.suppress(OSError):
                    connection.sendall(b"a")
        assert time.monotonic() - begin < 10 * TIME_SCALE
    finally:
        for connection in connections:
            connection.close()


def test_connections_that_are_cut_leave_nothing(attacked, arena):
    """Requests of which nobody waits for the answer: in the midst of a head, of a body, of an invocation."""
    function = arena("import time\nhandler = lambda event, context: time.sleep(event)")
    function.call(0)
    invocation = signed(attacked, "POST", invoke_path(function), b"0.2")

    def cut(number):
        with socket.create_connection(("127.0.0.1", attacked.port), 10) as connection:
            data = [invocation[:20], invocation[:-1], invocation][number % 3]
            connection.sendall(data)
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset instead of an end

    threads = [threading.Thread(target=cut, args=[number]) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert arena.strike(function, 0) is None


def test_pipelined_requests_are_answered_in_order(attacked):
    with socket.create_connection(("127.0.0.1", attacked.port), 10) as connection:
        connection.settimeout(10 * TIME_SCALE)
        connection.sendall((signed(attacked) + signed(attacked, path="/2018-10-31/layers")) * 20)
        answer = b""
        while answer.count(b"HTTP/1.1 200") < 40:
            part = connection.recv(1 << 16)
            assert part, answer
            answer += part
    places = [found.start() for found in re.finditer(rb'"(Functions|Layers)"', answer)]
    assert len(places) == 40
    assert [answer[place:place + 4] for place in places] == [b'"Fun', b'"Lay'] * 20


def test_the_administrators_socket_is_closed_to_others(attacked):
    """Who may not open it learns nothing by it; who may is told by the kernel who he is, not by himself."""
    path = attacked.state / "run/admin.sock"
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as admin:
                admin.settimeout(5)
                admin.connect(str(path))
                admin.sendall(b"GET /environments HTTP/1.1\r\nHost: x\r\n\r\n")
                os._exit(1 if b"200" in admin.recv(100) else 0)
        except OSError:
            os._exit(0)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

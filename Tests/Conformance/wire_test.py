"""What the runtime clients of Node, Ruby and Java say to the Runtime API, byte by byte: they run outside a sandbox against a server of this file.

The programs are this machine's (tools/install-packages --test), the clients those of the images.
"""

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest
from host import RUNTIMES, TIME_SCALE

NONCE = "nonce-of-this-invocation"
LIMIT = 20 * TIME_SCALE  # seconds


class Request:
    """One request, its body as it came and what came of it; trailers and the chunks' instants where it was chunked."""

    def __init__(self, stream):
        self.line = stream.readline().decode().strip()
        self.headers = fields(stream)
        self.chunks, self.trailers = [], {}
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(stream.readline(), 16):
                self.chunks.append((time.monotonic(), stream.read(size)))
                stream.readline()
            self.trailers = fields(stream)
            self.body = b"".join(part for _, part in self.chunks)
        else:
            self.body = stream.read(int(self.headers.get("content-length", 0)))

    @property
    def path(self):
        return self.line.split(" ")[1].removeprefix("/2018-06-01/runtime")


def fields(stream):
    found = {}
    while line := stream.readline().decode().strip():
        name, value = line.split(":", 1)
        found[name.lower()] = value.strip()
    return found


class RuntimeAPI:
    """Gives out one event, answers what is posted with 202, and lets the second `/next` wait."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.posted, self.is_idle = [], threading.Event()
        self.events = [b'{"a": 1}']
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):  # the listener is closed
            while True:
                threading.Thread(target=self.serve, args=[self.listener.accept()[0]], daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError, IndexError):  # the client has gone
            stream = connection.makefile("rb")
            while True:
                request = Request(stream)
                if request.path != "/invocation/next":
                    self.posted.append(request)
                    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n")
                elif self.events:
                    body = self.events.pop()
                    head = (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                            f"Lambda-Runtime-Aws-Request-Id: the-id\r\nLambda-Runtime-Invocation-Id: {NONCE}\r\n"
                            f"Lambda-Runtime-Deadline-Ms: {int(time.time() * 1000) + 60_000}\r\nLambda-Runtime-Invoked-Function-Arn: arn\r\n\r\n")
                    connection.sendall(head.encode() + body)
                else:
                    self.is_idle.set()

    def close(self):
        self.listener.close()


def program(name):
    path = shutil.which(name)
    assert path, f"{name} is not installed: tools/install-packages --test"
    return path


def posted(task, handler, *command):
    """What the client posts until it waits for a second event, or ends; and its exit status, None where it has not."""
    api = RuntimeAPI()
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "AWS_LAMBDA_RUNTIME_API": api.address, "_HANDLER": handler,
                   "LAMBDA_TASK_ROOT": str(task), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}
    process = subprocess.Popen(command, cwd=task, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + LIMIT
        while not api.is_idle.wait(0.02) and process.poll() is None:
            assert time.monotonic() < deadline, "the client neither waits nor ends"
        return api.posted, process.poll()
    finally:
        process.kill()
        process.wait()
        api.close()


def node(task, source):
    (task / "index.js").write_text(source)
    return posted(task, "index.handler", program("node"), RUNTIMES / "nodejs20.x/var/runtime/index.mjs")


def ruby(task, source):
    (task / "app.rb").write_text(source)
    return posted(task, "app.handler", program("ruby"), RUNTIMES / "ruby3.1/var/runtime/lib/bootstrap.rb")


def java(task, source):
    runtime = RUNTIMES / "java17/var/runtime"
    (task / "App.java").write_text(source)
    subprocess.run([program("javac"), "-cp", runtime / "classes", "-d", task, task / "App.java"], check=True)
    return posted(task, "App::run", program("java"), "--add-opens=java.base/java.io=ALL-UNNAMED", "-cp", f"{runtime}/classes:{runtime}/lib/*",
                  "roost.runtime.Client")


ANSWERING = {node: "exports.handler = async (event) => event;", ruby: "def handler(event:, context:) = event",
             java: "public class App { public Object run(Object event) { return event; } }"}
FAILING = {node: "exports.handler = async () => { throw new TypeError('bad') };", ruby: "def handler(event:, context:) = raise(ArgumentError, 'bad')",
           java: "public class App { public Object run(Object event) { throw new IllegalStateException(\"bad\"); } }"}
BROKEN = {node: "throw new Error('at load')", ruby: "raise 'at load'",
          java: "public class App { static int x = Integer.parseInt(\"?\"); public App() { throw new IllegalStateException(\"at load\"); } public void run() {} }"}
CLIENTS = pytest.mark.parametrize("client", [node, ruby, java], ids=lambda client: client.__name__)


@CLIENTS
def test_an_answer_names_its_invocation(client, tmp_path):
    [answer], status = client(tmp_path, ANSWERING[client])
    assert answer.line == "POST /2018-06-01/runtime/invocation/the-id/response HTTP/1.1" and status is None
    assert json.loads(answer.body) == {"a": 1} and answer.headers["content-type"] == "application/json"
    assert answer.headers["lambda-runtime-invocation-id"] == NONCE and "transfer-encoding" not in answer.headers


@CLIENTS
def test_an_error_has_its_type_in_the_header(client, tmp_path):
    [answer], status = client(tmp_path, FAILING[client])
    assert answer.path == "/invocation/the-id/error" and status is None and json.loads(answer.body)["errorMessage"] == "bad"
    types = {node: "TypeError", ruby: "Function<ArgumentError>", java: "Runtime.UserException"}
    assert answer.headers["lambda-runtime-function-error-type"] == types[client] and answer.headers["lambda-runtime-invocation-id"] == NONCE


@CLIENTS
def test_an_error_of_loading_is_posted_before_the_first_event_and_ends_the_client(client, tmp_path):
    [answer], status = client(tmp_path, BROKEN[client])
    assert answer.path == "/init/error" and "lambda-runtime-invocation-id" not in answer.headers
    types = {node: "Error", ruby: "Init<RuntimeError>", java: "Runtime.BadFunctionCode"}
    assert answer.headers["lambda-runtime-function-error-type"] == types[client]
    assert status == {node: 129, ruby: 252, java: 1}[client]


@pytest.mark.parametrize("source, path, type, status", [
    ("exports.handler = () => { Promise.reject(new Error('x')); return new Promise(() => {}); }", "/invocation/the-id/error",
     "Runtime.UnhandledPromiseRejection", 128),
    ("exports.handler = () => { setTimeout(() => { throw new RangeError('x') }); return new Promise(() => {}); }", "/invocation/the-id/error",
     "RangeError", 129),
    ("Promise.reject(new Error('x')); exports.handler = async () => 1;", "/init/error", "Runtime.UnhandledPromiseRejection", 128),
])
def test_node_ends_with_the_status_that_says_why(tmp_path, source, path, type, status):
    [answer], ended = node(tmp_path, source)
    assert (answer.path, answer.headers["lambda-runtime-function-error-type"], ended) == (path, type, status)


def test_a_stream_is_sent_as_it_is_written(tmp_path):
    [answer], status = node(tmp_path, """
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          stream.write('first');
          await new Promise((resolve) => setTimeout(resolve, 300));
          stream.end('last');
        });
    """)
    assert status is None and answer.path == "/invocation/the-id/response" and answer.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert answer.headers["content-type"] == "application/octet-stream" and answer.headers["lambda-runtime-invocation-id"] == NONCE
    (first, start), (last, end) = answer.chunks
    assert (start, end) == (b"first", b"last") and last - first > 0.2 and answer.trailers == {}


@pytest.mark.parametrize("ending, type, message", [
    ("throw new TypeError('midway')", "TypeError", "midway"), ("return", "string", "Response stream is not finished.")])
def test_a_stream_that_breaks_off_says_so_in_its_trailers(tmp_path, ending, type, message):
    [answer], status = node(tmp_path, f"""
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {{
          stream.write('one'); stream.write('two');
          {ending};
        }});
    """)
    names = ["lambda-runtime-function-error-type", "lambda-runtime-function-error-body"]
    assert status is None and answer.body == b"onetwo" and [name.lower() for name in answer.headers["trailer"].split(", ")] == names
    payload = json.loads(base64.b64decode(answer.trailers[names[1]]))
    assert answer.trailers[names[0]] == payload["errorType"] == type and payload["errorMessage"] == message

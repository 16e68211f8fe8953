"""What the clients of tools/soak do, and which answers are right."""

import dataclasses
import http.client
import threading
import time

from functions import make_zip, python_zip
from plain_client import ApiError, PlainClient, bootstrap_zip, connected


@dataclasses.dataclass(frozen=True)
class Kind:
    """One sort of invocation: of which function, with which event, and whether an answer (error type or None, payload) is right."""

    name: str
    function: str
    event: object
    is_right: object
    weight: int = 4


@dataclasses.dataclass
class Result:
    kind: str
    seconds: float
    answer: str


def succeeds(*expected):
    return lambda error, payload: error is None and payload in expected


def up_to(limit):
    return lambda error, payload: error is None and 0 <= payload <= limit


def fails(*types):
    return lambda error, payload: error in types


# One function each, so that what one does to its environment is nothing to another; all of 128 MB, which is 7 % of a processor.
KINDS = [
    Kind("plain", "plain", "plain", succeeds("plain"), 16),
    Kind("slow", "slow", "sleep 200", succeeds(200)),
    Kind("busy", "busy", "spin 20", succeeds(20)),
    Kind("python", "python", "word", succeeds("word"), 8),
    Kind("exit", "exit", "exit 3", fails("Runtime.ExitError")),
    Kind("crash", "crash", "signal 11", fails("Runtime.ExitError")),
    Kind("memory", "memory", "memory 400", fails("Runtime.OutOfMemory", "Runtime.ExitError")),
    Kind("timeout", "timeout", "silent", fails("Sandbox.Timedout"), 2),
    Kind("flood", "flood", "flood 500", succeeds(500), 2),
    # Beyond the thousand that an environment may have nothing starts, or the kernel ends all of it for want of memory.
    Kind("fork", "fork", "fork 2000", lambda error, payload: up_to(1023)(error, payload) or fails("Runtime.OutOfMemory", "Sandbox.Timedout")(error, payload), 2),
    Kind("fill", "fill", "fill 600", lambda error, payload: up_to(512)(error, payload) or fails("Sandbox.Timedout")(error, payload), 1),
    Kind("deploy", "", None, None, 2),
]


def prepare(host):
    with connected(host) as client:
        for name in {kind.function for kind in KINDS} - {"", "python"}:
            client.create(name, bootstrap_zip(), MemorySize=128, Timeout=1 if name == "timeout" else 20)
        client.create("python", python_zip("handler = lambda event, context: event"), Runtime="python3.11", Handler="app.handler", Timeout=20)
        for name in client.functions():
            client.await_ready(name)


class SoakClient(threading.Thread):
    """One after the other, until it is told to end."""

    def __init__(self, port, number, choices, ending):
        super().__init__()
        self.number, self.choices, self.ending = number, choices, ending
        self.client = PlainClient(port)
        self.results, self.wrong = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def run(self):
        with self.client:
            while not self.ending.is_set() and len(self.wrong) < 5:
                kind = self.choices.choices(KINDS, [kind.weight for kind in KINDS])[0]
                begin = time.monotonic()
                try:
                    answer = self.deploy() if kind.event is None else self.invoke(kind)
                except (ApiError, OSError, http.client.HTTPException, AssertionError, ValueError) as error:
                    answer = type(error).__name__
                    self.wrong.append(f"{kind.name}: {error!r}")
                self.results.append(Result(kind.name, time.monotonic() - begin, answer))

    def invoke(self, kind):
        error, payload = self.client.invoke(kind.function, kind.event)
        type = payload.get("errorType") if error else None
        if not kind.is_right(type, payload):
            self.wrong.append(f"{kind.name}: {error} {payload}")
        return type or "ok"

    def deploy(self):
        """A function's whole life."""
        name = f"short-{self.number}"
        self.client.create(name, bootstrap_zip(), Description="first")
        self.client.await_ready(name)
        self.expect(name, "plain", "plain")
        self.client.update(name, Description="second")
        changed = self.client.await_ready(name)
        assert changed["Description"] == "second", changed
        self.client.update_code(name, make_zip({"bootstrap": ("#!/bin/bash\nexit 7\n", 0o100755), "salt": self.choices.randbytes(16)}))
        self.client.await_ready(name)
        error, payload = self.client.invoke(name, "plain")
        assert error and payload["errorType"] == "Runtime.ExitError", payload
        self.client.delete(name)
        try:
            self.client.invoke(name, "plain")
        except ApiError as gone:
            assert gone.status == 404, gone
            return "ok"
        raise AssertionError("a deleted function answers")

    def expect(self, name, event, expected):
        answer = self.client.invoke(name, event)
        assert answer == (None, expected), answer

    def delete_all(self):
        for name in self.client.functions():
            self.client.delete(name)

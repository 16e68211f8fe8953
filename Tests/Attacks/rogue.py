"""Ships with the functions of rogue_runtime_test.py: the Runtime API by hand, spoken at import, before the real runtime has said anything."""

import json
import os
import re
import socket
import time

API = ("169.254.100.1", 9001)
PATH = "/2018-06-01/runtime"


def connect():
    return socket.create_connection(API, 5)


def raw(data, connection=None, wait=2):
    """Sends bytes and returns what comes back within `wait` seconds, up to the end of one response or of the connection."""
    connection = connection or connect()
    connection.settimeout(wait)
    answer = b""
    try:
        connection.sendall(data)
        while not complete(answer):
            part = connection.recv(1 << 20)
            if not part:
                break
            answer += part
    except OSError as error:
        return answer.decode("latin-1") or f"{type(error).__name__}"
    return answer.decode("latin-1") or "closed"


def complete(answer):
    head, gap, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.I)
    return bool(gap) and length is not None and len(body) >= int(length.group(1))


def status(answer):
    return int(answer.split(" ")[1]) if answer.startswith("HTTP/") else answer


def call(method, path, body=b"", headers=None, connection=None, wait=2):
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    for name, value in (headers or {}).items():
        head += f"{name}: {value}\r\n"
    return raw(head.encode() + b"\r\n" + body, connection, wait)


def next_event(wait=3600):
    """(request id, payload)"""
    answer = call("GET", f"{PATH}/invocation/next", wait=wait)
    return re.search(r"lambda-runtime-aws-request-id: *(\S+)", answer, re.I).group(1), answer.partition("\r\n\r\n")[2]


def respond(request, value, kind="response", **options):
    return call("POST", f"{PATH}/invocation/{request}/{kind}", json.dumps(value).encode(), **options)


def serve_honestly():
    """What a good runtime does, from now on."""
    while True:
        request, payload = next_event()
        respond(request, json.loads(payload))

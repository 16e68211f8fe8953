"""Lambda's API over plain HTTP, for hosts with `--auth none`: starts in no time and costs little, where boto3 would be most of the load."""

import base64
import contextlib
import functools
import http.client
import json
import subprocess
import tempfile
import time
from pathlib import Path

from functions import ROLE, make_zip
from host import TIME_SCALE

SOURCE = Path(__file__).parent / "Programs/bootstrap.c"


@functools.cache
def bootstrap_zip(**files):
    """The runtime of Programs/bootstrap.c as a function's code; `files` make it another artefact."""
    return make_zip({"bootstrap": (bootstrap(), 0o100755), **files})


@functools.cache
def bootstrap():
    with tempfile.TemporaryDirectory(prefix="roost-test-") as folder:
        program = Path(folder, "bootstrap")
        subprocess.run(["cc", "-static", "-O2", "-D_GNU_SOURCE", "-o", program, SOURCE], check=True)
        return program.read_bytes()


class ApiError(Exception):
    def __init__(self, status, type, body):
        super().__init__(f"{status} {type}: {body[:300]}")
        self.status, self.type = status, type


class PlainClient:
    """One connection; not for several threads at once."""

    def __init__(self, port, timeout=60):
        self.port, self.timeout = port, timeout * TIME_SCALE
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def call(self, method, path, body=b"", headers=None):
        """Status, headers, body. The connection is kept unless something went wrong with it."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except BaseException:
            self.close()
            raise

    def ask(self, method, path, value=None):
        status, headers, body = self.call(method, path, json.dumps(value).encode() if value is not None else b"")
        if status >= 300:
            raise ApiError(status, headers.get("x-amzn-ErrorType"), body)
        return json.loads(body) if body else None

    def create(self, name, zip=None, **settings):
        """Returns once it is accepted."""
        return self.ask("POST", "/2015-03-31/functions", {
            "FunctionName": name, "Runtime": "provided.al2023", "Handler": "any", "Role": ROLE,
            "Code": {"ZipFile": base64.b64encode(zip or bootstrap_zip()).decode()}, **settings})

    def update(self, name, **settings):
        return self.ask("PUT", f"/2015-03-31/functions/{name}/configuration", settings)

    def update_code(self, name, zip):
        return self.ask("PUT", f"/2015-03-31/functions/{name}/code", {"ZipFile": base64.b64encode(zip).decode()})

    def delete(self, name):
        return self.ask("DELETE", f"/2015-03-31/functions/{name}")

    def configuration(self, name):
        return self.ask("GET", f"/2015-03-31/functions/{name}/configuration")

    def functions(self):
        """All of them, by name."""
        found, marker = {}, ""
        while marker is not None:
            page = self.ask("GET", f"/2015-03-31/functions?MaxItems=50{marker}")
            found |= {function["FunctionName"]: function for function in page["Functions"]}
            marker = f"&Marker={page['NextMarker']}" if page.get("NextMarker") else None
        return found

    def await_ready(self, name, seconds=30):
        """Until its last deployment is done."""
        deadline = time.monotonic() + seconds * TIME_SCALE
        while True:
            now = self.configuration(name)
            if now["State"] == "Active" and now.get("LastUpdateStatus") == "Successful":
                return now
            if now["State"] == "Failed" or time.monotonic() > deadline:
                raise AssertionError(f"{name} is not ready: {now}")
            time.sleep(0.01)

    def invoke(self, name, event=None):
        """(the function's error or None, its answer)"""
        status, headers, body = self.call("POST", f"/2015-03-31/functions/{name}/invocations", json.dumps(event).encode())
        if status != 200:
            raise ApiError(status, headers.get("x-amzn-ErrorType"), body)
        return headers.get("X-Amz-Function-Error"), json.loads(body) if body else None


@contextlib.contextmanager
def connected(host):
    with PlainClient(host.port) as client:
        yield client

"""Functions for the tests: small pieces of Python, deployed under names of their own."""

import base64
import dataclasses
import io
import itertools
import json
import re
import textwrap
import zipfile

from host import TIME_SCALE

ROLE = "arn:aws:iam::000000000000:role/lambda"


def make_zip(files):
    """`files`: name → text, bytes, or (content, mode)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            content, mode = content if isinstance(content, tuple) else (content, 0o100644)
            entry = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def python_zip(source, **files):
    return make_zip({"app.py": textwrap.dedent(source), **files})


@dataclasses.dataclass
class Answer:
    status: int
    payload: object
    error: str | None
    version: str
    log: str
    request_id: str

    @property
    def report(self):
        """The REPORT line's fields by name."""
        line = next(line for line in self.log.splitlines() if line.startswith("REPORT "))
        return dict(field.split(": ", 1) for field in line.removeprefix("REPORT ").split("\t") if field)

    def milliseconds(self, field):
        return float(self.report[field].removesuffix(" ms"))

    @property
    def max_memory_used(self):
        return int(self.report["Max Memory Used"].removesuffix(" MB"))


class Function:
    def __init__(self, client, name):
        self.client, self.name = client, name

    def invoke(self, event=None, **options):
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event), LogType="Tail", **options)
        text = answer["Payload"].read()
        return Answer(
            status=answer["StatusCode"], payload=json.loads(text) if text else None, error=answer.get("FunctionError"),
            version=answer.get("ExecutedVersion"), log=base64.b64decode(answer.get("LogResult", "")).decode(),
            request_id=answer["ResponseMetadata"]["RequestId"])

    def call(self, event=None, **options):
        """The payload of a call that succeeds."""
        answer = self.invoke(event, **options)
        assert answer.error is None, answer
        return answer.payload

    def wait(self, waiter):
        self.client.get_waiter(waiter).wait(FunctionName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": int(30 * TIME_SCALE)})

    def update(self, **settings):
        self.client.update_function_configuration(FunctionName=self.name, **settings)
        self.wait("function_updated_v2")

    def update_code(self, source):
        self.client.update_function_code(FunctionName=self.name, ZipFile=python_zip(source))
        self.wait("function_updated_v2")

    def delete(self):
        try:
            self.client.delete_function(FunctionName=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            pass  # the test did it


class Deployer:
    """Makes functions, and deletes them when the test is over."""

    numbers = itertools.count(1)

    def __init__(self, client):
        self.client, self.made = client, []

    def __call__(self, source=None, *, zip=None, name=None, wait=True, **settings):
        function = Function(self.client, name or f"test-{next(self.numbers)}")
        settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, "Timeout": int(min(900, 10 * TIME_SCALE)), **settings}
        self.client.create_function(FunctionName=function.name, Code={"ZipFile": zip or python_zip(source)}, **settings)
        self.made.append(function)
        if wait:
            function.wait("function_active_v2")
        return function

    def layer(self, name, files):
        return self.layer_zip(name, make_zip(files))

    def layer_zip(self, name, zip):
        return self.client.publish_layer_version(LayerName=name, Content={"ZipFile": zip})["LayerVersionArn"]

    def delete_all(self):
        while self.made:
            self.made.pop().delete()


def exit_error(request_id, reason, type="Runtime.ExitError"):
    return {"errorType": type, "errorMessage": f"RequestId: {request_id} Error: {reason}"}


REQUEST_ID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")

"""provided.al2023: a runtime in bash and curl, shipped by the function."""

import json

import pytest
from functions import make_zip
from host import REPOSITORY


def bash_zip(bootstrap=None):
    sample = REPOSITORY / "samples/bash-bootstrap"
    return make_zip({
        "bootstrap": (bootstrap or (sample / "bootstrap").read_text(), 0o100755),
        "function.sh": (sample / "function.sh").read_text(),
    })


SETTINGS = {"Runtime": "provided.al2023", "Handler": "function.handler"}


@pytest.mark.main_job
def test_a_bootstrap_in_bash_and_curl_works(deploy):
    function = deploy(zip=bash_zip(), MemorySize=1769, **SETTINGS)
    first = function.invoke({"a": "b"})
    assert first.error is None
    assert first.payload["event"] == {"a": "b"} and first.payload["calls"] == 1
    assert function.call(2)["calls"] == 2


def test_provided_al2_is_the_same_image_by_its_older_name(deploy):
    function = deploy(zip=bash_zip(), Handler="function.handler", Runtime="provided.al2")
    assert function.call({"a": "b"})["event"] == {"a": "b"}


def test_an_error_that_a_bootstrap_posts_is_the_callers_answer(deploy):
    answer = deploy(zip=bash_zip(), **SETTINGS).invoke("fail")
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "HandlerFailed"


def test_a_bootstrap_that_ends_is_reported(deploy):
    answer = deploy(zip=bash_zip("#!/bin/bash\necho leaving\nexit 42\n"), **SETTINGS).invoke()
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.ExitError" and answer.payload["errorMessage"].endswith("exit status 42")
    assert "leaving" in answer.log


def test_no_bootstrap_is_an_invalid_entrypoint(deploy):
    answer = deploy(zip=make_zip({"readme": "nothing here"}), **SETTINGS).invoke()
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Runtime.InvalidEntrypoint"


def test_a_bootstrap_may_come_from_a_layer(deploy):
    layer = deploy.layer("bash-runtime", {"bootstrap": ((REPOSITORY / "samples/bash-bootstrap/bootstrap").read_text(), 0o100755)})
    code = make_zip({"function.sh": (REPOSITORY / "samples/bash-bootstrap/function.sh").read_text()})
    assert deploy(zip=code, Layers=[layer], **SETTINGS).call(1)["event"] == 1


def test_a_custom_runtime_is_not_told_an_execution_environment(deploy):
    bootstrap = """#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
while true; do
  id=$(curl -sS -o /dev/null -D - "$api/invocation/next" | sed -n 's/\\r$//; s/^lambda-runtime-aws-request-id: *//Ip')
  curl -sS -o /dev/null -d "{\\"set\\": \\"${AWS_EXECUTION_ENV+yes}\\", \\"home\\": \\"${HOME+yes}\\"}" "$api/invocation/$id/response"
done
"""
    assert deploy(zip=bash_zip(bootstrap), **SETTINGS).call() == {"set": "", "home": ""}


def test_the_sample_is_what_its_page_says(deploy):
    sample = REPOSITORY / "samples/csv-summary"
    files = {"app.py": (sample / "app.py").read_text()}
    files |= {str(path.relative_to(sample)): path.read_text() for path in (sample / "data").rglob("*.csv")}
    function = deploy(zip=make_zip(files))
    event = json.loads((sample / "event.json").read_text())
    assert function.call(event)["columns"]["hour"] == {"min": 0, "max": 23, "mean": 11.5}
    event["Records"][0]["s3"]["object"]["key"] = "outgoing/a.csv"
    refused = function.invoke(event)
    assert refused.payload["errorType"] == "UnsupportedObject" and "expected incoming/<name>.csv" in refused.payload["errorMessage"]

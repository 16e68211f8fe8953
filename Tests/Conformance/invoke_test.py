"""Deploy, call, and what the caller is told: the wire as boto3 and as a plain HTTP client see it."""

import base64
import http.client
import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from functions import REQUEST_ID
from host import ACCOUNT, REGION

ECHO = """
    def handler(event, context):
        return {"event": event, "id": context.aws_request_id, "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb}
"""


@pytest.mark.main_job
def test_a_function_is_created_becomes_active_and_answers_cold_then_warm(deploy):
    function = deploy(ECHO, MemorySize=256)
    cold = function.invoke({"word": "wörd", "n": [1, 2.5, None]})
    assert cold.status == 200 and cold.error is None and cold.version == "$LATEST"
    assert cold.payload["event"] == {"word": "wörd", "n": [1, 2.5, None]}
    assert cold.payload["memory"] == "256"
    assert cold.payload["arn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}"
    assert REQUEST_ID.match(cold.payload["id"]) and cold.payload["id"] == cold.request_id
    assert cold.milliseconds("Init Duration") > 0

    warm = function.invoke(1)
    assert warm.payload["event"] == 1
    assert "Init Duration" not in warm.report


def test_the_log_tail_ends_in_a_report_line_with_true_numbers(deploy):
    function = deploy("""
        import time
        def handler(event, context):
            print("inside", event)
            time.sleep(0.2)
    """)
    answer = function.invoke("x")
    lines = answer.log.splitlines()
    assert lines[:3] == [f"START RequestId: {answer.request_id} Version: $LATEST", "inside x", f"END RequestId: {answer.request_id}"]
    assert lines[3].startswith(f"REPORT RequestId: {answer.request_id}\t")
    assert 200 <= answer.milliseconds("Duration") < 400
    assert answer.milliseconds("Billed Duration") == pytest.approx(answer.milliseconds("Duration"), abs=1)
    assert answer.report["Memory Size"] == "128 MB"
    assert 5 < answer.max_memory_used < 128


def test_the_log_tail_is_the_last_four_kilobytes(deploy):
    function = deploy("""
        def handler(event, context):
            for n in range(500):
                print(f"line {n:04d}", "." * 40)
    """)
    answer = function.invoke()
    assert len(answer.log.encode()) <= 4096
    assert "line 0499" in answer.log and "line 0000" not in answer.log
    assert answer.log.splitlines()[-1].startswith("REPORT ")


def test_no_log_is_sent_unless_asked_for(client, deploy):
    function = deploy(ECHO)
    assert "LogResult" not in client.invoke(FunctionName=function.name)


def test_no_payload_is_an_empty_object_and_nothing_returned_is_null(client, deploy):
    function = deploy("handler = lambda event, context: None if event else 'empty'")
    assert json.load(client.invoke(FunctionName=function.name)["Payload"]) == "empty"
    assert function.invoke({"a": 1}).payload is None


def test_a_dry_run_checks_and_does_not_run(client, deploy):
    function = deploy("raise SystemExit(1)")
    answer = client.invoke(FunctionName=function.name, InvocationType="DryRun")
    assert answer["StatusCode"] == 204 and answer["Payload"].read() == b""
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="nobody", InvocationType="DryRun")


def test_the_client_context_reaches_the_function(client, deploy):
    function = deploy("handler = lambda event, context: context.client_context.custom")
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
    answer = client.invoke(FunctionName=function.name, ClientContext=context)
    assert json.load(answer["Payload"]) == {"a": "b"}


@pytest.mark.parametrize("spelling", ["{name}", "{name}:$LATEST", "{account}:function:{name}", "arn:aws:lambda:{region}:{account}:function:{name}"])
def test_a_function_answers_to_every_spelling_of_its_name(client, deploy, spelling):
    function = deploy(ECHO)
    answer = client.invoke(FunctionName=spelling.format(name=function.name, account=ACCOUNT, region=REGION))
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer


def test_a_payload_of_six_megabytes_passes_and_a_larger_one_is_refused(client, deploy):
    function = deploy("handler = lambda event, context: len(event)", MemorySize=512)
    assert function.call("x" * (6_291_456 - 2)) == 6_291_454
    with pytest.raises(ClientError) as refused:
        client.invoke(FunctionName=function.name, Payload=json.dumps("x" * 6_291_456))
    assert refused.value.response["Error"]["Code"] in ("RequestTooLargeException", "RequestEntityTooLargeException")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_payload_that_is_not_json_is_refused(client, deploy):
    function = deploy(ECHO)
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke(FunctionName=function.name, Payload=b"{not json")


def test_an_unknown_function_is_not_found(client):
    with pytest.raises(client.exceptions.ResourceNotFoundException) as missing:
        client.invoke(FunctionName="nobody")
    assert missing.value.response["Error"]["Message"] == f"Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:nobody"
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


# ---- Who may ----


def test_a_wrong_secret_is_refused(host):
    with pytest.raises(ClientError) as refused:
        host.client(secret="w" * 40).list_functions()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"


def test_an_unknown_access_key_is_refused(host):
    with pytest.raises(ClientError) as refused:
        host.client(key="AKIAAAAAAAAAAAAAAAAA").list_functions()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"


@pytest.mark.parametrize("method, path", [
    ("GET", "/2015-03-31/functions"), ("POST", "/2015-03-31/functions/any/invocations"), ("GET", "/admin/environments"), ("GET", "/"),
])
def test_an_unsigned_request_is_refused(host, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
    connection.request(method, path, body=b"{}" if method == "POST" else None)
    assert connection.getresponse().status == 403
    connection.close()


def test_a_signed_request_is_good_for_its_own_body_only(host, deploy):
    function = deploy(ECHO)
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
    path, headers = signed(host, function.name, b'{"a": 1}')
    connection.request("POST", path, body=b'{"a": 2}', headers=headers)
    assert connection.getresponse().status == 403
    connection.close()


def test_one_connection_carries_many_requests(host, deploy):
    function = deploy("""
        calls = 0
        def handler(event, context):
            global calls
            calls += 1
            return [event, calls]
    """)
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=30)
    for number in range(1, 21):
        path, headers = signed(host, function.name, str(number).encode())
        connection.request("POST", path, body=str(number).encode(), headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("X-Amz-Executed-Version") == "$LATEST"
        assert REQUEST_ID.match(answer.getheader("x-amzn-RequestId"))
        assert json.loads(answer.read()) == [number, number]
    connection.close()


def signed(host, name, body):
    path = f"/2015-03-31/functions/{name}/invocations"
    request = AWSRequest("POST", host.endpoint + path, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(*host.credentials()), "lambda", REGION).add_auth(request)
    return path, dict(request.headers)

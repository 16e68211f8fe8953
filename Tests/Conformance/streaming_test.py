"""Responses in parts: InvokeWithResponseStream as boto3 reads it, over a runtime that streams, and one that does not.

The runtime is a bootstrap in bash that speaks to the Runtime API over a socket of its own, so that chunks, trailers and breaks are its to choose.
"""

import base64
import json
import time

import pytest
from botocore.exceptions import ClientError
from functions import exit_error, make_zip
from host import TIME_SCALE

BOOTSTRAP = r"""#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
chunk() { printf '%x\r\n%s\r\n' "${#1}" "$1" >&3; }
head() { # mode
  exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\/}"
  printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n' "$id" "${type:-application/json}" >&3
  printf 'Lambda-Runtime-Function-Response-Mode: %s\r\nTransfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\n\r\n' "$1" >&3
}
end() { # error type, error body
  printf '0\r\n%s%s\r\n' "${1:+Lambda-Runtime-Function-Error-Type: $1$'\r\n'}" "${2:+Lambda-Runtime-Function-Error-Body: $2$'\r\n'}" >&3
  read -r status <&3 && echo "the answer: $status"
  exec 3>&-
}
while true; do
  event=$(curl -sS -D /tmp/head "$api/invocation/next")
  id=$(sed -n 's/\r$//; s/^lambda-runtime-aws-request-id: *//Ip' /tmp/head)
  case $event in
    '"slow"') head streaming; chunk one; sleep 1.5; chunk two; end ;;
    '"fail"') head streaming; chunk part; end Function.Late "$(printf '{"errorMessage":"no","errorType":"Late"}' | base64 -w0)" ;;
    '"die"') head streaming; chunk part; exit 7 ;;
    '"hang"') head streaming; chunk part; sleep 100 ;;
    '"break"') head streaming; chunk part; exec 3>&- ; sleep 100 ;;
    '"mode"') head trickling; chunk part; end ;;
    '"prelude"') type=application/vnd.awslambda.http-integration-response; head streaming; chunk '{"statusCode":201}'
      printf '8\r\n\0\0\0\0\0\0\0\0\r\n' >&3; chunk '<p/>'; end; type= ;;
    '"big"') head streaming
      printf '1400000\r\n' >&3; command head -c 20971520 /dev/zero >&3; printf '\r\n' >&3; end ;;
    '"error"') curl -sS -o /dev/null -H 'Lambda-Runtime-Function-Error-Type: Function.Early' -d '{"errorMessage":"early"}' "$api/invocation/$id/error" ;;
    *) curl -sS -o /dev/null -H 'Content-Type: application/json' -d "$event" "$api/invocation/$id/response" ;;
  esac
done
"""


@pytest.fixture
def streaming(deploy):
    return deploy(zip=make_zip({"bootstrap": (BOOTSTRAP, 0o100755)}), Runtime="provided.al2023", MemorySize=1769, Timeout=int(3 * TIME_SCALE))


class Streamed:
    """What boto3 made of an answer: the chunks with the seconds at which they came, and the end."""

    def __init__(self, client, function, event, **options):
        began = time.monotonic()
        answer = client.invoke_with_response_stream(FunctionName=function.name, Payload=json.dumps(event), **options)
        self.answer = answer
        self.chunks, self.times, self.end = [], [], None
        for message in answer["EventStream"]:
            assert self.end is None, "something after InvokeComplete"
            if "PayloadChunk" in message:
                self.chunks.append(message["PayloadChunk"]["Payload"])
                self.times.append(time.monotonic() - began)
            else:
                self.end = message["InvokeComplete"]
        assert self.end is not None, "no InvokeComplete"

    @property
    def body(self):
        return b"".join(self.chunks)

    @property
    def request_id(self):
        return self.answer["ResponseMetadata"]["RequestId"]


def test_parts_arrive_when_they_are_made(client, streaming):
    streaming.invoke("warm up")
    answer = Streamed(client, streaming, "slow")
    assert answer.chunks == [b"one", b"two"] and answer.end == {}
    assert answer.times[1] - answer.times[0] > 1
    assert answer.answer["StatusCode"] == 200 and answer.answer["ExecutedVersion"] == "$LATEST"
    assert answer.answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    # The environment lives on, and serves both ways to call.
    assert Streamed(client, streaming, "slow").body == b"onetwo"
    assert streaming.call(1) == 1


def test_the_end_carries_the_log(client, streaming):
    answer = Streamed(client, streaming, "slow", LogType="Tail")
    log = base64.b64decode(answer.end["LogResult"]).decode()
    assert "the answer: HTTP/1.1 202 Accepted" in log and log.splitlines()[-1].startswith(f"REPORT RequestId: {answer.request_id}\t")


def test_a_runtime_that_does_not_stream_gives_one_chunk(client, deploy):
    function = deploy("handler = lambda event, context: 1 / event if event is not None else None")
    answer = Streamed(client, function, 2)
    assert answer.chunks == [b"0.5"] and answer.end == {}
    failed = Streamed(client, function, 0)
    assert failed.chunks == [] and failed.end["ErrorCode"] == "Runtime.Unknown"  # the client names no type
    assert json.loads(failed.end["ErrorDetails"])["errorType"] == "ZeroDivisionError"


def test_an_error_before_the_first_part_is_the_end(client, streaming):
    answer = Streamed(client, streaming, "error")
    assert answer.chunks == [] and answer.end == {"ErrorCode": "Function.Early", "ErrorDetails": '{"errorMessage":"early"}'}


def test_an_error_midway_follows_what_was_sent(client, streaming):
    answer = Streamed(client, streaming, "fail")
    assert answer.body == b"part"
    assert answer.end == {"ErrorCode": "Function.Late", "ErrorDetails": '{"errorMessage":"no","errorType":"Late"}'}
    assert streaming.call(1) == 1


@pytest.mark.parametrize("event, reason, type", [
    ("die", "Runtime exited with error: exit status 7", "Runtime.ExitError"),
    ("break", "Response was truncated", "Runtime.TruncatedResponse"),
    ("hang", "Task timed out after {timeout}.00 seconds", "Sandbox.Timedout"),
])
def test_a_function_that_ends_midway_is_reported(client, streaming, event, reason, type):
    streaming.invoke("warm up")
    answer = Streamed(client, streaming, event, LogType="Tail")
    assert answer.body == b"part" and answer.end["ErrorCode"] == type
    reason = reason.format(timeout=int(3 * TIME_SCALE))
    assert json.loads(answer.end["ErrorDetails"]) == exit_error(answer.request_id, reason, type)
    assert f"Error Type: {type}" in base64.b64decode(answer.end["LogResult"]).decode()
    # The next one finds a new runtime.
    assert Streamed(client, streaming, "slow").body == b"onetwo"


def test_an_unknown_mode_is_refused_either_way(client, streaming):
    answer = Streamed(client, streaming, "mode")
    assert answer.chunks == [] and answer.end["ErrorCode"] == "Runtime.InvalidResponseModeHeader"
    assert streaming.invoke("mode").payload["errorType"] == "Runtime.InvalidResponseModeHeader"


def test_the_http_prelude_is_the_callers_to_read(client, streaming):
    assert Streamed(client, streaming, "prelude").body == b'{"statusCode":201}' + bytes(8) + b"<p/>"


def test_more_than_six_megabytes_pass_in_parts_only(client, streaming):
    answer = Streamed(client, streaming, "big")
    assert answer.body == bytes(20 << 20) and answer.end == {}
    whole = streaming.invoke("big")
    assert whole.error == "Unhandled" and whole.payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert "the answer: HTTP/1.1 413" in whole.log


def test_a_caller_that_asks_for_one_piece_gets_one(client, streaming):
    answer = client.invoke(FunctionName=streaming.name, Payload=b'"slow"')
    assert answer["Payload"].read() == b"onetwo" and "FunctionError" not in answer
    failed = client.invoke(FunctionName=streaming.name, Payload=b'"fail"')
    assert failed["FunctionError"] == "Unhandled" and json.load(failed["Payload"]) == {"errorMessage": "no", "errorType": "Late"}


def test_a_caller_that_goes_away_does_not_stop_the_function(client, streaming):
    streaming.invoke("warm up")
    stream = client.invoke_with_response_stream(FunctionName=streaming.name, Payload=b'"big"')["EventStream"]
    next(iter(stream))
    stream.close()
    assert streaming.call(2) == 2


def test_what_does_not_run_is_refused_as_ever(client, streaming):
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke_with_response_stream(FunctionName="nobody")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke_with_response_stream(FunctionName=streaming.name, Payload=b"{")
    with pytest.raises(ClientError) as large:
        client.invoke_with_response_stream(FunctionName=streaming.name, Payload=json.dumps("x" * 6_291_456))
    assert large.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert large.value.response["Error"]["Message"] == "Request must be smaller than 6291456 bytes for the InvokeWithResponseStream operation"
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.invoke_with_response_stream(FunctionName=streaming.name, TenantId="blue")
    with pytest.raises(ClientError) as event:
        client.invoke(FunctionName=streaming.name, InvocationType="Event", Payload=json.dumps("x" * 1_048_576))
    assert event.value.response["Error"]["Message"] == "1048578 byte payload is too large for the Event invocation type (limit 1048576 bytes)"


def test_a_dry_run_runs_nothing(client, streaming):
    assert client.invoke_with_response_stream(FunctionName=streaming.name, InvocationType="DryRun")["StatusCode"] == 204

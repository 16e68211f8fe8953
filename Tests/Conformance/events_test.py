"""Asynchronous invocation: accepted events run later, are retried, and are reported when they are given up."""

import contextlib
import json
import sqlite3
import subprocess
import time

import pytest
from api_test import error_of
from functions import Deployer, python_zip
from host import ACCOUNT, PROGRAMS, REGION, Host, wait_until

# A minute is six tenths of a second.
SCALE = 0.01


@pytest.fixture(scope="module")
def patient():
    with Host("--event-time-scale", str(SCALE)) as host:
        yield host


@pytest.fixture
def deploy(patient):
    deployer = Deployer(patient.client())
    yield deployer
    deployer.delete_all()


@pytest.fixture
def client(patient):
    return patient.client()


def arn(function, qualifier=None):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}" + (f":{qualifier}" if qualifier else "")


def records(host, function):
    done = subprocess.run([PROGRAMS / "roost", "invocations", "--function", function.name, "--limit", "1000", "--output", "json"],
                          env=host.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def send(client, function, event, **options):
    answer = client.invoke(FunctionName=function.name, InvocationType="Event", Payload=json.dumps(event), **options)
    assert answer["StatusCode"] == 202 and answer["Payload"].read() == b"" and "ExecutedVersion" not in answer
    return answer["ResponseMetadata"]["RequestId"]


def test_an_event_is_accepted_and_runs_later_under_its_request_id(patient, client, deploy):
    function = deploy("def handler(event, context): return [event, context.aws_request_id]")
    sent = {send(client, function, number) for number in range(20)}
    found = wait_until(lambda: len(records(patient, function)) == 20 and records(patient, function), 20, "all have run")
    assert {row["requestID"] for row in found} == sent and {(row["type"], row["outcome"]) for row in found} == {("Event", "success")}


def test_the_older_way_of_saying_it(patient, client, deploy):
    function = deploy("handler = lambda event, context: event")
    assert client.invoke_async(FunctionName=function.name, InvokeArgs=b'{"a":1}')["Status"] == 202
    wait_until(lambda: len(records(patient, function)) == 1, 20, "it has run")


def test_a_function_error_is_retried_twice_after_one_and_two_minutes(patient, client, deploy):
    function = deploy("def handler(event, context): raise ValueError(event)")
    request = send(client, function, 1)
    found = wait_until(lambda: len(records(patient, function)) == 3 and records(patient, function), 20, "three attempts")
    assert {row["requestID"] for row in found} == {request}
    first, second, third = sorted(row["accepted"] for row in found)
    assert 60_000 * SCALE <= second - first and 120_000 * SCALE <= third - second
    time.sleep(2)
    assert len(records(patient, function)) == 3


@pytest.mark.parametrize("attempts", [0, 1])
def test_retries_are_as_many_as_configured(patient, client, deploy, attempts):
    function = deploy("def handler(event, context): raise ValueError(event)")
    client.put_function_event_invoke_config(FunctionName=function.name, MaximumRetryAttempts=attempts)
    send(client, function, 1)
    wait_until(lambda: len(records(patient, function)) == attempts + 1, 20, "its attempts")
    time.sleep(3)
    assert len(records(patient, function)) == attempts + 1


def test_destinations_that_are_functions_get_the_record(patient, client, deploy):
    teller = deploy("import json\ndef handler(event, context): print('RECORD', json.dumps(event))")
    function = deploy("def handler(event, context):\n    if event == 'fail': raise ValueError('no')\n    return {'got': event}", Publish=True)
    client.put_function_event_invoke_config(FunctionName=function.name, MaximumRetryAttempts=1, DestinationConfig={
        "OnSuccess": {"Destination": arn(teller)}, "OnFailure": {"Destination": arn(teller)}})
    sent = {event: send(client, function, event) for event in ("fine", "fail")}

    def told():
        run = subprocess.run([PROGRAMS / "roost", "logs", teller.name], env=patient.environment(), capture_output=True, text=True)
        lines = [json.loads(line.split("RECORD ", 1)[1]) for line in run.stdout.splitlines() if "RECORD " in line]
        return len(lines) == 2 and {line["requestPayload"]: line for line in lines}

    found = wait_until(told, 30, "two records")
    fine, fail = found["fine"], found["fail"]
    assert fine["version"] == "1.0" and fine["timestamp"].endswith("Z") and fine["responsePayload"] == {"got": "fine"}
    assert fine["requestContext"] == {"requestId": sent["fine"], "functionArn": arn(function, "$LATEST"), "condition": "Success", "approximateInvokeCount": 1}
    assert fine["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert fail["requestContext"] == {"requestId": sent["fail"], "functionArn": arn(function, "$LATEST"), "condition": "RetriesExhausted", "approximateInvokeCount": 2}
    assert fail["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert fail["responsePayload"]["errorType"] == "ValueError" and fail["responsePayload"]["errorMessage"] == "no"


def failed(host, function):
    """The request ids of events that ran, failed and were given up: their records are kept in the same transaction, which the journal is not part of."""
    with contextlib.closing(sqlite3.connect(f"file:{host.state}/roost.sqlite?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT requestID, body FROM delivery WHERE function = ?", [function.name]).fetchall()
    return {request for request, body in rows if json.loads(body)["responsePayload"]["errorType"] == "ValueError"}


def test_an_event_outlives_kills_of_the_host(patient, client, deploy):
    function = deploy("import time\ndef handler(event, context):\n    time.sleep(0.02)\n    raise ValueError(event)\n")
    client.put_function_event_invoke_config(
        FunctionName=function.name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:failed"}})
    sent = set()
    for _ in range(5):
        sent |= {send(client, function, number) for number in range(40)}
        patient.kill_all()
        patient.start()
        client = patient.client()
    wait_until(lambda: failed(patient, function) == sent, 60, "all have run")


def test_throttled_events_wait_and_cost_others_nothing(patient, client, deploy):
    function, other = deploy("import time\ndef handler(event, context): time.sleep(0.05)"), deploy("handler = lambda event, context: event")
    client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    for number in range(40):
        send(client, function, number)
    send(client, other, 1)
    wait_until(lambda: len(records(patient, other)) == 1, 10, "the other's event")
    wait_until(lambda: sum(row["outcome"] == "success" for row in records(patient, function)) == 40, 60, "all of the throttled")


def test_the_configuration_of_events_has_awss_shape(client, deploy):
    function, target = deploy("handler = 1", Publish=True), deploy("handler = 1")
    made = client.put_function_event_invoke_config(FunctionName=function.name, MaximumRetryAttempts=0)
    assert made["FunctionArn"] == arn(function, "$LATEST") and made["MaximumRetryAttempts"] == 0 and "MaximumEventAgeInSeconds" not in made
    assert made["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    changed = client.update_function_event_invoke_config(FunctionName=function.name, MaximumEventAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": arn(target)}})
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (0, 60) and changed["DestinationConfig"]["OnFailure"] == {"Destination": arn(target)}
    client.put_function_event_invoke_config(FunctionName=function.name, Qualifier="1", MaximumRetryAttempts=1)
    listed = client.list_function_event_invoke_configs(FunctionName=function.name)["FunctionEventInvokeConfigs"]
    assert [config["FunctionArn"] for config in listed] == [arn(function, "$LATEST"), arn(function, "1")]
    client.delete_function_event_invoke_config(FunctionName=function.name)
    expected = ("ResourceNotFoundException", 404, f"The function {arn(function, '$LATEST')} doesn't have an EventInvokeConfig")
    for call in (client.get_function_event_invoke_config, client.delete_function_event_invoke_config):
        assert error_of(call, FunctionName=function.name) == expected
    assert error_of(client.update_function_event_invoke_config, FunctionName=function.name, MaximumRetryAttempts=1) == expected


@pytest.mark.parametrize("arguments, code, message", [
    ({}, "InvalidParameterValueException", "You must specify at least one of error handling or destination setting."),
    (dict(MaximumRetryAttempts=3), "ValidationException", "less than or equal to 2"),
    (dict(MaximumEventAgeInSeconds=59), "ValidationException", "greater than or equal to 60"),
    (dict(DestinationConfig={"OnFailure": {"Destination": "nowhere"}}), "ValidationException", "at 'destinationConfig.onFailure.destination'"),
    (dict(DestinationConfig={"OnFailure": {"Destination": "{own}"}}), "InvalidParameterValueException", "can't specify the function as a destination for itself"),
    (dict(DestinationConfig={"OnSuccess": {"Destination": "{own}x"}}), "InvalidParameterValueException", "is invalid."),
    (dict(DestinationConfig={"OnSuccess": {"Destination": "arn:aws:iam::000000000000:role/x"}}), "InvalidParameterValueException", "is invalid."),
])
def test_a_wrong_configuration_of_events_is_refused(patient, deploy, arguments, code, message):
    function = deploy("handler = 1")
    arguments = json.loads(json.dumps(arguments).replace("{own}", arn(function)))
    found = error_of(patient.client(parameter_validation=False).put_function_event_invoke_config, FunctionName=function.name, **arguments)
    assert found[0] == code and message in found[2], found

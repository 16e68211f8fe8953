"""Reserved concurrency: a cap of one function's invocations, and so many that no other can take."""

import concurrent.futures
import json
import threading

import pytest
from api_test import error_of
from botocore.exceptions import ClientError
from host import TIME_SCALE

# Notes on disk who is running, as environments share nothing.
SLEEPER = "import time\ndef handler(event, context):\n    begun = time.time()\n    time.sleep(event)\n    return [begun, time.time()]"


def overlap(spans):
    """The most that ran at once."""
    events = sorted([(begun, 1) for begun, _ in spans] + [(ended, -1) for _, ended in spans], key=lambda event: (event[0], event[1]))
    most = running = 0
    for _, step in events:
        running += step
        most = max(most, running)
    return most


def test_a_reservation_is_shown_and_taken_away(client, deploy):
    function = deploy("handler = 1")
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=function.name)
    before = client.get_account_settings()["AccountLimit"]
    assert client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=7)["ReservedConcurrentExecutions"] == 7
    assert client.get_function_concurrency(FunctionName=function.name)["ReservedConcurrentExecutions"] == 7
    assert client.get_function(FunctionName=function.name)["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    after = client.get_account_settings()["AccountLimit"]
    assert after["UnreservedConcurrentExecutions"] == before["UnreservedConcurrentExecutions"] - 7 and after["ConcurrentExecutions"] == before["ConcurrentExecutions"]
    for _ in range(2):
        client.delete_function_concurrency(FunctionName=function.name)
    assert "Concurrency" not in client.get_function(FunctionName=function.name)
    assert client.get_account_settings()["AccountLimit"] == before


@pytest.mark.parametrize("executions, code, message", [
    (901, "InvalidParameterValueException", "below its minimum value of [100]."), (-1, "ValidationException", "greater than or equal to 0"),
])
def test_a_reservation_leaves_enough_to_others(host, deploy, executions, code, message):
    client, function = host.client(parameter_validation=False), deploy("handler = 1")
    found = error_of(client.put_function_concurrency, FunctionName=function.name, ReservedConcurrentExecutions=executions)
    assert found[0] == code and message in found[2], found
    assert error_of(client.put_function_concurrency, FunctionName="nobody", ReservedConcurrentExecutions=1)[0] == "ResourceNotFoundException"


def test_nothing_runs_of_a_function_with_none_reserved(client, deploy):
    function = deploy("handler = lambda event, context: event")
    client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as refused:
        client.invoke(FunctionName=function.name)
    answer = refused.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("TooManyRequestsException", 429)
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded" and answer["Error"]["Message"] == "Rate Exceeded."
    client.delete_function_concurrency(FunctionName=function.name)
    assert function.call(1) == 1


def test_a_thousand_callers_of_a_function_with_five_reserved(host, client, deploy):
    bounded, other = deploy(SLEEPER), deploy("handler = lambda event, context: event")
    client.put_function_concurrency(FunctionName=bounded.name, ReservedConcurrentExecutions=5)
    spans, refusals, lock = [], [], threading.Lock()
    impatient = host.client(retries={"total_max_attempts": 1}, max_pool_connections=200)

    def call(_):
        try:
            answer = impatient.invoke(FunctionName=bounded.name, Payload=b"0.05")
            with lock:
                spans.append(json.loads(answer["Payload"].read()))
        except ClientError as error:
            with lock:
                refusals.append(error.response)

    with concurrent.futures.ThreadPoolExecutor(200) as callers:
        calls = [callers.submit(call, number) for number in range(1_000)]
        assert [other.call(number) for number in range(20)] == list(range(20))
        for done in calls:
            done.result(120 * TIME_SCALE)
    assert len(spans) + len(refusals) == 1_000 and spans and refusals
    assert 1 <= overlap(spans) <= 5
    assert {(answer["Error"]["Code"], answer["Reason"]) for answer in refusals} == {("TooManyRequestsException", "ReservedFunctionConcurrentInvocationLimitExceeded")}

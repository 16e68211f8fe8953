"""Powertools for AWS Lambda (Python), from PyPI in a layer: what it writes arrives as it wrote it, one record for each line. Its function is in powertools/."""

import json
import subprocess
from pathlib import Path

import pytest
from functions import Deployer
from host import ACCOUNT, PROGRAMS, REGION, wait_until
from wheels import layer, wheels

HERE = Path(__file__).parent / "powertools"
MEMORY = 256
EVENT = {"order": 7, "headers": {"correlation": "c-1"}, "lines": [{"price": 3, "count": 2}, {"price": 5, "count": 1}]}
# More than a pipe takes at once, and than a log's tail holds.
LONG = 100_000


@pytest.fixture(scope="module")
def powertools(client, tmp_path_factory):
    return Deployer(client).layer_zip("powertools", layer(wheels(HERE / "requirements.txt", tmp_path_factory.mktemp("wheels"))))


@pytest.fixture
def function(deploy, powertools):
    return deploy((HERE / "app.py").read_text(), Layers=[powertools], MemorySize=MEMORY,
                  Environment={"Variables": {"POWERTOOLS_TRACE_DISABLED": "true", "POWERTOOLS_LOG_LEVEL": "INFO"}})


@pytest.fixture
def records(host, function):
    """What the function itself wrote in one call, each record as JSON, out of the host's log."""

    def read():
        command = [PROGRAMS / "roost", "logs", function.name, "--limit", "1000", "--quiet"]
        return subprocess.run(command, env=host.environment(), capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()

    def records(request_id):
        def of_the_call():
            lines = read()
            begins = [number for number, line in enumerate(lines) if line.startswith(f"START RequestId: {request_id} ")]
            ends = [number for number, line in enumerate(lines) if line == f"END RequestId: {request_id}"]
            return lines[begins[0] + 1:ends[0]] if begins and ends else None

        return [json.loads(line) for line in wait_until(of_the_call, 10, "the call's log")]

    return records


def test_logs_and_metrics_arrive_as_single_records(function, records):
    for event, is_cold in [(EVENT, True), (EVENT | {"headers": {"correlation": "c-2"}, "long": LONG}, False)]:
        answer = function.invoke(event)
        assert answer.error is None and answer.payload == {"total": 11, "traced": True}, answer
        told = records(answer.request_id)
        logs, metrics = [record for record in told if "level" in record], [record for record in told if "_aws" in record]
        assert len(told) == len(logs) + len(metrics)
        assert [log["message"] for log in logs] == [event, "placed", "went wrong", {"long": "x" * event.get("long", 0)}]
        for log in logs:
            context = {name: log[name] for name in ("service", "cold_start", "correlation_id", "function_request_id", "function_name", "function_arn")}
            assert context == {
                "service": "orders", "cold_start": is_cold, "correlation_id": event["headers"]["correlation"],
                "function_request_id": answer.request_id, "function_name": function.name,
                "function_arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}"}
            assert log["function_memory_size"] in (MEMORY, str(MEMORY))
        assert logs[1]["note"] == "two\nlines, ä" and logs[1]["order"] == 7
        assert logs[2]["level"] == "ERROR" and logs[2]["exception_name"] == "ValueError" and "ValueError: not\nfatal" in logs[2]["exception"]
        of_orders, = [metric for metric in metrics if "OrderPlaced" in metric]
        assert (of_orders["OrderPlaced"], of_orders["Total"], of_orders["order"]) == ([1.0], [11.0], 7)
        assert blob(of_orders) == ("Shop", {"service", "region"}, {"OrderPlaced": "Count", "Total": "None"})
        metrics.remove(of_orders)
        assert [(metric["ColdStart"], metric["function_name"]) for metric in metrics] == ([([1.0], function.name)] if is_cold else [])
        for metric in metrics:
            assert blob(metric) == ("Shop", {"function_name", "service"}, {"ColdStart": "Count"})


def blob(metric):
    """Namespace, dimensions and units of a record in CloudWatch's embedded metric format."""
    directive, = metric["_aws"]["CloudWatchMetrics"]
    dimensions, = directive["Dimensions"]
    return directive["Namespace"], set(dimensions), {each["Name"]: each["Unit"] for each in directive["Metrics"]}

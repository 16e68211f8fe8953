"""The aws command line and roost's own, each operation once, as a person would type them."""

import json
import os
import signal
import subprocess

import pytest
from functions import ROLE, python_zip
from host import PROGRAMS, REPOSITORY, TIME_SCALE, wait_until


@pytest.fixture
def run(host):
    def run(*command, status=0):
        done = subprocess.run([str(word) for word in command], env=host.environment(), capture_output=True, text=True, timeout=120)
        assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if status == 0 else done.stderr

    return run


@pytest.fixture
def aws(run):
    """`aws lambda …`, its answer as JSON."""

    def aws(*arguments, status=0):
        text = run(REPOSITORY / ".build/venv/bin/aws", "--output", "json", "lambda", *arguments, status=status)
        return json.loads(text) if status == 0 and text.strip() else text

    return aws


def test_the_aws_command_line_works_for_every_operation(aws, tmp_path):
    code = tmp_path / "code.zip"
    code.write_bytes(python_zip("handler = lambda event, context: event"))
    layer = aws("publish-layer-version", "--layer-name", "cli", "--zip-file", f"fileb://{code}")
    created = aws("create-function", "--function-name", "cli", "--runtime", "python3.11", "--handler", "app.handler", "--role", ROLE,
                  "--zip-file", f"fileb://{code}", "--layers", layer["LayerVersionArn"])
    assert created["FunctionName"] == "cli"
    aws("wait", "function-active-v2", "--function-name", "cli")
    out = tmp_path / "out.json"
    answer = aws("invoke", "--function-name", "cli", "--payload", '{"a": 1}', "--log-type", "Tail", out)
    assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST" and json.loads(out.read_text()) == {"a": 1}
    assert aws("get-function", "--function-name", "cli")["Configuration"]["State"] == "Active"
    assert aws("get-function-configuration", "--function-name", "cli")["Layers"][0]["Arn"] == layer["LayerVersionArn"]
    assert "cli" in [function["FunctionName"] for function in aws("list-functions")["Functions"]]
    assert aws("update-function-configuration", "--function-name", "cli", "--timeout", "7")["Timeout"] == 7
    aws("wait", "function-updated", "--function-name", "cli")
    aws("update-function-code", "--function-name", "cli", "--zip-file", f"fileb://{code}")
    assert aws("get-layer-version", "--layer-name", "cli", "--version-number", layer["Version"])["Version"] == layer["Version"]
    assert aws("list-layers")["Layers"] and aws("list-layer-versions", "--layer-name", "cli")["LayerVersions"]
    aws("delete-layer-version", "--layer-name", "cli", "--version-number", layer["Version"])
    aws("delete-function", "--function-name", "cli")
    assert "ResourceNotFoundException" in aws("get-function", "--function-name", "cli", status=255)


@pytest.fixture
def roost(run):
    def roost(*arguments, status=0):
        return run(PROGRAMS / "roost", *arguments, status=status)

    return roost


def test_roost_deploys_calls_and_removes_a_function(roost, tmp_path):
    (tmp_path / "app.py").write_text("def handler(event, context):\n    print('said', event)\n    return {'got': event}\n")
    roost("functions", "create", "by-roost", "--runtime", "python3.11", "--handler", "app.handler", "--directory", tmp_path)
    assert "by-roost" in roost("functions")
    assert json.loads(roost("invoke", "by-roost", "--payload", '{"a": 1}')) == {"got": {"a": 1}}
    roost("functions", "update", "by-roost", "--timeout", "5")
    assert '"got"' in roost("invoke", "by-roost", "--payload", "2", "--log")
    wait_until(lambda: "said 2" in roost("logs", "by-roost"), 5, "the log")
    log = roost("logs", "by-roost").splitlines()
    assert any("INIT_START Runtime Version: python:3.11" in line for line in log), log
    assert sum("REPORT RequestId" in line for line in log) == 2
    roost("functions", "delete", "by-roost")
    assert "by-roost" not in roost("functions")


def test_roost_shows_environments_and_invocations_and_stops_one(roost, deploy):
    function = deploy("handler = lambda event, context: 1")
    request = function.invoke().request_id
    listed = json.loads(roost("ps", "--output", "json"))
    environment = next(row for row in listed if function.name in json.dumps(row))
    identifier = environment["id"]
    assert identifier[:8] in roost("ps")
    assert identifier in roost("inspect", identifier, "--output", "json")
    # The journal is written in batches, within 50 ms.
    wait_until(lambda: request in roost("invocations", "--function", function.name, "--output", "json"), 5, "the record")
    assert "init" in roost("invocations", "show", request).lower()
    roost("stop", identifier)
    assert identifier not in roost("ps", "--output", "json")
    assert function.call() == 1


def test_a_frozen_environment_that_is_killed_from_outside_is_noticed_and_the_next_call_works(roost, deploy):
    function = deploy("import os\ndef handler(event, context):\n    open('/tmp/mark', 'a').write('x')\n    return len(open('/tmp/mark').read())")
    assert function.call() == 1
    environment = next(row for row in json.loads(roost("ps", "--output", "json")) if row["function"]["name"] == function.name)
    os.kill(environment["hostProcessID"], signal.SIGKILL)

    def noticed():
        rows = json.loads(roost("ps", "--output", "json"))
        return any(row["id"] == environment["id"] and row["state"] == "reset" for row in rows)

    wait_until(noticed, 5, "the environment's reset")
    assert function.call() == 2  # initialised anew, with the same /tmp


def test_roost_names_what_is_wrong_in_one_line_with_a_hint(roost):
    told = roost("invoke", "nobody", status=2)
    assert "nobody" in told and len(told.strip().splitlines()) <= 2


def test_roost_checks_the_host(run):
    done = subprocess.run([PROGRAMS / "roost", "doctor"], capture_output=True, text=True)
    assert done.returncode in (0, 1) and "kernel" in (done.stdout + done.stderr).lower()


def test_failures_are_told_out_of_the_output_of_every_kind_of_test(run, tmp_path):
    failed = [
        '✘ Test "a lock is let go" recorded an issue at LockTests.swift:7:5: Expectation failed: (held → 2) == 1',
        "↳ The first holder.",
        '✘ Test "a lock is let go" failed after 0.1 seconds with 1 issue.',
        "roost/Locks.swift:12: Fatal error: not held",
        "FAILED Tests/Conformance/lock_test.py::test_lock[2] - assert 2 == 1",
        "ERROR Tests/Conformance/lock_test.py::test_set_up - host.HostFailure: no log",
        "fuzz: FAIL  packets: .build/fuzz/found/packets-crash-1 (all of it: .build/fuzz/packets.log)",
        "== guest: failed: ring (60 s)",
    ]
    rest = ['◇ Test "a lock is let go" started.', '✔ Test "a lock is taken" passed after 0.1 seconds.', "a line of a program's", "== guest: ring (0 s)"]
    log = tmp_path / "log"
    log.write_text("\n".join([rest[0], *failed[:3], *(rest[1:] * 100), *failed[3:], *rest, ""]))
    assert run(REPOSITORY / "tools/failures", log).split("\n") == ["", "== what failed", *failed, ""]
    log.write_text("\n".join(rest))
    assert run(REPOSITORY / "tools/failures", log) == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_roost_completes_itself_in_a_shell(roost, shell):
    assert "roost" in roost("--generate-completion-script", shell)


def test_honest_and_hostile_functions_side_by_side_get_the_right_answers_and_leave_nothing():
    done = subprocess.run([REPOSITORY / "tools/soak", str(int(30 * TIME_SCALE))], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_many_idle_environments_are_measured_and_all_of_them_go():
    done = subprocess.run([REPOSITORY / "tools/density", "60"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("density: 60 idle environments\n")

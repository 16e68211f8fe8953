"""The daemon as an administrator meets it: options, configuration, privileges, start and stop."""

import concurrent.futures
import http.client
import os
import stat
import subprocess
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from functions import Deployer
from host import PROGRAMS, Host, HostFailure, read


def status_of(process, field):
    return next(line.split()[1:] for line in read(f"/proc/{process}/status").splitlines() if line.startswith(field + ":"))


def test_the_supervisor_is_an_unprivileged_user(host):
    supervisor = host.supervisor()
    assert all(int(user) > 0 for user in status_of(supervisor, "Uid")) and all(int(group) > 0 for group in status_of(supervisor, "Gid"))
    assert status_of(supervisor, "CapEff") == ["0000000000000000"]
    assert status_of(supervisor, "NoNewPrivs") == ["1"]


def test_the_credentials_are_nobody_elses(host):
    credentials = os.stat(host.state / "credentials")
    assert stat.S_IMODE(credentials.st_mode) == 0o600
    for name in ["roost.sqlite", "journal.sqlite"]:
        assert not stat.S_IMODE(os.stat(host.state / name).st_mode) & 0o007, name


def test_without_authentication_anyone_on_this_machine_may_call():
    with Host("--auth", "none") as host:
        connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
        connection.request("GET", "/2015-03-31/functions")
        assert connection.getresponse().status == 200
        connection.close()


@pytest.mark.parametrize("options, word", [
    (["--auth", "none", "--listen", "0.0.0.0:0"], "loopback"),
    (["--listen", "nowhere"], "listen"),
    (["--concurrency-limit", "many"], "concurrency-limit"),
    (["--config", "/nonexistent.yaml"], "/nonexistent.yaml"),
    (["--user", "nobody-of-this-name"], "nobody-of-this-name"),
    (["--state-dir", "relative"], "state-dir"),
    (["--uid-range", "1000-2000"], "uid-range"),
    (["--no-such-option"], "no-such-option"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_is_wrong_with_an_option_is_said(options, word, tmp_path):
    done = subprocess.run([PROGRAMS / "roostd", "--state-dir", tmp_path, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert word in done.stderr and len(done.stderr) < 1000


def test_a_configuration_file_variables_and_options_count_in_that_order(tmp_path, monkeypatch):
    # It is the unprivileged user who reads it.
    for folder in [tmp_path, *list(tmp_path.parents)[:2]]:
        folder.chmod(0o755)
    configuration = tmp_path / "roost.yaml"
    configuration.write_text("region: eu-west-1\naccount: '123456789012'\nconcurrency-limit: 7\n")
    monkeypatch.setenv("ROOST_REGION", "eu-north-1")
    monkeypatch.setenv("ROOST_CONCURRENCY_LIMIT", "8")
    with Host("--config", str(configuration), "--concurrency-limit", "9") as host:
        client = host.client(region="eu-north-1")
        function = Deployer(client)("handler = 1", name="placed", wait=False)
        arn = client.get_function(FunctionName=function.name)["Configuration"]["FunctionArn"]
        assert arn == "arn:aws:lambda:eu-north-1:123456789012:function:placed"
        assert client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 9


def test_a_taken_port_is_said(host):
    second = Host()
    second.port = host.port
    try:
        with pytest.raises(HostFailure, match="roostd ended with"):
            second.start()
        assert f"127.0.0.1:{host.port}" in second.log_text()
    finally:
        second.discard()


def test_a_stop_ends_a_running_invocation_and_answers_its_caller():
    with Host() as host:
        function = Deployer(host.client())("import time\nhandler = lambda event, context: time.sleep(event)", Timeout=60)
        function.call(0)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            call = pool.submit(function.invoke, 50)
            time.sleep(0.5)
            begin = time.monotonic()
            host.stop()
            assert time.monotonic() - begin < 10
            try:
                assert call.result(10).error == "Unhandled"
            except (BotoCoreError, ClientError):
                pass  # a refusal or a closed connection is an answer too


def test_many_starts_and_stops_leave_nothing():
    with Host() as host:
        Deployer(host.client())("handler = lambda event, context: event", name="kept")
        for number in range(3):
            assert Deployer(host.client()).client.invoke(FunctionName="kept", Payload=str(number))["Payload"].read() == str(number).encode()
            host.stop()
            host.assert_nothing_left()
            host.start()

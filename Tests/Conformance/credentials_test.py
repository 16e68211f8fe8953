"""Credentials of execution roles, from the host's configuration: keys, a file, or sessions of an STS."""

import datetime
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from functions import Deployer
from host import PROGRAMS, TIME_SCALE, Host, free_port, wait_until

ACCOUNT = "123456789012"
VARIABLES = """
    import os, uuid
    ID = str(uuid.uuid4())
    def handler(event, context):
        import time
        time.sleep(event or 0)
        return {"id": ID} | {name: os.environ.get("AWS_" + name) for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")}
"""


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def as_variables(key, secret, token=None):
    return {"ACCESS_KEY_ID": key, "SECRET_ACCESS_KEY": secret, "SESSION_TOKEN": token}


def configured(folder, roles):
    """Options for a host that maps `roles`; JSON is YAML."""
    path = folder / "roost.yaml"
    path.write_text(json.dumps({"credentials": {"roles": roles}}))
    return ["--config", str(path)]


@pytest.fixture
def folder():
    """Where the daemon's user can go, too."""
    path = Path(tempfile.mkdtemp(prefix="roost-test-config-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class Deployment:
    """A running host with such roles, and functions on it."""

    def __init__(self, folder, roles, *options):
        self.host = Host(*configured(folder, roles), *options)

    def __enter__(self):
        self.host.__enter__()
        self.deploy = Deployer(self.host.client())
        return self

    def __exit__(self, *exception):
        self.host.__exit__(*exception)

    def log(self, function):
        run = subprocess.run([PROGRAMS / "roost", "logs", function.name], env=self.host.environment(), capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def roost(self, *words):
        return subprocess.run([PROGRAMS / "roost", *words], env=self.host.environment(), capture_output=True, text=True).stdout


# ---- An STS that does as it is told ----


class PlayedService(http.server.ThreadingHTTPServer):
    """Answers AssumeRole as `mode` says: "good", "slow", "broken", "denied", "garbage", "over"."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.mode, self.asked, self.lifetime = "good", [], 3_600
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def role(self, **more):
        return {"assume-role": {"endpoint": self.endpoint, "access-key-id": "AKIACALLER", "secret-access-key": "callersecret"} | more}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((body, dict(self.headers)))
        mode = self.server.mode
        if mode == "slow":
            time.sleep(60)
        if mode == "broken":
            return self.answer(503, "<Error><Code>ServiceUnavailable</Code></Error>")
        if mode == "denied":
            return self.answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not\nyou</Message></Error></ErrorResponse>")
        if mode == "garbage":
            return self.answer(200, "<html>" + "x" * 1_000)
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=-5 if mode == "over" else self.server.lifetime)
        number = len(self.server.asked)
        self.answer(200, f"""<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA{number}</AccessKeyId>
            <SecretAccessKey>sessionsecret{number}</SecretAccessKey><SessionToken>sessiontoken{number}&amp;</SessionToken>
            <Expiration>{end:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>""")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def service():
    with PlayedService() as service:
        yield service
        service.shutdown()


# ---- Keys and files ----


def test_keys_of_the_configuration_are_the_functions_variables_and_nowhere_else(folder):
    keys = {"access-key-id": "AKIASTATIC", "secret-access-key": "static/secret+1", "session-token": "statictoken"}
    with Deployment(folder, {role("a"): keys, role("b"): {name: keys[name] for name in list(keys)[:2]}}) as place:
        function = place.deploy(VARIABLES, Role=role("a"))
        assert function.call().items() >= as_variables("AKIASTATIC", "static/secret+1", "statictoken").items()
        assert place.deploy(VARIABLES, Role=role("b")).call().items() >= as_variables("AKIASTATIC", "static/secret+1").items()
        shown = "".join(place.roost(*words) for words in (
            ["ps"], ["ps", "--output", "json"], ["audit", "--all", "--output", "json"], ["functions", "show", function.name],
            ["logs", function.name], ["invocations", "list"]))
        assert "AWS_SECRET_ACCESS_KEY" in shown, "the audit names it"
        kept = b"".join(path.read_bytes() for path in place.host.state.rglob("*") if path.is_file() and "run/root" not in str(path))
        for secret in ("AKIASTATIC", "static/secret+1", "statictoken"):
            assert secret not in shown and secret not in place.host.log_text()
            assert secret.encode() not in kept
        assert "may be read by every user" in place.host.log_text()


def test_a_role_that_is_not_mapped_has_none_and_the_log_says_so_once(folder):
    with Deployment(folder, {}) as place:
        function = place.deploy(VARIABLES, Role=role("stranger"))
        for _ in range(3):
            assert function.call().items() >= as_variables(None, None).items()
        assert place.log(function).count(f"NO_CREDENTIALS: this host's configuration has none for {role('stranger')}") == 1


def test_a_file_is_read_anew_for_each_environment_and_what_expires_is_not_kept(folder):
    with Deployment(folder, {role("f"): {"file": "aws/roles", "profile": "mail"}}) as place:
        path = place.host.state / "aws/roles"
        path.parent.mkdir()
        path.parent.chmod(0o755)

        def write(key, more=""):
            fresh = path.with_suffix(".new")
            fresh.write_text(f"[other]\naws_access_key_id=no\naws_secret_access_key=no\n[mail]\naws_access_key_id = {key}\n"
                             f"aws_secret_access_key = s{key}\n{more}")
            fresh.chmod(0o644)
            fresh.rename(path)

        function = place.deploy(VARIABLES, Role=role("f"))
        with pytest.raises(place.deploy.client.exceptions.ServiceException, match="aws/roles cannot be read: there is no such file"):
            function.call()
        assert "NO_CREDENTIALS: " in place.log(function)
        write("ONE")
        assert function.call().items() >= as_variables("ONE", "sONE").items()
        write("TWO")
        assert function.call()["ACCESS_KEY_ID"] == "ONE", "an environment keeps its own"
        end = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
        write("OLD", f"aws_session_token = t\naws_credential_expiration = {end:%Y-%m-%dT%H:%M:%SZ}\n")
        function.update(Description="a new environment")
        with pytest.raises(place.deploy.client.exceptions.ServiceException, match="profile mail has expired"):
            function.call()
        write("NEW", "aws_session_token = t\n")
        assert function.call().items() >= as_variables("NEW", "sNEW", "t").items()


# ---- An STS ----


def test_a_session_is_got_for_a_function_and_shared_by_its_environments(folder, service):
    with Deployment(folder, {role("s"): service.role(**{"duration": 1_800, "external-id": "a/b", "region": "eu-west-1"})}) as place:
        function = place.deploy(VARIABLES, Role=role("s"))
        first = function.call()
        assert first.items() >= as_variables("ASIA1", "sessionsecret1", "sessiontoken1&").items()
        function.update(Description="a new environment")
        second = function.call()
        assert second["id"] != first["id"] and second["ACCESS_KEY_ID"] == "ASIA1"
        ((body, headers),) = service.asked
        assert body == (f"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A{ACCOUNT}%3Arole%2Fs"
                        f"&RoleSessionName={function.name}&DurationSeconds=1800&ExternalId=a%2Fb")
        assert re.match(r"AWS4-HMAC-SHA256 Credential=AKIACALLER/\d{8}/eu-west-1/sts/aws4_request, "
                        r"SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$", headers["Authorization"])


def test_an_environment_is_not_kept_past_the_end_of_its_credentials(folder, service):
    service.lifetime = 6
    with Deployment(folder, {role("s"): service.role()}) as place:
        function = place.deploy(VARIABLES, Role=role("s"))
        first = function.call()
        wait_until(lambda: json.loads(place.roost("ps", "--output", "json")) == [], 6, "the idle environment's end")
        second = function.call()
        assert second["id"] != first["id"] and second["ACCESS_KEY_ID"] == "ASIA2"
        # One that is busy when they end finishes, and is not used again.
        third = function.call(7)
        assert third["id"] == second["id"]
        assert function.call()["id"] != third["id"]


def test_an_init_that_outlasts_its_credentials_serves_who_waits_for_it_all_the_same(folder, service):
    service.lifetime = 3
    with Deployment(folder, {role("s"): service.role()}) as place:
        function = place.deploy("import time\ntime.sleep(2.5)\n" + textwrap.dedent(VARIABLES), Role=role("s"))
        first = function.call()
        assert first["ACCESS_KEY_ID"] == "ASIA1" and len(service.asked) == 1
        assert function.call()["id"] != first["id"]


@pytest.mark.parametrize("mode, message", [
    ("slow", "does not answer: "), ("broken", "does not answer: ServiceUnavailable"), ("denied", "refused: AccessDenied: not you"),
    ("garbage", "refused: an answer without credentials"), ("over", "gave a session that is over already"),
])
def test_a_service_that_fails_is_an_error_in_words_and_no_endless_wait(folder, service, mode, message):
    service.mode = mode
    with Deployment(folder, {role("s"): service.role()}) as place:
        function = place.deploy(VARIABLES, Role=role("s"), Timeout=60)
        began = time.monotonic()
        with pytest.raises(place.deploy.client.exceptions.ServiceException, match=re.escape(message)):
            function.call()
        assert time.monotonic() - began < 10 * TIME_SCALE
        assert len(service.asked) > 1 if mode in ("slow", "broken") else len(service.asked) == 1
        # At once, and nobody is asked: the back-off.
        asked = len(service.asked)
        began = time.monotonic()
        with pytest.raises(place.deploy.client.exceptions.ServiceException, match=re.escape(message)):
            function.call()
        assert time.monotonic() - began < 1 * TIME_SCALE and len(service.asked) == asked
        assert "callersecret" not in place.host.log_text()
        assert "NO_CREDENTIALS: role " in place.log(function)
        service.mode = "good"

        def answers():
            try:
                return function.call()
            except place.deploy.client.exceptions.ServiceException:
                return None

        assert wait_until(answers, 5, "the service is asked again")["ACCESS_KEY_ID"].startswith("ASIA")


def test_a_service_that_is_not_there_is_an_error_in_words(folder):
    there = {"assume-role": {"endpoint": f"http://127.0.0.1:{free_port()}", "access-key-id": "A", "secret-access-key": "s"}}
    with Deployment(folder, {role("s"): there}) as place:
        function = place.deploy(VARIABLES, Role=role("s"))
        with pytest.raises(place.deploy.client.exceptions.ServiceException, match="does not answer: "):
            function.call()


# ---- A real one ----


@pytest.fixture
def moto():
    """moto's server, which from the sixth request on checks signatures and policies."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": "4"})
    endpoint = f"http://127.0.0.1:{port}"

    def serves():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(serves, 30, "moto")
        yield endpoint
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def aws(endpoint, service, variables=None):
    variables = variables or as_variables("x", "x")
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=variables["ACCESS_KEY_ID"],
        aws_secret_access_key=variables["SECRET_ACCESS_KEY"], aws_session_token=variables["SESSION_TOKEN"],
        config=Config(retries={"max_attempts": 0}))


def test_a_role_is_assumed_with_a_signature_that_a_real_service_accepts(folder, moto):
    iam = aws(moto, "iam")
    iam.create_user(UserName="roost")
    key = iam.create_access_key(UserName="roost")["AccessKey"]
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="roost", PolicyName="assume", PolicyDocument=json.dumps(allow))
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(allow))
    caller = {"endpoint": moto, "access-key-id": key["AccessKeyId"], "secret-access-key": key["SecretAccessKey"]}
    roles = {role("orders"): {"assume-role": caller}, role("wrong"): {"assume-role": caller | {"secret-access-key": "wrong"}}}
    with Deployment(folder, roles) as place:
        function = place.deploy(VARIABLES, Role=role("orders"))
        variables = function.call()
        assert variables["ACCESS_KEY_ID"].startswith("ASIA") and variables["SESSION_TOKEN"]
        identity = aws(moto, "sts", variables).get_caller_identity()
        assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/{function.name}"
        with pytest.raises(place.deploy.client.exceptions.ServiceException, match="refused: SignatureDoesNotMatch"):
            place.deploy(VARIABLES, Role=role("wrong")).call()


# ---- Configuration ----


@pytest.mark.parametrize("source, message", [
    ({}, "no credentials"),
    ({"access-key-id": "A"}, "no credentials"),
    ({"access-key-id": "A", "secret-access-key": "hush hush"}, "secret-access-key: empty, or with other characters"),
    ({"access-key-id": "A", "secret-access-key": "hush", "file": "f"}, "a file and keys"),
    ({"access-key-id": "A", "secret-access-key": "hush", "profile": "f"}, "without a file"),
    ({"file": "/etc/passwd"}, "not below the state directory"),
    ({"file": "a/../../b"}, "not a path"),
    ({"assume-role": {"access-key-id": "A", "secret-access-key": "hush"}}, "no endpoint"),
    ({"assume-role": {"endpoint": "http://sts.example", "access-key-id": "A", "secret-access-key": "hush"}}, "or http:// of a loopback address"),
    ({"assume-role": {"endpoint": "https://sts.example", "duration": 60, "file": "f"}}, "900 to 43200 seconds"),
    ({"assume-role": {"endpoint": "https://sts.example"}, "file": "f"}, "assume-role and others"),
    ({"secret": "hush"}, "unknown key secret"),
], ids=str)
def test_a_configuration_that_is_wrong_is_refused_without_its_secrets(folder, source, message):
    options = configured(folder, {role("a"): source})
    run = subprocess.run([PROGRAMS / "roost-supervisor", "resolve-configuration", *options], capture_output=True, text=True)
    assert run.returncode == 78 and message in run.stderr and "hush" not in run.stderr, run.stderr


def test_what_is_no_role_is_refused(folder):
    options = configured(folder, {"reports": {"file": "f"}})
    run = subprocess.run([PROGRAMS / "roost-supervisor", "resolve-configuration", *options], capture_output=True, text=True)
    assert run.returncode == 78 and "not a role's ARN" in run.stderr

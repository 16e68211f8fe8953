"""Function URLs: who may call them, what the function gets, and what its answer becomes."""

import base64
import http.client
import json
import time
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from api_test import error_of
from host import ACCOUNT, REGION, TIME_SCALE, wait_until

ECHO = """
def handler(event, context):
    return event
"""
ANSWER = """
import json

def handler(event, context):
    return json.loads(event["body"])
"""


def make_url(client, function, public=True, **settings):
    made = client.create_function_url_config(FunctionName=function.name, **{"AuthType": "NONE", **settings})
    if public:
        qualifier = {"Qualifier": settings["Qualifier"]} if "Qualifier" in settings else {}
        client.add_permission(FunctionName=function.name, StatementId="public", Action="lambda:InvokeFunctionUrl", Principal="*",
                              FunctionUrlAuthType=settings.get("AuthType", "NONE"), **qualifier)
    return made["FunctionUrl"]


def fetch(url, method="GET", path="", body=None, headers=None, host=None):
    """Status, headers in the order they came, body."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    target = path if host else parts.path.rstrip("/") + path
    connection.request(method, target or "/", body, {**({"Host": host} if host else {}), **(headers or {})})
    answer = connection.getresponse()
    try:
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


def event_of(answer):
    assert answer[0] == 200, answer
    return json.loads(answer[2])


def value(headers, name):
    return next((value for key, value in headers if key.lower() == name), None)


def test_a_request_becomes_an_event_of_format_2(client, deploy):
    url = make_url(client, deploy(ECHO))
    event = event_of(fetch(url, "POST", "/a%20b/c?x=1&y=2&x=3&z", "text", {"Content-Type": "text/plain", "X-Twice": "one", "Cookie": "a=1; b=2", "User-Agent": "me"}))
    assert event["version"] == "2.0" and event["routeKey"] == "$default" and event["rawPath"] == "/a b/c"
    assert event["rawQueryString"] == "x=1&y=2&x=3&z" and event["queryStringParameters"] == {"x": "1,3", "y": "2", "z": ""}
    assert event["cookies"] == ["a=1", "b=2"] and event["headers"]["x-twice"] == "one" and "cookie" not in event["headers"]
    assert event["body"] == "text" and event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["accountId"] == "anonymous" and context["http"]["method"] == "POST" and context["http"]["userAgent"] == "me"
    assert context["http"]["sourceIp"] == "127.0.0.1" and context["stage"] == "$default" and "authorizer" not in context
    assert context["apiId"] == url.rstrip("/").rsplit("/", 1)[1] and len(context["apiId"]) == 32 and context["timeEpoch"] > 1_600_000_000_000


def test_bytes_go_as_base64_both_ways(client, deploy):
    data = bytes(range(256))
    url = make_url(client, deploy(ECHO))
    event = event_of(fetch(url, "PUT", "", data, {"Content-Type": "application/octet-stream"}))
    assert event["isBase64Encoded"] is True and base64.b64decode(event["body"]) == data
    answering = make_url(client, deploy(ANSWER))
    answer = {"statusCode": 201, "headers": {"Content-Type": "image/x", "X-A": "b"}, "cookies": ["a=1; Path=/", "b=2"], "isBase64Encoded": True,
              "body": base64.b64encode(data).decode()}
    status, headers, body = fetch(answering, "POST", "", json.dumps(answer), {"Content-Type": "application/json"})
    assert (status, body) == (201, data) and value(headers, "content-type") == "image/x" and value(headers, "x-a") == "b"
    assert [text for name, text in headers if name.lower() == "set-cookie"] == ["a=1; Path=/", "b=2"] and value(headers, "x-amzn-requestid")


@pytest.mark.parametrize("answer, status, body", [
    ({"a": 1}, 200, b'{"a": 1}'), ("text", 200, b"text"), ([1], 200, b"[1]"), (None, 200, b"null"), ({"statusCode": 204}, 204, b""),
    ({"statusCode": "404", "body": "gone"}, 404, b"gone"), ({"statusCode": 99}, 502, None), ({"statusCode": "x"}, 502, None), ({"statusCode": 100}, 502, None),
    ({"statusCode": 200, "headers": {"a b": "c"}}, 502, None), ({"statusCode": 200, "headers": {"a": "c\r\nd: e"}}, 502, None),
    ({"statusCode": 200, "isBase64Encoded": True, "body": "*"}, 502, None),
    ({"statusCode": 200, "headers": {"Content-Length": "7", "Transfer-Encoding": "chunked"}, "body": "abc"}, 200, b"abc"),
])
def test_what_an_answer_becomes(client, answering, answer, status, body):
    found = fetch(answering, "POST", "", json.dumps(answer), {"Content-Type": "application/json"})
    assert found[0] == status and (json.loads(found[2]) == {"Message": "Internal Server Error"} if body is None else found[2] == body), found


@pytest.fixture(scope="module")
def answering(host):
    from functions import Deployer
    deployer = Deployer(host.client())
    yield make_url(deployer.client, deployer(ANSWER, name="url-answers"))
    deployer.delete_all()


def test_a_function_that_fails_is_a_bad_gateway(client, deploy):
    url = make_url(client, deploy("def handler(event, context):\n    raise ValueError('secret')\n"))
    status, _, body = fetch(url)
    assert status == 502 and b"secret" not in body


STREAM = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const pause = seconds => new Promise(done => setTimeout(done, seconds * 1000));
  const path = event.rawPath;
  if (path === "/tea")
    stream = awslambda.HttpResponseStream.from(stream, {statusCode: 418, headers: {"X-Tea": "pot"}, cookies: ["a=1"]});
  if (path === "/wrong") stream = awslambda.HttpResponseStream.from(stream, {statusCode: 7});
  if (path === "/none") stream = awslambda.HttpResponseStream.from(stream, {statusCode: 204});
  if (path === "/html") stream.setContentType("text/html");
  if (path === "/early") throw new Error("early");
  if (path === "/big") for (let i = 0; i < 32; i++)
    if (!stream.write(Buffer.alloc(1 << 20, i))) await new Promise(done => stream.once("drain", done));
  stream.write("short ");
  await pause(path === "/slow" ? 2 : 0);
  if (path === "/late") { await pause(0.3); throw new Error("late"); }
  stream.write("and stout");
  stream.end();
});
"""


@pytest.fixture(scope="module")
def stream(host):
    from functions import Deployer, make_zip
    deployer = Deployer(host.client())
    function = deployer(zip=make_zip({"app.js": STREAM}), Runtime="nodejs20.x", MemorySize=1769, name="url-streams")
    yield make_url(deployer.client, function, InvokeMode="RESPONSE_STREAM")
    deployer.delete_all()


def test_a_stream_has_the_head_that_its_prelude_says(stream):
    status, headers, body = fetch(stream, path="/tea")
    assert (status, body) == (418, b"short and stout") and value(headers, "x-tea") == "pot" and value(headers, "set-cookie") == "a=1"
    status, headers, body = fetch(stream, path="/html", headers={"Origin": "https://a.example"})
    assert (status, body) == (200, b"short and stout") and value(headers, "content-type") == "text/html"
    assert value(fetch(stream)[1], "content-type") == "application/octet-stream"
    assert fetch(stream, path="/none")[::2] == (204, b"") and fetch(stream, "HEAD", path="/tea")[::2] == (418, b"")


def test_a_stream_comes_while_it_is_made(stream):
    fetch(stream)
    parts = urllib.parse.urlsplit(stream)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    connection.request("GET", parts.path.rstrip("/") + "/slow")
    answer = connection.getresponse()
    first, began = answer.read1(), time.monotonic()
    assert first == b"short " and answer.read() == b"and stout" and time.monotonic() - began > 1
    connection.close()


def test_a_stream_may_be_longer_than_an_answer(stream):
    status, _, body = fetch(stream, path="/big")
    assert status == 200 and len(body) == (32 << 20) + 15 and body[5 << 20] == 5


def test_a_stream_that_fails_is_told_or_breaks_off(stream):
    assert fetch(stream, path="/early")[0] == 502 and fetch(stream, path="/wrong")[0] == 502
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        fetch(stream, path="/late")
    assert fetch(stream)[0] == 200


def test_a_function_does_not_wait_for_callers_who_have_gone(client, stream):
    client.put_function_concurrency(FunctionName="url-streams", ReservedConcurrentExecutions=1)
    parts = urllib.parse.urlsplit(stream)
    for _ in range(3):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        connection.request("GET", parts.path.rstrip("/") + "/big")
        connection.getresponse().read(10)
        connection.close()
        wait_until(lambda: fetch(stream)[0] == 200, 4 * TIME_SCALE, "the function is free again")
    assert len(fetch(stream, path="/big")[2]) == (32 << 20) + 15
    client.delete_function_concurrency(FunctionName="url-streams")


def test_what_is_not_streamed_is_not_interpreted_where_streams_are_expected(client, deploy):
    function = deploy(ANSWER)
    url = make_url(client, function, InvokeMode="RESPONSE_STREAM")
    answer = json.dumps({"statusCode": 404, "body": "x"})
    status, _, body = fetch(url, "POST", "", answer, {"Content-Type": "application/json"})
    assert (status, json.loads(body)) == (200, json.loads(answer))


def test_nobody_may_call_what_no_policy_allows(client, deploy):
    function = deploy(ECHO)
    url = make_url(client, function, public=False)
    status, headers, body = fetch(url)
    assert status == 403 and json.loads(body) == {"Message": "Forbidden"} and value(headers, "x-amzn-errortype") == "AccessDeniedException"
    client.add_permission(FunctionName=function.name, StatementId="iam", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="AWS_IAM")
    client.add_permission(FunctionName=function.name, StatementId="function", Action="lambda:InvokeFunction", Principal="*")
    assert fetch(url)[0] == 403
    client.add_permission(FunctionName=function.name, StatementId="none", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    assert fetch(url)[0] == 200
    client.remove_permission(FunctionName=function.name, StatementId="none")
    assert fetch(url)[0] == 403


def signed(host, url, secret=None, service="lambda", body=b"{}"):
    key, known = host.credentials()
    request = botocore.awsrequest.AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret or known), service, REGION).add_auth(request)
    return fetch(url, "POST", "/", body, dict(request.headers.items()))


def test_a_signature_is_asked_for_and_checked(client, host, deploy):
    url = make_url(client, deploy(ECHO), public=False, AuthType="AWS_IAM")
    assert fetch(url)[0] == 403 and signed(host, url, secret="x" * 40)[0] == 403 and signed(host, url, service="s3")[0] == 403
    event = event_of(signed(host, url))
    assert event["requestContext"]["accountId"] == ACCOUNT and event["requestContext"]["authorizer"]["iam"]["accountId"] == ACCOUNT
    assert event["requestContext"]["authorizer"]["iam"]["accessKey"] == host.credentials()[0]


def test_an_alias_has_a_url_of_its_own(client, deploy):
    function = deploy(ECHO, Publish=True)
    client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    function.update_code("def handler(event, context):\n    return 'newer'\n")
    plain, live = make_url(client, function), make_url(client, function, Qualifier="live")
    assert fetch(plain)[2] == b"newer" and event_of(fetch(live))["version"] == "2.0"
    assert error_of(client.create_function_url_config, FunctionName=function.name, AuthType="NONE", Qualifier="live")[:2] == ("ResourceConflictException", 409)
    client.delete_function_url_config(FunctionName=function.name, Qualifier="live")
    status, headers, body = fetch(live)
    assert status == 403 and json.loads(body) == {"Message": None} and value(headers, "x-amzn-errortype") == "AccessDeniedException"
    assert fetch(plain)[0] == 200


def test_a_url_is_found_by_its_host_name(client, deploy):
    url = make_url(client, deploy(ECHO))
    name = f"{url.rstrip('/').rsplit('/', 1)[1]}.lambda-url.{REGION}.example.org"
    event = event_of(fetch(url, path="/x?y=z", host=name))
    assert event["rawPath"] == "/x" and event["requestContext"]["domainName"] == name and event["headers"]["host"] == name
    assert fetch(url, path="/2015-03-31/functions", host=f"{'a' * 32}.lambda-url.{REGION}.example.org")[0] == 403


def test_browsers_are_told_what_they_may(client, deploy):
    cors = {"AllowOrigins": ["https://a.example", "https://*.b.example"], "AllowMethods": ["GET", "PUT"], "AllowHeaders": ["x-a"], "ExposeHeaders": ["x-b"],
            "AllowCredentials": True, "MaxAge": 60}
    url = make_url(client, deploy(ECHO), Cors=cors)
    preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}
    status, headers, body = fetch(url, "OPTIONS", headers=preflight)
    assert (status, body) == (200, b"") and value(headers, "access-control-allow-origin") == "https://a.example"
    assert value(headers, "access-control-allow-methods") == "GET,PUT" and value(headers, "access-control-allow-headers") == "x-a"
    assert value(headers, "access-control-max-age") == "60" and value(headers, "access-control-allow-credentials") == "true"
    for origin, allowed in (("https://c.b.example", True), ("https://b.example", False), ("https://evil.example", False)):
        status, headers, _ = fetch(url, headers={"Origin": origin})
        assert status == 200 and value(headers, "access-control-allow-origin") == (origin if allowed else None)
        assert value(headers, "access-control-expose-headers") == ("x-b" if allowed else None)


def test_configurations_are_kept_changed_and_listed(client, deploy):
    function = deploy(ECHO)
    name = dict(FunctionName=function.name)
    assert error_of(client.get_function_url_config, **name)[:2] == ("ResourceNotFoundException", 404)
    url = make_url(client, function, public=False)
    assert "InvokeMode" not in client.get_function_url_config(**name)
    changed = client.update_function_url_config(**name, AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM", Cors={"AllowOrigins": ["*"]})
    assert (changed["FunctionUrl"], changed["AuthType"], changed["InvokeMode"]) == (url, "AWS_IAM", "RESPONSE_STREAM")
    assert changed["Cors"] == {"AllowOrigins": ["*"]} and fetch(url)[0] == 403
    assert [listed["FunctionUrl"] for listed in client.list_function_url_configs(**name)["FunctionUrlConfigs"]] == [url]
    client.delete_function_url_config(**name)
    assert client.list_function_url_configs(**name)["FunctionUrlConfigs"] == []
    assert error_of(client.update_function_url_config, **name, AuthType="NONE")[:2] == ("ResourceNotFoundException", 404)


def test_a_url_ends_with_its_function_and_outlives_the_host(own_host_url):
    host, client, function, url = own_host_url
    host.stop()
    host.start()
    event_of(fetch(f"{host.endpoint}{urllib.parse.urlsplit(url).path}"))
    host.client().delete_function(FunctionName=function.name)
    assert fetch(f"{host.endpoint}{urllib.parse.urlsplit(url).path}")[0] == 403


@pytest.fixture
def own_host_url():
    from functions import Deployer
    from host import Host
    with Host() as host:
        client = host.client()
        function = Deployer(client)(ECHO)
        yield host, client, function, make_url(client, function)

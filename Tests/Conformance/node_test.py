"""nodejs20.x and nodejs18.x: our runtime client keeps the handler conventions, payloads and log lines of AWS's own."""

import base64
import hashlib
import hmac
import json
import re
import time

import pytest
from framed_log import FRAMED, records
from functions import exit_error, make_zip
from host import ACCOUNT, REGION, REPOSITORY

MEMORY = 512


@pytest.fixture
def deploy_node(deploy):
    def node(source="", *, name="index.js", files=(), **settings):
        return deploy(zip=make_zip({name: source, **dict(files)}), **{"Runtime": "nodejs20.x", "Handler": "index.handler", "MemorySize": MEMORY, **settings})
    return node


@pytest.mark.parametrize("runtime, version", [("nodejs20.x", "v20."), ("nodejs18.x", "v18.")])
def test_an_async_handler_answers_and_its_environment_is_used_again(deploy_node, runtime, version):
    function = deploy_node("""
        let calls = 0;
        exports.handler = async (event) => ({ event, calls: ++calls, version: process.version, uid: process.getuid(), cwd: process.cwd() });
    """, Runtime=runtime)
    first, second = function.invoke({"a": ["ä", 1]}), function.invoke(None)
    assert first.error is None and first.payload["version"].startswith(version)
    assert (first.payload["event"], first.payload["calls"]) == ({"a": ["ä", 1]}, 1)
    assert (second.payload["event"], second.payload["calls"]) == (None, 2)
    assert (first.payload["uid"], first.payload["cwd"]) == (993, "/var/task")
    assert "Init Duration" in first.report and "Init Duration" not in second.report


@pytest.mark.parametrize("body, answer", [
    ("async () => {}", None),
    ("async () => 'text'", "text"),
    ("(event, context, callback) => callback(null, event + 1)", 8),
    ("(event, context, callback) => { setTimeout(() => callback(undefined, 'later'), 20); }", "later"),
    ("(event, context) => context.succeed({ by: 'succeed' })", {"by": "succeed"}),
    ("(event, context) => context.done(null, 'done')", "done"),
    ("(event, context, callback) => { callback(null, 'first'); callback(null, 'second'); context.fail('third'); }", "first"),
    # Neither a promise nor a call: null, once nothing is left to do.
    ("() => 'what a synchronous handler returns is not its answer'", None),
    ("() => { setTimeout(() => globalThis.worked = true, 20); }", None),
    ("() => ({ then: (resolve) => resolve('a thenable') })", "a thenable"),
])
def test_a_handler_may_answer_in_each_of_nodes_ways(deploy_node, body, answer):
    function = deploy_node(f"exports.handler = {body};")
    assert function.call(7) == answer
    assert function.call(7) == answer, "and go on"


def test_a_callback_waits_for_an_empty_event_loop_unless_told_otherwise(deploy_node):
    function = deploy_node("""
        exports.handler = (event, context, callback) => {
          context.callbackWaitsForEmptyEventLoop = event.waits;
          setTimeout(() => {}, 700);
          callback(null, context.callbackWaitsForEmptyEventLoop);
        };
    """)
    function.call({"waits": False})
    brief, long = function.invoke({"waits": False}), function.invoke({"waits": True})
    assert (brief.payload, long.payload) == (False, True)
    assert brief.milliseconds("Duration") < 500 < 690 < long.milliseconds("Duration")


@pytest.mark.parametrize("name, source, files, answer", [
    ("index.mjs", "import fs from 'node:fs';\nconst top = await 'esm';\nexport const handler = async () => [top, typeof fs.readFileSync];", {},
     ["esm", "function"]),
    ("index.js", "export const handler = async () => [(await import('./other.js')).kind, typeof require];",
     {"package.json": '{"type": "module"}', "other.js": "export const kind = 'esm';"}, ["esm", "undefined"]),
    ("index.cjs", "exports.handler = async () => ['cjs', typeof require];", {"package.json": '{"type": "module"}'}, ["cjs", "function"]),
    ("index.js", "exports.handler = async () => [require('thing'), (await import('node:fs')).existsSync(__filename)];",
     {"node_modules/thing/index.js": "module.exports = 'cjs';"}, ["cjs", True]),
], ids=["mjs", "a module's js", "cjs", "js"])
def test_modules_of_both_kinds_are_loaded(deploy_node, name, source, files, answer):
    assert deploy_node(source, name=name, files=files).call() == answer


def test_a_handler_may_be_nested_in_folders_and_objects(deploy_node):
    source = "exports.api = { v1: { handler: async () => __filename } };"
    assert deploy_node(source, name="src/lib/app.js", Handler="src/lib/app.api.v1.handler").call() == "/var/task/src/lib/app.js"


def test_a_layer_brings_modules(deploy_node, deploy):
    layer = deploy.layer("node-layer", {"nodejs/node_modules/greeting/index.js": "module.exports = 'from a layer';"})
    assert deploy_node("exports.handler = async () => require('greeting');", Layers=[layer]).call() == "from a layer"


def test_the_context_tells_what_lambda_tells(deploy_node, client):
    function = deploy_node("""
        exports.handler = async (event, context) => {
          const { getRemainingTimeInMillis, succeed, fail, done, ...plain } = context;
          return { ...plain, remaining: getRemainingTimeInMillis(), methods: [typeof succeed, typeof fail, typeof done],
                   trace: process.env._X_AMZN_TRACE_ID, home: process.env.HOME ?? null, execution: process.env.AWS_EXECUTION_ENV };
        };
    """, Timeout=9)
    custom = {"client": {"app_title": "zoo"}, "custom": {"k": "v"}, "env": {}}
    answer = function.invoke(None, ClientContext=base64.b64encode(json.dumps(custom).encode()).decode())
    said = answer.payload
    assert said["awsRequestId"] == answer.request_id and said["functionName"] == function.name and said["functionVersion"] == "$LATEST"
    assert said["memoryLimitInMB"] == str(MEMORY) and said["logGroupName"] == f"/aws/lambda/{function.name}" and "[$LATEST]" in said["logStreamName"]
    assert said["invokedFunctionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}"
    assert said["clientContext"] == custom and said["callbackWaitsForEmptyEventLoop"] is True
    assert 7_000 < said["remaining"] <= 9_000 and said["methods"] == ["function"] * 3
    assert said["trace"].startswith("Root=1-") and said["home"] is None and said["execution"] == "AWS_Lambda_nodejs20.x"


@pytest.mark.parametrize("body, type, message", [
    ("async () => { throw new TypeError('bad') }", "TypeError", "bad"),
    ("() => { throw new RangeError('at once') }", "RangeError", "at once"),
    ("(event, context, callback) => callback(new Error('by callback'))", "Error", "by callback"),
    ("(event, context) => context.fail(new Error('by fail'))", "Error", "by fail"),
    ("async () => { class Trouble extends Error { name = 'Trouble' } throw new Trouble('own') }", "Trouble", "own"),
])
def test_an_error_is_the_callers_answer_and_the_environment_goes_on(deploy_node, body, type, message):
    function = deploy_node(f"let calls = 0;\nconst broken = {body};\nexports.handler = (...args) => ++calls === 1 ? broken(...args) : args[2](null, calls);")
    answer = function.invoke()
    assert answer.status == 200 and answer.error == "Unhandled"
    assert set(answer.payload) == {"errorType", "errorMessage", "trace"}
    assert (answer.payload["errorType"], answer.payload["errorMessage"]) == (type, message)
    assert answer.payload["trace"][0] == f"{type}: {message}" and "/var/task/index.js" in answer.payload["trace"][1]
    line = next(line for line in answer.log.splitlines() if "Invoke Error" in line)
    stamp, request_id, level, title, text = re.split(r" ?\t", line, maxsplit=4)
    assert (request_id, level, title) == (answer.request_id, "ERROR", "Invoke Error") and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}Z", stamp)
    logged = json.loads(text)
    assert (logged["errorType"], logged["errorMessage"], logged["stack"]) == (type, message, answer.payload["trace"])
    assert function.call() == 2


@pytest.mark.parametrize("thrown, payload", [
    ("'words'", {"errorType": "string", "errorMessage": "words", "trace": []}),
    ("42", {"errorType": "number", "errorMessage": "42", "trace": []}),
    ("undefined", {"errorType": "string", "errorMessage": "handled", "trace": []}),
    ("{ code: 1 }", {"errorType": "object", "errorMessage": "[object Object]", "trace": []}),
])
def test_what_is_thrown_need_not_be_an_error(deploy_node, thrown, payload):
    answer = deploy_node(f"exports.handler = async () => {{ throw {thrown}; }};").invoke()
    assert answer.error == "Unhandled" and answer.payload == payload


@pytest.mark.parametrize("body, type, message", [
    ("() => { Promise.reject(new Error('boom')); return new Promise(() => {}); }", "Runtime.UnhandledPromiseRejection", "Error: boom"),
    ("() => { setTimeout(() => { throw new TypeError('in a timer') }, 5); return new Promise(() => {}); }", "TypeError", "in a timer"),
    ("async () => { await new Promise(() => {}); }", "Runtime.NodeJsExit", None),
])
@pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs18.x"])
def test_what_a_handler_does_not_catch_is_reported_and_the_next_call_works(deploy_node, runtime, body, type, message):
    function = deploy_node(f"const broken = {body};\nexports.handler = (event, context, callback) => broken(event);\n"
                           "if (broken.constructor.name === 'AsyncFunction') exports.handler = async (event) => event ? broken(event) : 'fine';\n"
                           "else exports.handler = (event, context, callback) => event ? broken(event) : callback(null, 'fine');", Runtime=runtime)
    answer = function.invoke(1)
    assert answer.error == "Unhandled" and set(answer.payload) == {"errorType", "errorMessage", "trace"}
    assert answer.payload["errorType"] == type and answer.payload["trace"][0] == f"{type}: {answer.payload['errorMessage']}"
    if message:
        assert answer.payload["errorMessage"] == message
        assert ("Unhandled Promise Rejection" if "Promise" in type else "Uncaught Exception") in answer.log
    assert function.call(0) == "fine"


@pytest.mark.parametrize("status, reason", [(0, "Runtime exited without providing a reason"), (3, "Runtime exited with error: exit status 3")])
def test_a_handler_that_exits_is_reported(deploy_node, status, reason):
    function = deploy_node(f"exports.handler = async (event) => event ? process.exit({status}) : 'fine';")
    answer = function.invoke(1)
    assert answer.error == "Unhandled" and answer.payload == exit_error(answer.request_id, reason)
    assert function.call(0) == "fine"


@pytest.mark.parametrize("source, handler, type, message", [
    ("", "index.nothing", "Runtime.HandlerNotFound", "index.nothing is undefined or not exported"),
    ("exports.handler = 1;", "index.handler", "Runtime.HandlerNotFound", "index.handler is not a function"),
    ("", "nothing.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'nothing'"),
    ("require('absent');", "index.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'absent'"),
    ("", "index", "Runtime.MalformedHandlerName", "Bad handler"),
    ("", "../index.handler", "Runtime.MalformedHandlerName", "'../index.handler' is not a valid handler name"),
    ("exports.handler = (;", "index.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token ';'"),
    ("throw new EvalError('at load')", "index.handler", "EvalError", "at load"),
    ("Promise.reject(new Error('at load')); exports.handler = async () => 1; setInterval(() => {}, 1); while (Date.now() % 50);",
     "index.handler", "Runtime.UnhandledPromiseRejection", "Error: at load"),
])
def test_a_function_that_cannot_be_loaded_is_told_why_each_time(deploy_node, source, handler, type, message):
    function = deploy_node(source, Handler=handler)
    for _ in range(2):
        answer = function.invoke()
        assert answer.error == "Unhandled" and set(answer.payload) == {"errorType", "errorMessage", "trace"}
        assert answer.payload["errorType"] == type and answer.payload["errorMessage"].startswith(message)
    function.delete()


def test_console_lines_carry_time_request_and_level(deploy_node):
    function = deploy_node("""
        console.log('at load');
        exports.handler = async (event) => {
          console.log('log %d', 1, { a: [1] });
          console.info('info'); console.debug('debug'); console.warn('warn'); console.error('error'); console.trace('trace');
          console.log('two\\nlines');
          process.stdout.write('raw\\n');
        };
    """)
    answer = function.invoke()
    lines = [line.split("\t") for line in answer.log.replace("two\nlines", "two\rlines").split("\n") if line and not re.match("START|END|REPORT", line)]
    lines = [line for line in lines if line[-1] != "at load"]  # of the init phase
    lines.remove(["raw"])  # of stdout, and so before or after what went through the log channel
    assert [line[1] for line in lines] == [answer.request_id] * 7
    assert [tuple(line[2:]) for line in lines] == [
        ("INFO", "log 1 { a: [ 1 ] }"), ("INFO", "info"), ("DEBUG", "debug"), ("WARN", "warn"), ("ERROR", "error"), ("TRACE", "trace"),
        ("INFO", "two\rlines")]
    now = time.time()
    assert all(abs(time.mktime(time.strptime(line[0][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone - now) < 100 for line in lines)


def test_a_json_log_is_one_object_a_line_from_its_level_up(deploy_node):
    answer = deploy_node("""
        exports.handler = async () => {
          console.info('not of the level');
          console.warn({ a: [1] });
          console.error('bad:', new RangeError('deep'));
        };
    """, Environment={"Variables": {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}}).invoke()
    warned, failed = [json.loads(line) for line in answer.log.splitlines() if line.startswith("{") and '"requestId"' in line]
    assert {**warned, "timestamp": ""} == {"timestamp": "", "level": "WARN", "requestId": answer.request_id, "message": {"a": [1]}}
    assert (failed["level"], failed["errorType"], failed["errorMessage"]) == ("ERROR", "RangeError", "deep")
    assert failed["message"].startswith("bad: RangeError: deep") and failed["stackTrace"][0] == "RangeError: deep"


def test_a_framed_log_keeps_records_whole(deploy_node):
    function = deploy_node("""
        exports.handler = async () => {
          console.log('two\\nlines');
          console.error('bad');
          return [process.env._LAMBDA_TELEMETRY_LOG_FD ?? null, require('fs').readFileSync('/tmp/frames', 'base64')];
        };
    """, files={"wrap": FRAMED}, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}})
    answer = function.invoke()
    told, frames = answer.payload
    first, second = records(base64.b64decode(frames))
    assert told is None and first.text.endswith(f"\t{answer.request_id}\tINFO\ttwo\nlines\n") and second.text.endswith("\tERROR\tbad\n")
    assert (first.type, second.type) == (0xa55a000f, 0xa55a0017) and first.is_recent


def test_a_payload_of_almost_six_megabytes_passes_both_ways(deploy_node):
    function = deploy_node("exports.handler = async (event) => ({ length: event.text.length, text: event.text });")
    text = "ä" * 100 + "x" * 5_900_000
    assert function.call({"text": text}) == {"length": 5_900_100, "text": text}


def test_an_answer_that_is_too_large_is_refused_and_the_environment_goes_on(deploy_node):
    function = deploy_node("let calls = 0; exports.handler = async (event) => [++calls, 'x'.repeat(event)];")
    answer = function.invoke(7_000_000)
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert function.call(1) == [2, "x"]


def test_an_answer_that_json_cannot_say_is_an_error(deploy_node):
    answer = deploy_node("exports.handler = async () => 10n;").invoke()
    assert answer.error == "Unhandled" and (answer.payload["errorType"], answer.payload["errorMessage"]) == ("Error", "Unable to stringify response body")


# ---- Response streaming; the host gives the caller what was streamed in one piece ----


def raw(function, event=None):
    answer = function.client.invoke(FunctionName=function.name, Payload=json.dumps(event), LogType="Tail")
    return answer.get("FunctionError"), answer["Payload"].read(), base64.b64decode(answer["LogResult"]).decode()


def test_a_streamed_response_arrives_whole(deploy_node):
    function = deploy_node("""
        let calls = 0;
        exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
          stream.setContentType('text/plain');
          stream.write(`${++calls} ${context.functionName} `);
          await new Promise((resolve) => setTimeout(resolve, 20));
          stream.write({ json: true });
          stream.end(' end');
        });
    """)
    for calls in (1, 2):
        assert raw(function)[:2] == (None, f"{calls} {function.name} {{\"json\":true}} end".encode())


def test_a_stream_takes_a_pipeline_with_back_pressure(deploy_node):
    function = deploy_node("""
        import { Readable } from 'node:stream';
        import { pipeline } from 'node:stream/promises';
        export const handler = awslambda.streamifyResponse(async (event, stream) => {
          await pipeline(Readable.from(function* () { for (let i = 0; i < 90; i++) yield Buffer.alloc(65536, 97 + i % 26); }()), stream);
        });
    """, name="index.mjs")
    expected = b"".join(bytes([97 + i % 26]) * 65_536 for i in range(90))
    assert raw(function)[:2] == (None, expected)


def test_an_http_prelude_precedes_the_body(deploy_node):
    function = deploy_node("""
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: 'b' } });
          stream.write('body');
          stream.end();
        });
    """)
    prelude, body = raw(function)[1].split(b"\0" * 8)
    assert json.loads(prelude) == {"statusCode": 201, "headers": {"a": "b"}} and body == b"body"


@pytest.mark.parametrize("body, type, message", [
    ("async () => { throw new TypeError('before the first byte') }", "TypeError", "before the first byte"),
    ("() => 1", "string", "Streaming does not support non-async handlers."),
    ("async () => {}", "string", "Response stream is not finished."),
])
def test_a_streaming_handler_that_fails_before_its_first_byte_is_an_error(deploy_node, body, type, message):
    function = deploy_node(f"const broken = {body};\nexports.handler = awslambda.streamifyResponse((event, stream) =>"
                           " event ? broken() : (async () => stream.end('\"fine\"'))());")
    answer = function.invoke(1)
    assert answer.error == "Unhandled" and (answer.payload["errorType"], answer.payload["errorMessage"]) == (type, message)
    assert function.call(0) == "fine"


@pytest.mark.parametrize(("ending", "type", "message"), [
    ("throw new Error('midway')", "Error", "midway"), ("return", "string", "Response stream is not finished."),
])
def test_a_stream_that_breaks_off_is_an_error_and_the_environment_goes_on(deploy_node, ending, type, message):
    function = deploy_node(f"""
        let calls = 0;
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {{
          console.log(`call ${{++calls}}`);
          stream.write("half of it");
          {ending};
        }});
    """)
    for calls in (1, 2):
        answer = function.invoke()
        assert answer.error == "Unhandled" and (answer.payload["errorType"], answer.payload["errorMessage"]) == (type, message)
        assert f"call {calls}" in answer.log and "Invoke Error" in answer.log


def test_a_wrapper_starts_the_runtime(deploy_node):
    wrapper = "#!/bin/bash\nexport WRAPPED=$(basename \"$1\")\nexec \"$@\"\n"
    function = deploy_node("exports.handler = async () => [process.env.WRAPPED, process.execArgv.length > 3];", files={"wrap": (wrapper, 0o100755)},
                           Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}})
    assert function.call() == ["node", True]
    function.update(Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/absent"}})
    assert function.invoke().payload["errorMessage"].endswith("exit status 127")


def test_the_heap_knows_the_functions_memory(deploy_node):
    source = "exports.handler = async () => require('v8').getHeapStatistics().heap_size_limit / 2 ** 20;"
    assert 0.9 * MEMORY < deploy_node(source).call() < 1.2 * MEMORY
    assert 0.9 * 128 < deploy_node(source, MemorySize=128).call() < 1.2 * 128


def test_the_sample_is_what_its_page_says(deploy_node):
    function = deploy_node((REPOSITORY / "samples/node-webhook/index.mjs").read_text(), name="index.mjs",
                           Environment={"Variables": {"WEBHOOK_SECRET": "secret"}})
    body = json.dumps({"type": "order", "items": [{"amount": 2}, {"amount": 3}]})
    signature = hmac.new(b"secret", body.encode(), hashlib.sha256).hexdigest()
    answer = function.invoke({"body": body, "headers": {"x-signature": signature}})
    assert answer.payload["statusCode"] == 200 and "\tINFO\torder with 2 items" in answer.log
    assert json.loads(answer.payload["body"]) == {"type": "order", "total": 5, "request": answer.request_id}
    assert function.call({"body": body, "headers": {"x-signature": signature[::-1]}})["statusCode"] == 401

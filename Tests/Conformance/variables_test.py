"""What a function is given, for each runtime family, as a whole: every variable, place, limit and id, and nothing beside them.

The table is what was recorded of the real service. Where Roost differs, the row says so, and Differences.md why.
"""

import base64
import re
import tempfile
from pathlib import Path

import pytest
from functions import Deployer, make_zip, python_zip
from host import ACCOUNT, REGION
from java_classes import compiled

# What every runtime has. `{name}` is the function's.
COMMON = {
    "_HANDLER": "app.handler",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_LAMBDA_FUNCTION_NAME": "{name}",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "192",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/{name}",
    "AWS_LAMBDA_LOG_STREAM_NAME": re.compile(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}"),
    "AWS_LAMBDA_METADATA_API": "169.254.100.1:9001",
    "AWS_LAMBDA_METADATA_TOKEN": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    "AWS_LAMBDA_RUNTIME_API": "169.254.100.1:9001",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
    "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "TZ": ":UTC",
    "LANG": "en_US.UTF-8",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "MY_OWN": "value with spaces, = and \u00fc",
}
# Set per invocation by the runtime client, from the event's header; the platform sets it for nobody.
TRACE = {"_X_AMZN_TRACE_ID": re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}.*")}
PYTHON = COMMON | TRACE | {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.11", "PYTHONPATH": "/var/runtime"}
# Their bootstraps are shell scripts, as Lambda's are.
BY_SHELL = {"PWD": "/var/task", "SHLVL": "0"}
NODE = COMMON | TRACE | BY_SHELL | {
    "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x",
    "NODE_PATH": "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task",
}
# Different: Lambda's GEM_PATH is the first two; the others are where the image's own gems are.
RUBY = COMMON | TRACE | BY_SHELL | {
    "AWS_EXECUTION_ENV": "AWS_Lambda_ruby3.1", "GEM_HOME": "/var/runtime", "RUBYLIB": "/var/task:/var/runtime/lib:/opt/ruby/lib",
    "GEM_PATH": re.compile(r"/var/task/vendor/bundle/ruby/3\.1\.0:/opt/ruby/gems/3\.1\.0(:/(var/runtime|usr)[a-z0-9./-]*)*"),
}
# The trace is a system property there, `com.amazonaws.xray.traceHeader`: java_test.py.
# A Java program cannot unset a variable of its own.
JAVA = COMMON | BY_SHELL | {"AWS_EXECUTION_ENV": "AWS_Lambda_java17", "_HANDLER": "example.Look", "_LAMBDA_TELEMETRY_LOG_FD": "62"}
# The log channel's descriptor is read and unset by the clients before the handler runs; a bootstrap of the function's own has it.
PROVIDED = COMMON | {"_LAMBDA_TELEMETRY_LOG_FD": "62"}
# bash makes these up for itself where they are missing.
SHELLS_OWN = {"PWD": "/var/task", "SHLVL": re.compile(r"\d"), "_": re.compile(".*")}

LIMITS = {  # as in /proc/self/limits: soft, hard
    "Max open files": ("1024", "1024"),
    "Max locked memory": ("65536", "65536"),
    "Max stack size": ("8388608", "unlimited"),
    "Max cpu time": ("unlimited", "unlimited"),
    "Max file size": ("unlimited", "unlimited"),
    "Max data size": ("unlimited", "unlimited"),
    "Max resident set": ("unlimited", "unlimited"),
    "Max address space": ("unlimited", "unlimited"),
    "Max file locks": ("unlimited", "unlimited"),
    # Different: Lambda has 742, dumps of 10 GiB, and no limit on the last four.
    # The control group's limit, which is met first, is 1,024.
    "Max processes": ("1040", "1040"),
    "Max core file size": ("1", "1"),
    "Max pending signals": ("1024", "1024"),
    "Max msgqueue size": ("65536", "65536"),
    "Max nice priority": ("0", "0"),
    "Max realtime priority": ("0", "0"),
    "Max realtime timeout": ("unlimited", "unlimited"),
}

# A place → mode as `stat` prints it, and whether a file can be made in it.
PLACES = {
    "/": ("drwxr-xr-x", False), "/tmp": ("drwxrwxrwt", True), "/var/task": ("drwxr-xr-x", False), "/opt": ("drwxr-xr-x", False),
    "/var/runtime": ("drwxr-xr-x", False), "/var/lang": ("drwxr-xr-x", False), "/etc": ("drwxr-xr-x", False), "/usr": ("drwxr-xr-x", False),
    "/dev": ("drwxr-xr-x", False), "/proc": ("dr-xr-xr-x", False),
}

LOOK = r"""
echo "cwd $(pwd)"
echo "id $(id -u) $(id -g) $(id -un) $(id -Gn)"
echo "umask $(umask)"
for place in / /tmp /var/task /opt /var/runtime /var/lang /etc /usr /dev /proc; do
  if ( : >"$place/.look" ) 2>/dev/null; then writable=yes; rm "$place/.look"; else writable=no; fi
  echo "place $place $(stat -c %A "$place") $writable"
done
for name in /dev/*; do echo "dev ${name#/dev/} $(stat -c %F "$name")"; done
sed 's/^/limit /' /proc/self/limits
for name in passwd group hosts resolv.conf nsswitch.conf localtime ssl/certs/ca-certificates.crt pki/tls/certs/ca-bundle.crt; do
  [ -r "/etc/$name" ] && [ -s "/etc/$name" ] && echo "etc $name"
done
[ -x /lambda-entrypoint.sh ] && echo "etc entrypoint"
(grep -q localhost /etc/hosts && getent hosts localhost >/dev/null) && echo "etc localhost"
date +"time %Z"
"""

BOOTSTRAP = """#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
while true; do
  id=$(curl -sS -o /dev/null -D - "$api/invocation/next" | sed -n 's/\\r$//; s/^lambda-runtime-aws-request-id: *//Ip')
  { printf 'M\\n'; env -0 | base64 -w0; printf '\\n'; bash /var/task/look.sh; } | base64 -w0 >/tmp/answer
  (printf '"'; cat /tmp/answer; printf '"') >/tmp/json
  curl -sS -o /dev/null --data-binary @/tmp/json "$api/invocation/$id/response"
  rm /tmp/answer /tmp/json
done
"""

PYTHON_LOOK = """
    import base64, os, subprocess
    def handler(event, context):
        variables = b"\\0".join(f"{name}={value}".encode() for name, value in os.environ.items()) + b"\\0"
        look = subprocess.run(["bash", "/var/task/look.sh"], capture_output=True).stdout
        return base64.b64encode(b"M\\n" + base64.b64encode(variables) + b"\\n" + look).decode()
"""

NODE_LOOK = """
    const { execFileSync } = require('node:child_process');
    exports.handler = async () => {
      const variables = Buffer.from(Object.entries(process.env).map(([name, value]) => `${name}=${value}\\0`).join(''));
      const look = execFileSync('bash', ['/var/task/look.sh'], { stdio: ['ignore', 'pipe', 'ignore'] });
      return Buffer.from(`M\\n${variables.toString('base64')}\\n${look}`).toString('base64');
    };
"""

RUBY_LOOK = """
    require 'base64'
    def handler(event:, context:)
      variables = ENV.map { |name, value| "#{name}=#{value}\\0" }.join
      Base64.strict_encode64("M\\n" + Base64.strict_encode64(variables) + "\\n" + `bash /var/task/look.sh 2>/dev/null`)
    end
"""

JAVA_LOOK = """
    package example;
    import com.amazonaws.services.lambda.runtime.Context;
    import com.amazonaws.services.lambda.runtime.RequestHandler;
    import java.io.ByteArrayOutputStream;
    import java.util.Base64;
    import static java.nio.charset.StandardCharsets.UTF_8;

    public class Look implements RequestHandler<Object, String> {
      public String handleRequest(Object event, Context context) {
        try {
          var variables = new StringBuilder();
          System.getenv().forEach((name, value) -> variables.append(name).append('=').append(value).append('\\0'));
          var look = new ProcessBuilder("bash", "/var/task/look.sh").redirectError(ProcessBuilder.Redirect.DISCARD).start();
          var told = new ByteArrayOutputStream();
          told.writeBytes(("M\\n" + Base64.getEncoder().encodeToString(variables.toString().getBytes(UTF_8)) + "\\n").getBytes(UTF_8));
          look.getInputStream().transferTo(told);
          return Base64.getEncoder().encodeToString(told.toByteArray());
        } catch (java.io.IOException problem) {
          throw new java.io.UncheckedIOException(problem);
        }
      }
    }
"""


def java_zip():
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "Look.java")
        source.write_text(JAVA_LOOK)
        return make_zip({**compiled(source, Path(folder, "classes")), "look.sh": LOOK})


SETTINGS = dict(MemorySize=192, Handler="app.handler", Environment={"Variables": {"MY_OWN": COMMON["MY_OWN"]}})
FAMILIES = {
    "python3.11": (lambda: python_zip(PYTHON_LOOK, **{"look.sh": LOOK}), PYTHON),
    "nodejs20.x": (lambda: make_zip({"app.js": NODE_LOOK, "look.sh": LOOK}), NODE),
    "ruby3.1": (lambda: make_zip({"app.rb": RUBY_LOOK, "look.sh": LOOK}), RUBY),
    "java17": (java_zip, JAVA),
    "provided.al2023": (lambda: make_zip({"bootstrap": (BOOTSTRAP, 0o100755), "look.sh": LOOK}), PROVIDED | SHELLS_OWN),
}


class Seen:
    def __init__(self, name, text, expected):
        self.name, self.expected = name, expected
        head, variables, *lines = base64.b64decode(text).decode().split("\n")
        assert head == "M"
        self.variables = dict(pair.split("=", 1) for pair in base64.b64decode(variables).decode().split("\0") if pair)
        self.lines = [line for line in lines if line]

    def of(self, kind):
        return [line.removeprefix(kind + " ") for line in self.lines if line.startswith(kind + " ")]


@pytest.fixture(scope="module", params=FAMILIES)
def seen(request, client):
    code, expected = FAMILIES[request.param]
    deployer = Deployer(client)
    function = deployer(zip=code(), Runtime=request.param, **SETTINGS | {"Handler": expected["_HANDLER"]})
    yield Seen(function.name, function.call(), expected)
    deployer.delete_all()


def test_its_variables_are_these_and_no_others(seen):
    assert sorted(set(seen.variables) - set(seen.expected)) == [], "more than Lambda has"
    for name, value in seen.expected.items():
        if isinstance(value, re.Pattern):
            assert value.fullmatch(seen.variables.get(name, "")), name
        else:
            assert seen.variables.get(name) == value.format(name=seen.name), name


def test_it_is_sbx_user1051_in_the_task_directory(seen):
    assert seen.of("cwd") == ["/var/task"]
    assert seen.of("id") == ["993 990 sbx_user1051 sbx_user1051"]
    assert seen.of("umask") == ["0022"]
    assert seen.of("time") == ["UTC"]


def test_its_limits_are_lambdas_but_for_those_that_are_smaller(seen):
    found = {}
    for line in seen.of("limit"):
        if match := re.match(r"(Max [a-z ]+?)  +(\S+)  +(\S+)", line):
            found[match[1]] = (match[2], match[3])
    assert found == LIMITS


def test_it_can_write_to_tmp_alone(seen):
    places = {place: (mode, writable == "yes") for place, mode, writable in (line.split() for line in seen.of("place"))}
    assert places == PLACES


def test_its_devices_are_the_harmless_ones(seen):
    devices = dict(line.split(" ", 1) for line in seen.of("dev"))
    assert devices == {
        **{name: "character special file" for name in ("full", "null", "random", "urandom", "zero")},
        **{name: "symbolic link" for name in ("fd", "stdin", "stdout", "stderr")},
    }


def test_etc_has_what_programs_look_for(seen):
    assert seen.of("etc") == [
        "passwd", "group", "hosts", "resolv.conf", "nsswitch.conf", "localtime", "ssl/certs/ca-certificates.crt",
        "pki/tls/certs/ca-bundle.crt", "entrypoint", "localhost"]


# ---- Names of the caller's own ----

RESERVED = [
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
]
UNABLE = "Lambda was unable to configure your environment variables because the environment variables you have provided "
OVERRIDABLE = {
    "TZ": "Europe/Berlin", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "/var/task/own", "AWS_XRAY_CONTEXT_MISSING": "IGNORE",
    "AWS_XRAY_DAEMON_ADDRESS": "10.0.0.1:2000", "PYTHONPATH": "/var/runtime:/opt/mine",
}


def message(client, call, **arguments):
    with pytest.raises(client.exceptions.InvalidParameterValueException) as caught:
        call(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return caught.value.response["Error"]["Message"]


def variables(names):
    return {"Variables": {name: "x" for name in names}}


def test_reserved_names_are_refused_with_lambdas_words(client, deploy):
    function = deploy("handler = 1")
    text = UNABLE + "contains reserved keys that are currently not supported for modification. Reserved keys used in this request: "
    create = dict(FunctionName="wrong", Runtime="python3.11", Handler="a.b", Role=f"arn:aws:iam::{ACCOUNT}:role/lambda",
                  Code={"ZipFile": make_zip({"a.py": ""})})
    for name in RESERVED:
        assert message(client, client.create_function, Environment=variables([name, "FINE"]), **create) == text + name
        assert message(client, client.update_function_configuration, FunctionName=function.name, Environment=variables([name])) == text + name
    assert message(client, client.create_function, Environment=variables(RESERVED), **create) == text + ", ".join(RESERVED)


@pytest.mark.parametrize("name", ["_HANDLER", "_X_AMZN_TRACE_ID", "_MINE", "A", "1A", "A-B", "A B", "A=B", "\u00c4B", ""])
def test_a_name_has_a_letter_first_and_letters_digits_and_underscores_after(client, deploy, name):
    function = deploy("handler = 1")
    with pytest.raises(client.exceptions.ClientError) as caught:
        client.update_function_configuration(FunctionName=function.name, Environment=variables([name]))
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException" and "[a-zA-Z]([a-zA-Z0-9_])+" in error["Message"]
    function.update(Environment=variables(["Ab", "A1_", "AWS_LAMBDA_EXEC_WRAPPERS", "LAMBDA_MINE"]))


def test_variables_of_4096_bytes_as_json_fit_and_one_more_does_not(client, deploy):
    function = deploy("import os\nhandler = lambda event, context: len(os.environ['BIG'])")
    fits = 4_096 - len('{"BIG":""}')
    function.update(Environment={"Variables": {"BIG": "v" * fits}})
    assert function.call() == fits
    big = "v" * (fits + 1)
    assert message(client, client.update_function_configuration, FunctionName=function.name, Environment={"Variables": {"BIG": big}}) == \
        UNABLE + 'exceeded the 4KB limit. String measured: {"BIG":"' + big + '"}'


def test_variables_that_lambda_lets_a_function_override(deploy):
    function = deploy("import os\nhandler = lambda event, context: dict(os.environ)", Environment={"Variables": OVERRIDABLE})
    assert function.call().items() >= OVERRIDABLE.items()


# ---- A wrapper script ----

WRAPPER = """#!/bin/bash
export WRAPPED="$#:$1"
echo wrapper speaks
exec "$@"
"""
WRAPPED = "import os, sys\nhandler = lambda event, context: [os.environ.get('WRAPPED'), sys.flags.no_user_site]"


@pytest.mark.parametrize("where", ["/opt/wrap", "/var/task/wrap"])
def test_a_wrapper_starts_the_runtime(deploy, where):
    files = {"wrap": (WRAPPER, 0o100755)}
    layers = [deploy.layer("wrapper", files)] if where.startswith("/opt") else []
    function = deploy(zip=python_zip(WRAPPED, **({} if layers else files)), Layers=layers,
                      Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": where}})
    wrapped, _ = function.call()
    assert wrapped.startswith("2:/var/lang/bin/python3.11")


@pytest.mark.parametrize("files, status", [({}, 127), ({"wrap": (WRAPPER, 0o100644)}, 126)], ids=["missing", "no program"])
def test_a_wrapper_that_cannot_be_run_ends_the_runtime(deploy, files, status):
    answer = deploy(zip=python_zip(WRAPPED, **files), Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}}).invoke()
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Runtime.ExitError"
    assert answer.payload["errorMessage"].endswith(f"Error: Runtime exited with error: exit status {status}")
    assert "/var/task/wrap: " in answer.log


def test_a_wrapper_is_a_matter_of_the_bootstrap_in_a_custom_runtime(deploy):
    """As on Lambda: the platform starts `bootstrap`, whatever the variable says, and that may heed it."""
    code = make_zip({"bootstrap": (BOOTSTRAP, 0o100755), "look.sh": LOOK})
    settings = SETTINGS | {"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/nowhere"}}}
    function = deploy(zip=code, Runtime="provided.al2023", **settings)
    assert Seen(function.name, function.call(), {}).variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/nowhere"

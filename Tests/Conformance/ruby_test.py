"""ruby3.1: our runtime client keeps the handler conventions, payloads and log lines of AWS's own."""

import base64
import json
import re

import pytest
from framed_log import FRAMED, records
from functions import exit_error, make_zip
from host import ACCOUNT, REGION, REPOSITORY

MEMORY = 256


@pytest.fixture
def deploy_ruby(deploy):
    def ruby(source="", *, name="app.rb", files=(), **settings):
        return deploy(zip=make_zip({name: source, **dict(files)}), **{"Runtime": "ruby3.1", "Handler": "app.handler", "MemorySize": MEMORY, **settings})
    return ruby


def test_a_handler_answers_and_its_environment_is_used_again(deploy_ruby):
    function = deploy_ruby("""
        $calls = 0
        def handler(event:, context:)
          { event: event, calls: $calls += 1, version: RUBY_VERSION, uid: Process.uid, cwd: Dir.pwd, execution: ENV['AWS_EXECUTION_ENV'] }
        end
    """)
    first, second = function.invoke({"a": ["ä", 1]}), function.invoke(None)
    assert first.error is None and first.payload["version"].startswith("3.1.") and first.payload["execution"] == "AWS_Lambda_ruby3.1"
    assert (first.payload["event"], first.payload["calls"]) == ({"a": ["ä", 1]}, 1)
    assert (second.payload["event"], second.payload["calls"]) == (None, 2)
    assert (first.payload["uid"], first.payload["cwd"]) == (993, "/var/task")
    assert "Init Duration" in first.report and "Init Duration" not in second.report


@pytest.mark.parametrize("name, source, handler", [
    ("app.rb", "class Api\n def self.run(event:, context:) = 'class'\nend", "app.Api.run"),
    ("app.rb", "module Deep\n class Api\n def self.run(event:, context:) = 'class'\n end\nend", "app.Deep::Api.run"),
    ("lib/app.rb", "require 'other'\ndef run(event:, context:) = other", "lib/app.run"),
    ("app.rb", "def run(all) = all[:event] && all[:context] ? 'class' : 'nothing'", "app.run"),
])
def test_a_handler_may_be_in_a_class_a_folder_or_at_top_level(deploy_ruby, name, source, handler):
    function = deploy_ruby(source, name=name, Handler=handler, files={"other.rb": "def other = 'class'"})
    assert function.call({"x": 1}) == "class"


def test_gems_come_with_the_function_or_a_layer(deploy_ruby, deploy):
    gem = {"gems/greeting-1.0/lib/greeting.rb": "GREETING = 'from a gem'",
           "specifications/greeting-1.0.gemspec": "Gem::Specification.new { |s| s.name = 'greeting'; s.version = '1.0'; s.summary = s.author = 'x'; s.files = [] }"}
    source = "require 'greeting'\ndef handler(event:, context:) = [GREETING, Gem.loaded_specs.key?('greeting')]"
    layer = deploy.layer("ruby-layer", {f"ruby/gems/3.1.0/{name}": text for name, text in gem.items()})
    assert deploy_ruby(source, Layers=[layer]).call() == ["from a gem", True]
    assert deploy_ruby(source, files={f"vendor/bundle/ruby/3.1.0/{name}": text for name, text in gem.items()}).call() == ["from a gem", True]


def test_the_standard_library_is_there(deploy_ruby):
    assert deploy_ruby("""
        %w[json openssl net/http set date time yaml csv digest securerandom zlib bigdecimal erb tempfile open3 bundler psych socket].each { require _1 }
        def handler(event:, context:)
          [OpenSSL::Digest::SHA256.hexdigest(''), YAML.dump('a' => 1), OpenSSL::X509::Store.new.tap(&:set_default_paths).class.to_s]
        end
    """).call() == ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "---\na: 1\n", "OpenSSL::X509::Store"]


def test_the_context_tells_what_lambda_tells(deploy_ruby):
    function = deploy_ruby("""
        def handler(event:, context:)
          names = %i[aws_request_id invoked_function_arn log_group_name log_stream_name function_name memory_limit_in_mb function_version identity
                     client_context deadline_ms]
          names.to_h { |name| [name, context.public_send(name)] }.merge(remaining: context.get_remaining_time_in_millis, trace: ENV['_X_AMZN_TRACE_ID'])
        end
    """, Timeout=9)
    custom = {"client": {"app_title": "zoo"}, "custom": {"k": "v"}, "env": {}}
    answer = function.invoke(None, ClientContext=base64.b64encode(json.dumps(custom).encode()).decode())
    said = answer.payload
    assert said["aws_request_id"] == answer.request_id and said["function_name"] == function.name and said["function_version"] == "$LATEST"
    assert said["memory_limit_in_mb"] == str(MEMORY) and said["log_group_name"] == f"/aws/lambda/{function.name}" and "[$LATEST]" in said["log_stream_name"]
    assert said["invoked_function_arn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}"
    assert said["client_context"] == custom and said["identity"] is None
    assert 7_000 < said["remaining"] <= 9_000 and said["trace"].startswith("Root=1-")


def test_an_error_is_the_callers_answer_and_the_environment_goes_on(deploy_ruby):
    function = deploy_ruby("""
        $calls = 0
        class Trouble < StandardError; end
        def fail_for(event) = raise(event == 'own' ? Trouble : ArgumentError, 'too much')
        def handler(event:, context:)
          $calls += 1
          fail_for(event) if event
          $calls
        end
    """)
    for calls, (event, name) in enumerate([("plain", "ArgumentError"), ("own", "Trouble")]):
        answer = function.invoke(event)
        assert answer.status == 200 and answer.error == "Unhandled" and set(answer.payload) == {"errorType", "errorMessage", "stackTrace"}
        assert (answer.payload["errorType"], answer.payload["errorMessage"]) == (f"Function<{name}>", "too much")
        assert answer.payload["stackTrace"] == ["/var/task/app.rb:4:in `fail_for'", "/var/task/app.rb:7:in `handler'"]
        assert "Error raised from handler method" in answer.log and f'"errorType": "Function<{name}>"' in answer.log
    assert function.call() == 3


@pytest.mark.parametrize("body, name, message", [
    ("exit(0)", "SystemExit", "exit"),
    ("undefined_name", "NameError", "undefined local variable or method `undefined_name'"),
    ("nil.upcase", "NoMethodError", "undefined method `upcase' for nil:NilClass"),
    ("raise Exception, 'at the root'", "Exception", "at the root"),
    ("def deeper = deeper\n deeper", "SystemStackError", "stack level too deep"),
    ("raise \"\\xff\".b", "RuntimeError", "\N{REPLACEMENT CHARACTER}"),
])
def test_a_graver_error_is_reported_and_the_next_call_works(deploy_ruby, body, name, message):
    function = deploy_ruby(f"def handler(event:, context:)\n return 'fine' unless event\n {body}\nend")
    answer = function.invoke(1)
    assert answer.error == "Unhandled" and answer.payload["errorType"] == f"Function<{name}>" and answer.payload["errorMessage"].startswith(message)
    assert function.call() == "fine"


def test_what_other_threads_do_is_the_calls_when_it_is_awaited(deploy_ruby):
    function = deploy_ruby("""
        $calls = 0
        def handler(event:, context:)
          $calls += 1
          thread = Thread.new { event ? raise(ArgumentError, 'in another thread') : $calls }
          return thread.value unless event == 'uncaught'
          sleep 0.01 while thread.alive?
          $calls
        end
    """)
    assert function.call() == 1
    awaited = function.invoke("awaited")
    assert awaited.error == "Unhandled" and awaited.payload["stackTrace"][0].startswith("/var/task/app.rb:5:in ")
    assert (awaited.payload["errorType"], awaited.payload["errorMessage"]) == ("Function<ArgumentError>", "in another thread")
    uncaught = function.invoke("uncaught")
    assert uncaught.error is None and uncaught.payload == 3 and "in another thread (ArgumentError)" in uncaught.log


@pytest.mark.parametrize("status, reason", [(0, "Runtime exited without providing a reason"), (3, "Runtime exited with error: exit status 3")])
def test_a_handler_that_leaves_without_a_word_is_reported(deploy_ruby, status, reason):
    function = deploy_ruby(f"def handler(event:, context:) = event ? exit!({status}) : 'fine'")
    answer = function.invoke(1)
    assert answer.error == "Unhandled" and answer.payload == exit_error(answer.request_id, reason)
    assert function.call() == "fine"


@pytest.mark.parametrize("source, handler, type, message", [
    ("", "nothing.handler", "Init<LoadError>", "cannot load such file -- nothing"),
    ("require 'absent'", "app.handler", "Init<LoadError>", "cannot load such file -- absent"),
    ("", "app", "Init<ArgumentError>", 'Invalid handler ["app"], must be of form FILENAME.METHOD'),
    ("def handler(", "app.handler", "Init<SyntaxError>", "/var/task/app.rb:1: syntax error, unexpected end-of-input"),
    ("raise KeyError, 'at load'", "app.handler", "Init<KeyError>", "at load"),
    ("", "app.nothing", "Function<NoMethodError>", "undefined method `nothing' for main:Object"),
    ("", "app.Absent.run", "Function<NameError>", "uninitialized constant Absent"),
])
def test_a_function_that_cannot_be_loaded_is_told_why_each_time(deploy_ruby, source, handler, type, message):
    function = deploy_ruby(source, Handler=handler)
    for _ in range(2):
        answer = function.invoke()
        assert answer.error == "Unhandled" and set(answer.payload) == {"errorType", "errorMessage", "stackTrace"}
        assert answer.payload["errorType"] == type and answer.payload["errorMessage"].startswith(message)


def test_loggers_name_the_request_and_puts_does_not(deploy_ruby):
    answer = deploy_ruby("""
        require 'logger'
        LOGGER = Logger.new($stdout)
        FILE = Logger.new('/tmp/own.log')
        def handler(event:, context:)
          puts 'plain'
          warn 'aside'
          LOGGER.info('logged')
          LOGGER.error(ArgumentError.new('bad'))
          FILE.info('kept')
          File.read('/tmp/own.log').include?('kept')
        end
    """).invoke()
    assert answer.payload is True
    lines = answer.log.splitlines()
    assert "plain" in lines and "aside" in lines and not any("kept" in line for line in lines)
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} #\d+"
    assert any(re.fullmatch(rf"I, \[{time}\]  INFO {answer.request_id} -- : logged", line) for line in lines)
    assert any(re.fullmatch(rf"E, \[{time}\] ERROR {answer.request_id} -- : bad \(ArgumentError\)", line) for line in lines)


def test_a_json_log_is_one_object_a_line_from_its_level_up(deploy_ruby):
    answer = deploy_ruby("""
        require 'logger'
        def handler(event:, context:)
          log = Logger.new($stdout, progname: 'shop')
          log.info('not of the level')
          log.warn("two\\nlines")
          log.error(KeyError.new('deep'))
        end
    """, Environment={"Variables": {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}}).invoke()
    warned, failed = [json.loads(line) for line in answer.log.splitlines() if line.startswith("{") and '"requestId"' in line]
    assert {**warned, "timestamp": ""} == {"timestamp": "", "level": "WARN", "message": "two\nlines", "requestId": answer.request_id, "logger": "shop"}
    assert (failed["level"], failed["message"], failed["errorType"], failed["errorMessage"]) == ("ERROR", "deep", "KeyError", "deep")


def test_a_framed_log_keeps_records_whole(deploy_ruby):
    function = deploy_ruby("""
        require 'base64'
        require 'logger'
        def handler(event:, context:)
          puts 'two', 'lines'
          Logger.new($stderr).warn("and\\nmore")
          [ENV.key?('_LAMBDA_TELEMETRY_LOG_FD'), Base64.encode64(File.binread('/tmp/frames'))]
        end
    """, files={"wrap": FRAMED}, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}})
    answer = function.invoke()
    told, frames = answer.payload
    frames = records(base64.b64decode(frames))
    assert told is False and frames[0].text == "two\nlines\n" and frames[1].text.endswith(f" WARN {answer.request_id} -- : and\nmore\n")
    assert all(frame.type == 0xa55a0003 and frame.is_recent for frame in frames) and len(frames) == 2


def test_a_payload_of_almost_six_megabytes_passes_both_ways(deploy_ruby):
    text = "ä" * 100 + "x" * 5_900_000
    assert deploy_ruby("def handler(event:, context:) = event").call({"text": text}) == {"text": text}


def test_an_answer_that_is_too_large_is_refused_and_the_environment_goes_on(deploy_ruby):
    function = deploy_ruby("$calls = 0\ndef handler(event:, context:) = [$calls += 1, 'x' * event]")
    answer = function.invoke(7_000_000)
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert function.call(1) == [2, "x"]


def test_an_answer_that_json_cannot_say_is_an_error(deploy_ruby):
    answer = deploy_ruby("def handler(event:, context:) = Float::NAN").invoke()
    assert answer.error == "Unhandled" and answer.payload["errorType"] == "Function<JSON::GeneratorError>"


def test_what_can_be_read_is_sent_as_it_is(deploy_ruby):
    function = deploy_ruby("require 'stringio'\ndef handler(event:, context:) = StringIO.new('not json')")
    answer = function.client.invoke(FunctionName=function.name)
    assert answer["Payload"].read() == b"not json" and "FunctionError" not in answer


def test_a_wrapper_starts_the_runtime(deploy_ruby):
    wrapper = "#!/bin/bash\nexport WRAPPED=$(basename \"$1\")\nexec \"$@\"\n"
    function = deploy_ruby("def handler(event:, context:) = ENV['WRAPPED']", files={"wrap": (wrapper, 0o100755)},
                           Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}})
    assert function.call() == "ruby"


def test_the_sample_is_what_its_page_says(deploy_ruby):
    function = deploy_ruby((REPOSITORY / "samples/ruby-invoice/invoice.rb").read_text(), name="invoice.rb", Handler="invoice.Invoice.total")
    lines = [{"price": "0.10", "count": 3, "tax": "19"}, {"price": "10.00", "count": 1, "tax": "7"}]
    answer = function.invoke({"number": 7, "lines": lines})
    assert answer.payload == {"net": "10.3", "taxes": {"19": "0.06", "7": "0.7"}, "gross": "11.06"}
    assert f" INFO {answer.request_id} -- : invoice 7, 2 lines, " in answer.log
    assert function.invoke({"number": 8, "lines": []}).payload["errorType"] == "Function<Invoice::EmptyInvoice>"


def test_a_version_of_ruby_that_is_not_here_is_refused_by_name(deploy_ruby, client):
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=r"ruby3\.4 is not installed on this host\. Available here: .*ruby3\.1"):
        deploy_ruby(Runtime="ruby3.4")

"""Extensions: this release runs none, so files where they would be must stay files, and their API must not answer.

When extensions come, what they may not do belongs here: never ready, wrong phase, floods, exit.
"""

import pytest
from functions import make_zip

EXTENSION_MARK = "extension-ran"
PROGRAM = f"#!/bin/sh\ntouch /tmp/{EXTENSION_MARK}; id > /tmp/{EXTENSION_MARK}; sleep 600\n"
HANDLER = f"""
import glob, os, subprocess, urllib.request

def status(method, path, body=b"{{}}", headers={{}}):
    request = urllib.request.Request("http://169.254.100.1:9001" + path, body if method != "GET" else None, headers, method=method)
    try: return urllib.request.urlopen(request, timeout=5).status
    except urllib.error.HTTPError as error: return error.code

def handler(event, context):
    return eval(event)
"""


@pytest.fixture
def extended(arena):
    """A function with a program where extensions lie, from a layer."""
    layer = arena.layer("extensions", {"extensions/rogue": (PROGRAM, 0o100755), "extensions/nested/deep": (PROGRAM, 0o100755), "extensions/broken": ("\x7fELF", 0o100755)})
    return arena(zip=make_zip({"app.py": HANDLER, "extensions/own": (PROGRAM, 0o100755)}), Layers=[layer])


def test_a_file_in_opt_extensions_is_not_run(arena, extended):
    assert arena.strike(extended, "sorted(os.listdir('/opt/extensions'))") == ["broken", "nested", "rogue"]
    assert arena.strike(extended, "[os.path.exists(f'/tmp/" + EXTENSION_MARK + "'), sorted(n for n in os.listdir('/proc') if n.isdigit() and int(n) != os.getpid() and n != '1')]") == [False, []]


def test_a_program_there_has_no_right_that_the_function_has_not(arena, extended):
    told = arena.strike(extended, "(subprocess.Popen(['/opt/extensions/rogue']), __import__('time').sleep(0.5), open('/tmp/" + EXTENSION_MARK + "').read())[2]")
    assert told.startswith("uid=993(sbx_user1051) gid=990(sbx_user1051)") and "0(root)" not in told


@pytest.mark.parametrize("method, path", [
    ("POST", "/2020-01-01/extension/register"), ("GET", "/2020-01-01/extension/event/next"), ("POST", "/2020-01-01/extension/init/error"),
    ("POST", "/2020-01-01/extension/exit/error"), ("PUT", "/2022-07-01/telemetry"), ("PUT", "/2020-08-15/logs"), ("GET", "/2018-06-01/runtime/restore/next"),
    ("POST", "/2018-06-01/runtime/restore/error"),
])
def test_a_call_to_the_extensions_api_is_refused_in_the_midst_of_an_invocation(arena, extended, method, path):
    headers = {"Lambda-Extension-Name": "rogue", "Lambda-Extension-Identifier": "00000000-0000-0000-0000-000000000000", "Content-Type": "application/json"}
    assert arena.strike(extended, f"status({method!r}, {path!r}, headers={headers!r})") == 404
    # A telemetry subscription would have the host connect to an address of the function's choice.
    assert arena.strike(extended, "'and the invocation is as any other'") == "and the invocation is as any other"

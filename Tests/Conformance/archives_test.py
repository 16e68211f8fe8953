"""Uploads that mean harm: refused with a reason, and nothing of them reaches the disk."""

import io
import os
import stat
import zipfile

import pytest
from botocore.exceptions import ClientError
from functions import ROLE, make_zip

GOOD = {"app.py": "handler = lambda event, context: 1"}


def bomb(size, files=1):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(files):
            with archive.open(f"zeros-{number}", "w", force_zip64=True) as entry:
                for _ in range(size // files // 2**20):
                    entry.write(bytes(2**20))
    return buffer.getvalue()


ATTACKS = {
    "a path that climbs out": make_zip(GOOD | {"../../escaped": "x"}),
    "a path that climbs out midway": make_zip(GOOD | {"a/../../../escaped": "x"}),
    "an absolute path": make_zip(GOOD | {"/tmp/roost-escaped": "x"}),
    "a link that leaves the tree": make_zip(GOOD | {"way-out": ("../../../../etc", stat.S_IFLNK | 0o777)}),
    "an absolute link": make_zip(GOOD | {"way-out": ("/etc/shadow", stat.S_IFLNK | 0o777)}),
    "a file through a link": make_zip(GOOD | {"way-out": ("..", stat.S_IFLNK | 0o777), "way-out/escaped": "x"}),
    "a block device": make_zip(GOOD | {"disk": ("", stat.S_IFBLK | 0o666)}),
    "a character device": make_zip(GOOD | {"console": ("", stat.S_IFCHR | 0o666)}),
    "a fifo": make_zip(GOOD | {"pipe": ("", stat.S_IFIFO | 0o666)}),
    "a file over a directory": make_zip(GOOD | {"a/b": "x", "a": "y"}),
    "a bomb": bomb(400 * 2**20),
    "a bomb in many files": bomb(300 * 2**20, files=100),
    "no zip at all": b"this is not a zip file",
    "an empty body": b"",
    "a zip cut in half": make_zip(GOOD | {"data": bytes(range(256)) * 100})[:-200],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_zip_is_refused(client, host, attack):
    try:
        with pytest.raises(ClientError) as refused:
            client.create_function(FunctionName="hostile", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": ATTACKS[attack]})
        assert refused.value.response["Error"]["Code"] in ("InvalidParameterValueException", "InvalidZipFileException", "ValidationException")
        assert refused.value.response["Error"]["Message"]
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_function(FunctionName="hostile")
    finally:
        try:
            client.delete_function(FunctionName="hostile")
        except client.exceptions.ResourceNotFoundException:
            pass  # as it should be
    assert not list(host.state.rglob("*escaped*"))


@pytest.mark.parametrize("attack", ["a path that climbs out", "a link that leaves the tree", "a bomb", "a block device"])
def test_a_hostile_layer_is_refused(client, attack):
    with pytest.raises(ClientError) as refused:
        client.publish_layer_version(LayerName="hostile", Content={"ZipFile": ATTACKS[attack]})
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert client.list_layer_versions(LayerName="hostile")["LayerVersions"] == []


def test_a_refused_update_leaves_the_function_as_it_was(client, deploy):
    function = deploy("handler = lambda event, context: 'as it was'")
    with pytest.raises(ClientError):
        client.update_function_code(FunctionName=function.name, ZipFile=ATTACKS["a path that climbs out"])
    assert function.call() == "as it was"


def test_a_zip_of_more_than_fifty_megabytes_is_refused(client):
    with pytest.raises(ClientError) as refused:
        client.create_function(FunctionName="hostile", Runtime="python3.11", Handler="app.handler", Role=ROLE,
                               Code={"ZipFile": make_zip(GOOD | {"noise": os.urandom(52_428_800)})})
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 413)


def test_links_within_the_tree_modes_and_directories_are_kept(deploy):
    function = deploy(zip=make_zip({
        "app.py": """
import os, subprocess
def handler(event, context):
    return [os.readlink("link"), open("link").read(), subprocess.run(["./tool"], capture_output=True, text=True).stdout, os.path.isdir("empty"),
            oct(os.stat("tool").st_mode), oct(os.stat("setuid").st_mode)]
""",
        "data/file": "content",
        "link": ("data/file", stat.S_IFLNK | 0o777),
        "tool": ("#!/bin/sh\necho ran\n", 0o100755),
        "setuid": ("", 0o104755),
        "empty/": ("", 0o40755),
    }))
    assert function.call() == ["data/file", "content", "ran\n", True, "0o100755", "0o100755"]


def test_code_and_layers_together_may_not_exceed_the_limit(client, deploy):
    layers = [deploy.layer(f"large-{number}", {"zeros": bytes(100 * 2**20), "n": str(number)}) for number in range(3)]
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        deploy("", Layers=layers)

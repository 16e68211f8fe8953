"""Uploads that mean harm: refused with a reason or made harmless, in bounded time, memory and disk, and nothing of them stays."""

import base64
import concurrent.futures
import contextlib
import io
import os
import re
import shutil
import stat
import struct
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from functions import ROLE, Deployer, make_zip, python_zip
from host import PROGRAMS, TIME_SCALE, Host, HostFailure, read, wait_until

GOOD = {"app.py": "handler = lambda event, context: 1"}
COULD_NOT = "Could not unzip uploaded file. Please check your file, then try to upload again."
LIMIT = 262_144_000


def bomb(size, files=1):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(files):
            with archive.open(f"zeros-{number}", "w", force_zip64=True) as entry:
                for _ in range(size // files // 2**20):
                    entry.write(bytes(2**20))
    return buffer.getvalue()


def patched(archive, position, *replacement):
    """The archive with a field of the directory's first entry overwritten; the directory is where the end record says."""
    archive = bytearray(archive)
    directory = struct.unpack_from("<I", archive, len(archive) - 6)[0]
    struct.pack_into(replacement[0], archive, directory + position, *replacement[1:])
    return bytes(archive)


def both_names(archive, name):
    """The first entry's name in the directory and before its data; of the same length as it was."""
    archive = bytearray(patched(archive, 46, f"{len(name)}s", name))
    archive[30:30 + len(name)] = name
    return bytes(archive)


def many_files(count):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number in range(count):
            archive.writestr(zipfile.ZipInfo(f"d{number % 100}/{number}"), b"")
    return buffer.getvalue()


def repeated(name, times):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(times):
            with contextlib.suppress(UserWarning):
                archive.writestr(zipfile.ZipInfo(name), f"{number}")
    return buffer.getvalue()


def overlapping():
    """Two entries that share the same compressed bytes: a kilobyte that many point at is a bomb."""
    archive = bytearray(make_zip({"aa": bytes(1000), "ab": bytes(1000)}))
    directory = struct.unpack_from("<I", archive, len(archive) - 6)[0]
    struct.pack_into("<I", archive, directory + 46 + 2 + 42, 0)  # the second entry's header is the first one's
    return bytes(archive)


def wide_lie(entries):
    """A 64-bit end record that promises so many entries."""
    archive = make_zip(GOOD | {"noise": os.urandom(100_000)})
    end = len(archive) - 22
    size, start = struct.unpack_from("<II", archive, end + 12)
    record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, entries, entries, size, start)
    return archive[:end] + record + struct.pack("<IIQI", 0x07064B50, 0, end, 1) + archive[end:]


def link(target):
    return target, stat.S_IFLNK | 0o777


COMPRESSED_SIZE, SIZE, FLAGS, METHOD, CHECKSUM, OFFSET = 20, 24, 8, 10, 16, 42

# name → (archive, what the message says besides that it could not be unpacked)
ATTACKS = {
    "a path that climbs out": (make_zip(GOOD | {"../../escaped": "x"}), '"../../escaped": leads upwards (..)'),
    "a path that climbs out midway": (make_zip(GOOD | {"a/../../../escaped": "x"}), '"a/../../../escaped": leads upwards (..)'),
    "an absolute path": (make_zip(GOOD | {"/tmp/roost-escaped": "x"}), '"/tmp/roost-escaped": is an absolute path'),
    "a name with a NUL": (both_names(make_zip({"app.pyXescaped": "x"}), b"app.py\0escaped"), "contains a NUL"),
    "a name that is no text": (both_names(make_zip({"escaped": "x"}), b"esc\xffped"), "is not UTF-8"),
    "a path of many levels": (make_zip(GOOD | {"d/" * 200 + "escaped": "x"}), "is more than 64 levels deep"),
    "a long name": (make_zip(GOOD | {"n" * 300: "x"}), "has a component of more than 255 bytes"),
    "a link that leaves the tree": (make_zip(GOOD | {"way-out": link("../../../../etc")}), '"way-out": is a link that leaves the archive'),
    "an absolute link": (make_zip(GOOD | {"way-out": link("/etc/shadow")}), '"way-out": is a link to an absolute path'),
    "a file through a link": (make_zip(GOOD | {"way-out": link("."), "way-out/escaped": "x"}), '"way-out/escaped": leads through'),
    "a chain of links": (make_zip(GOOD | {"a": link("."), "b": link("a/.."), "b/escaped": "x"}), '"b": is a link that goes down and up again'),
    "a chain of links and directories": (make_zip(GOOD | {"a/b/c/": ("", 0o40755), "a/b/c/up": link("../../.."), "x": link("a/b/c/up"),
                                                          "x/escaped": "x"}), '"x/escaped": leads through'),
    "a link over a directory": (make_zip(GOOD | {"d/x": "x", "d": link(".")}), '"d": is a directory and something else'),
    "a block device": (make_zip(GOOD | {"disk": ("", stat.S_IFBLK | 0o666)}), '"disk": is a device'),
    "a character device": (make_zip(GOOD | {"console": ("", stat.S_IFCHR | 0o666)}), '"console": is a device'),
    "a fifo": (make_zip(GOOD | {"pipe": ("", stat.S_IFIFO | 0o666)}), '"pipe": is a FIFO'),
    "a socket": (make_zip(GOOD | {"socket": ("", stat.S_IFSOCK | 0o666)}), '"socket": is a socket'),
    "a file over a directory": (make_zip(GOOD | {"a/b": "x", "a": "y"}), '"a": is a directory and something else'),
    "a bomb": (bomb(400 * 2**20), None),
    "a bomb in many files": (bomb(300 * 2**20, files=100), None),
    "a bomb that lies about its size": (patched(bomb(400 * 2**20), SIZE, "<I", 1000), '"zeros-0"'),
    "100,000 files": (many_files(100_000), "more than 65535 files and directories"),
    "overlapping entries": (overlapping(), "overlaps what follows"),
    "a file larger than it says": (patched(make_zip({"app.py": "x" * 500}), SIZE, "<I", 20), '"app.py"'),
    "a wrong checksum": (patched(make_zip(GOOD), CHECKSUM, "<I", 0), '"app.py"'),
    "damaged data": (make_zip({"data": os.urandom(100)}).replace(b"PK\3\4", b"PK\3\5", 1), '"data"'),
    "an encrypted entry": (patched(make_zip(GOOD), FLAGS, "<H", 1), '"app.py" is encrypted'),
    "another compression": (patched(make_zip(GOOD), METHOD, "<H", 14), '"app.py" is packed by method 14'),
    "an entry behind the end": (patched(make_zip(GOOD), OFFSET, "<I", 0x7FFFFFFF), "points behind the end"),
    "a zip64 record that promises much": (wide_lie(2**40), "promises 1099511627776 entries"),
    "a zip64 record that promises too much": (wide_lie(70_000), "end-of-directory records"),
    "a zip64 record that promises more than there is": (wide_lie(60_000), "end-of-directory records"),
    "no zip at all": (b"this is not a zip file", "no end-of-directory record"),
    "a zip cut in half": (make_zip(GOOD | {"data": os.urandom(20_000)})[:-200], "no end-of-directory record"),
    "a zip without its beginning": (make_zip(GOOD | {"data": os.urandom(20_000)})[200:], "the directory is not where its end record says"),
}


def expected_message(reason):
    return re.escape(f"Unzipped size must be smaller than {LIMIT} bytes") if reason is None else re.escape(COULD_NOT) + ".*" + re.escape(reason)


@contextlib.contextmanager
def nothing_stays(host):
    """Of the state directory, of processes, of control groups and volumes, but for the databases' own growth."""
    def picture():
        return {
            "artefacts": sorted(path.name for path in (host.state / "artifacts").iterdir()),
            "files": sorted(str(path) for path in host.state.rglob("*") if ".sqlite" not in path.name and "volumes" not in path.parts),
            "unpackers": [process for process in host.processes() if "roost-unpack" in (read(f"/proc/{process}/cmdline") or "")],
            "groups": len({path.name for group in host.control_groups() for path in group.iterdir() if path.is_dir()}),
        }
    before = picture()
    yield
    wait_until(lambda: picture() == before, 10, f"as it was: {before}")


@pytest.fixture
def function(deploy):
    return deploy("handler = lambda event, context: 'as it was'")


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_zip_is_refused(client, host, function, attack):
    archive, reason = ATTACKS[attack]
    assert function.call() == "as it was"
    digest = client.get_function(FunctionName=function.name)["Configuration"]["CodeSha256"]
    with nothing_stays(host):
        with pytest.raises(client.exceptions.InvalidParameterValueException, match=expected_message(reason)):
            client.update_function_code(FunctionName=function.name, ZipFile=archive)
        with pytest.raises(client.exceptions.InvalidParameterValueException, match=expected_message(reason)):
            client.publish_layer_version(LayerName="hostile", Content={"ZipFile": archive})
        with pytest.raises(client.exceptions.InvalidParameterValueException, match=expected_message(reason)):
            client.create_function(FunctionName="hostile", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": archive})
    assert client.list_layer_versions(LayerName="hostile")["LayerVersions"] == []
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="hostile")
    assert client.get_function(FunctionName=function.name)["Configuration"]["CodeSha256"] == digest
    assert function.call() == "as it was"
    assert not list(host.state.rglob("*escaped*")) and not os.path.exists("/tmp/roost-escaped")


def test_an_empty_zip_is_refused(client):
    for archive in (b"", make_zip({})):
        with pytest.raises(ClientError) as refused:
            client.publish_layer_version(LayerName="hostile", Content={"ZipFile": archive})
        assert refused.value.response["Error"]["Code"] in ("InvalidParameterValueException", "ValidationException")


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
        "setuid": ("", 0o106777),
        "empty/": ("", 0o40755),
    }))
    assert function.call() == ["data/file", "content", "ran\n", True, "0o100755", "0o100755"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_duplicate_names_the_last_counts_and_names_that_differ_in_case_are_two(deploy):
    duplicates = io.BytesIO()
    with zipfile.ZipFile(duplicates, "w") as archive:
        for text in ("first", "second"):
            archive.writestr("same", text)
        archive.writestr("SAME", "upper")
        archive.writestr("app.py", "handler = lambda event, context: [open(name).read() for name in ('same', 'SAME')]")
    assert deploy(zip=duplicates.getvalue()).call() == ["second", "upper"]


def test_a_bomb_in_a_zip_in_a_zip_is_a_file_like_another(deploy):
    nested = bomb(300 * 2**20)
    for _ in range(8):
        nested = make_zip({"inner.zip": nested})
    function = deploy(zip=make_zip({"app.py": "import os; handler = lambda event, context: os.listdir()", "inner.zip": nested}))
    assert sorted(function.call()) == ["app.py", "inner.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_ten_thousand_times_is_one_file(deploy, host):
    layer = deploy.layer_zip("repeated", repeated("again", 10_000))
    function = deploy("import os; handler = lambda event, context: [open('/opt/again').read(), os.listdir('/opt')]", Layers=[layer])
    assert function.call() == ["9999", ["again"]]


def test_code_and_layers_together_may_not_exceed_the_limit(client, deploy):
    layers = [deploy.layer(f"large-{number}", {"zeros": bytes(100 * 2**20), "n": str(number)}) for number in range(3)]
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        deploy("", Layers=layers)


def peak_memory(process):
    return int(re.search(r"VmHWM:\s+(\d+) kB", read(f"/proc/{process}/status"))[1]) * 1024


def test_the_daemon_answers_and_stays_small_while_bombs_are_unpacked():
    """On a host of its own, so that the peak is this test's."""
    with Host("--concurrency-limit", "20") as host:
        client = host.client()
        deployer = Deployer(client)
        function = deployer("handler = lambda event, context: 'still here'")
        # Just within the limit: these are unpacked whole, which takes the longest.
        archives = [make_zip({"zeros": bytes(240 * 2**20), "n": str(number)}) for number in range(3)]
        archives += [ATTACKS["a bomb that lies about its size"][0]] * 3
        with concurrent.futures.ThreadPoolExecutor(len(archives)) as executor:
            def publish(archive):
                try:
                    return client.publish_layer_version(LayerName="large", Content={"ZipFile": archive})["Version"]
                except client.exceptions.InvalidParameterValueException as refusal:
                    return str(refusal)
            publications = [executor.submit(publish, archive) for archive in archives]
            answers = 0
            while not all(publication.done() for publication in publications):
                begin = time.monotonic()
                assert function.call() == "still here"
                client.get_function(FunctionName=function.name)
                assert time.monotonic() - begin < 10 * TIME_SCALE
                answers += 1
        assert answers > 0
        assert sorted(result for result in (p.result() for p in publications) if isinstance(result, int)) == [1, 2, 3]
        assert all(COULD_NOT in result for result in (p.result() for p in publications) if isinstance(result, str))
        # A body of a few hundred KB makes files of 240 MB, of which the daemon has a piece at a time.
        assert peak_memory(host.supervisor()) < 200 * 2**20
        deployer.delete_all()


# ---- An unpacker that an archive has taken over ----

ROGUE = r"""
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int supervisor;

static void record(uint8_t kind, const void *payload, uint32_t length) {
  uint8_t head[5] = {kind, length, length >> 8, length >> 16, length >> 24};
  if (write(supervisor, head, 5) < 0 || write(supervisor, payload, length) < 0) exit(0);
}

static void file(const char *path, const char *text, uint64_t size) {
  uint8_t payload[4096] = {0};
  memcpy(payload + 1, &size, 8);
  memcpy(payload + 9, path, strlen(path));
  record(2, payload, 9 + strlen(path));
  if (*text) record(4, text, strlen(text));
}

static void link_to(const char *path, const char *target) {
  uint8_t payload[4096] = {strlen(path)};
  memcpy(payload + 2, path, strlen(path));
  memcpy(payload + 2 + strlen(path), target, strlen(target));
  record(3, payload, 2 + strlen(path) + strlen(target));
}

/* The archive says what to do: its last line. */
int main(void) {
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(9001), .sin_addr = {.s_addr = htonl(0xA9FE6401)}};
  supervisor = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(supervisor, (struct sockaddr *)&peer, sizeof peer) < 0) return 1;
  static char order[4096];
  uint64_t want = 24, got = 0;
  while (got < want) {
    ssize_t count = read(supervisor, order + got, sizeof order - 1 - got);
    if (count <= 0) return 1;
    got += count;
    if (got >= 24) { uint64_t length; memcpy(&length, order, 8); want = 24 + length; }
  }
  const char *what = order + 24;
  if (!strcmp(what, "climb")) file("../escaped", "x", 1);
  else if (!strcmp(what, "absolute")) file("/tmp/roost-escaped", "x", 1);
  else if (!strcmp(what, "link")) { link_to("out", "."); file("out/escaped", "x", 1); }
  else if (!strcmp(what, "link out")) link_to("out", "../../../../../..");
  else if (!strcmp(what, "endless data")) { file("f", "", sizeof order); for (;;) record(4, order, sizeof order); }
  else if (!strcmp(what, "crumbs")) { file("f", "", 1 << 27); for (;;) record(4, order, 1); }
  else if (!strcmp(what, "endless files")) for (;;) file("f", "", 0);
  else if (!strcmp(what, "endless names")) for (int i = 0;; i++) { char name[20]; sprintf(name, "f%d", i); file(name, "", 0); }
  else if (!strcmp(what, "huge file")) file("f", "x", 1ull << 40);
  else if (!strcmp(what, "garbage")) for (;;) if (write(supervisor, what, 8) < 0) return 0; else;
  else if (!strcmp(what, "huge record")) { uint8_t head[5] = {4, 255, 255, 255, 255}; write(supervisor, head, 5); for (;;) pause(); }
  else if (!strcmp(what, "early end")) { file("app.py", "", 2); }
  else if (!strcmp(what, "crash")) { file("app.py", "", 2); abort(); }
  else if (!strcmp(what, "memory")) for (;;) memset(malloc(1 << 20), 1, 1 << 20);
  else if (!strcmp(what, "processes")) { while (fork() >= 0) if (fork() < 0) break; }
  else if (!strcmp(what, "patience")) { file("app.py", "", 2); for (;;) pause(); }
  else if (!strcmp(what, "silence")) { shutdown(supervisor, SHUT_WR); for (;;) pause(); }
  else if (!strcmp(what, "escape")) {
    /* What else there is to try from in there. */
    FILE *out = fopen("/tmp/escaped", "w");
    char text[256];
    int outside = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in away = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {.s_addr = htonl(0x01010101)}};
    sprintf(text, "tmp %d, connect %d, uid %d, root %d, supervisor %d", out != NULL, connect(outside, (struct sockaddr *)&away, sizeof away) == 0,
            getuid(), access("/etc", F_OK) == 0, access("/var/task", F_OK) == 0);
    uint8_t payload[300] = {1};
    memcpy(payload + 3, text, strlen(text));
    record(6, payload, 3 + strlen(text));
  }
  return 0;
}
"""

ROGUES = {
    "climb": "leads upwards", "absolute": "is an absolute path", "link": "leads through something", "link out": "is a link that leaves the archive",
    "endless data": "data of no file", "endless files": "more than 65535 files", "endless names": "more than 65535 files",
    "crumbs": "a file in small pieces", "garbage": "a record of kind", "huge record": "a data record of 4294967295 bytes", "early end": "ended early", "crash": "ended early",
    "memory": "ended early", "processes": "ended early", "silence": "ended early",
    "escape": "tmp 0, connect 0, uid 993, root 0, supervisor 0",
}


def programs_without_unpacker(tmp_path_factory):
    programs = tmp_path_factory.mktemp("programs")
    for folder in (programs, *programs.parents):
        with contextlib.suppress(PermissionError):
            if folder.stat().st_uid == os.getuid() and folder != folder.parent and str(folder).startswith(tempfile.gettempdir() + "/"):
                folder.chmod(0o755)
    for name in ("roostd", "roost-supervisor", "roost-init"):
        shutil.copy2(PROGRAMS / name, programs / name)
    return programs


@pytest.fixture(scope="module")
def rogue_host(tmp_path_factory):
    """A host whose unpacker obeys the archives."""
    programs = programs_without_unpacker(tmp_path_factory)
    (programs / "rogue.c").write_text(ROGUE)
    subprocess.run(["cc", "-static", "-O1", "-w", "-o", programs / "roost-unpack", programs / "rogue.c"], check=True)
    with Host(programs=programs) as host:
        yield host


@pytest.mark.parametrize("what", ROGUES)
def test_an_unpacker_that_was_taken_over_harms_nobody(rogue_host, what):
    client = rogue_host.client()
    with nothing_stays(rogue_host):
        with pytest.raises(client.exceptions.InvalidParameterValueException, match=re.escape(COULD_NOT) + ".*" + re.escape(ROGUES[what])):
            client.publish_layer_version(LayerName="rogue", Content={"ZipFile": what.encode()})
    assert not list(rogue_host.state.rglob("*escaped*")) and not os.path.exists("/tmp/roost-escaped")


def test_a_file_that_says_it_is_huge_is_refused_by_the_daemon_too(rogue_host):
    client = rogue_host.client()
    with nothing_stays(rogue_host), pytest.raises(client.exceptions.InvalidParameterValueException, match=f"smaller than {LIMIT}"):
        client.publish_layer_version(LayerName="rogue", Content={"ZipFile": b"huge file"})


def test_an_unpacker_that_stays_silent_is_waited_for_a_minute_while_others_are_served(rogue_host):
    client = rogue_host.client(read_timeout=120 * TIME_SCALE)
    with nothing_stays(rogue_host), concurrent.futures.ThreadPoolExecutor() as executor:
        begin = time.monotonic()
        silent = executor.submit(client.publish_layer_version, LayerName="rogue", Content={"ZipFile": b"patience"})
        for _ in range(5):
            with pytest.raises(client.exceptions.InvalidParameterValueException, match="is an absolute path"):
                client.publish_layer_version(LayerName="rogue", Content={"ZipFile": b"absolute"})
        assert not silent.done()
        with pytest.raises(client.exceptions.InvalidParameterValueException, match="its unpacker took too long"):
            silent.result()
        assert time.monotonic() - begin > 55


def test_an_unpacker_that_cannot_be_started_is_the_hosts_fault(tmp_path_factory):
    programs = programs_without_unpacker(tmp_path_factory)
    (programs / "roost-unpack").write_text("no program")
    (programs / "roost-unpack").chmod(0o755)
    with Host(programs=programs) as host, nothing_stays(host):
        client = host.client()
        for _ in range(3):
            with pytest.raises(client.exceptions.ServiceException, match=r"no unpacker: it could not be started \(errno 8\)"):
                client.publish_layer_version(LayerName="good", Content={"ZipFile": make_zip(GOOD)})


def test_without_an_unpacker_the_daemon_does_not_start(tmp_path_factory):
    with pytest.raises(HostFailure, match="roost-unpack is missing"):
        with Host(programs=programs_without_unpacker(tmp_path_factory)):
            pass


def tool_archives(folder):
    """What is usual to make archives with, each of the same tree."""
    tree = folder / "tree"
    (tree / "bin").mkdir(parents=True)
    (tree / "\u00e9").mkdir()
    (tree / "app.py").write_text(TREE_HANDLER)
    (tree / "bin/tool").write_text("#!/bin/sh\necho ran\n")
    (tree / "bin/tool").chmod(0o755)
    (tree / "empty").touch()
    (tree / "\u00e9/\u00fc.txt").write_text("text\n")
    (tree / "zeros").write_bytes(bytes(300_000))
    def zipped(name, *options, **environment):
        subprocess.run(["zip", "-q", *options, "-r", folder / name, "."], cwd=tree, check=True, env=os.environ | environment)
        return (folder / name).read_bytes()
    yield "zip", zipped("zip.zip")
    yield "zip without a locale", zipped("c.zip", LC_ALL="C")
    yield "zip, stored, without directories", zipped("stored.zip", "-0", "-D")
    yield "zip, 64-bit", zipped("wide.zip", "-fz")
    streamed = subprocess.run(["zip", "-q", "-r", "-", "."], cwd=tree, check=True, stdout=subprocess.PIPE)
    yield "zip, streamed", streamed.stdout
    program = b"#!/bin/sh\nexit 1\n"
    yield "self-extracting", program + zipped("plain.zip")
    (folder / "adjusted.zip").write_bytes(program + zipped("plain.zip"))
    subprocess.run(["zip", "-qA", folder / "adjusted.zip"], check=True)
    yield "self-extracting, adjusted", (folder / "adjusted.zip").read_bytes()
    yield "Python's make_archive", Path(shutil.make_archive(str(folder / "made"), "zip", tree)).read_bytes()
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        yield f"Python, streamed, {compression}", python_streamed(tree, compression)
    yield "jar, its own manifest first", base64.b64decode(JAR)
    yield "Go's archive/zip", base64.b64decode(GO)
    yield "7-Zip", base64.b64decode(SEVEN_ZIP)
    yield "bsdtar", base64.b64decode(BSDTAR)


class Pipe(io.BytesIO):
    """What cannot be sought in: sizes follow the data."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise OSError

    tell = seek


def python_streamed(tree, compression):
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", compression) as archive:
        for path in sorted(tree.rglob("*")):
            archive.write(path, path.relative_to(tree))
    return pipe.getvalue()


TREE_HANDLER = """
import os, subprocess
def handler(event, context):
    tool = subprocess.run(["./bin/tool"], capture_output=True, text=True).stdout if os.access("bin/tool", os.X_OK) else "not executable"
    return [os.path.getsize("empty"), open("\u00e9/\u00fc.txt").read(), tool, sum(open("zeros", "rb").read())]
"""

# Made of the same tree by programs that a test machine need not have: `jar cf`, Go 1.19's archive/zip, `7z a`, `bsdtar -a -cf`.
JAR = (
        "UEsDBBQACAgIANqLd10AAAAAAAAAAAAAAAAJAAQATUVUQS1JTkYv/soAAAMAUEsHCAAAAAACAAAAAAAAAFBLAwQUAAgICADai3ddAAAAAAAAAAAAAAAAFAAAAE1FVEEtSU5GL01BTklG"
        "RVNULk1G803My0xLLS7RDUstKs7Mz7NSMNQz4OVyLkpNLElN0XWqBAqY6xnoGZoqaLikJmUm5mnycvFyAQBQSwcIHbOzmTgAAAA3AAAAUEsDBBQACAgIANKLd10AAAAAAAAAAAAAAAAG"
        "AAAAYXBwLnB5TU/NasMwDL7nKYRONgSn1w36BDvsskOhK8VxvqyBxDa2PLI+/ewOynSR0PcndcsWQxIKuadcxpiCQ87dhJlu1k8rksI3vPTkghfsol87qiUhrHT8JzGpeHVmM4yLHxrK"
        "l6qxUUrCNRSJRY4fqaCn5vIYtckyVYiWueYb65qP4qdB37an6/ubJqwZxD4IYYcrYscV/DgkoSZ4OldqtHIzX5C83KEYW5Qf1tUkwiv+LIcDXobWZmdkF9YmwU6qMlpae39Tf9w7Usg1"
        "ntP4ZOlL9wtQSwcIDfaimdEAAAAsAQAAUEsDBAoAAAgAAHqLd10AAAAAAAAAAAAAAAAEAAAAYmluL1BLAwQUAAgICAB6i3ddAAAAAAAAAAAAAAAACAAAAGJpbi90b29sU1bUT8rM0y/O"
        "4EpNzshXKErM4wIAUEsHCBCpyakVAAAAEwAAAFBLAwQKAAAIAAB6i3ddAAAAAAAAAAAAAAAABQAAAGVtcHR5UEsDBBQACAgIANKLd10AAAAAAAAAAAAAAAAFAAAAemVyb3PtwQENAAAA"
        "wqD3T20PBxQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPwYUEsHCPvisvYzAQAA4JME"
        "AFBLAwQKAAAIAAB6i3ddAAAAAAAAAAAAAAAAAwAAAMOpL1BLAwQUAAgICAB6i3ddAAAAAAAAAAAAAAAACQAAAMOpL8O8LnR4dCtJrSjhAgBQSwcIJ9rsNwcAAAAFAAAAUEsBAhQAFAAI"
        "CAgA2ot3XQAAAAACAAAAAAAAAAkABAAAAAAAAAAAAAAAAAAAAE1FVEEtSU5GL/7KAABQSwECFAAUAAgICADai3ddHbOzmTgAAAA3AAAAFAAAAAAAAAAAAAAAAAA9AAAATUVUQS1JTkYv"
        "TUFOSUZFU1QuTUZQSwECFAAUAAgICADSi3ddDfaimdEAAAAsAQAABgAAAAAAAAAAAAAAAAC3AAAAYXBwLnB5UEsBAgoACgAACAAAeot3XQAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAA"
        "vAEAAGJpbi9QSwECFAAUAAgICAB6i3ddEKnJqRUAAAATAAAACAAAAAAAAAAAAAAAAADeAQAAYmluL3Rvb2xQSwECCgAKAAAIAAB6i3ddAAAAAAAAAAAAAAAABQAAAAAAAAAAAAAAAAAp"
        "AgAAZW1wdHlQSwECFAAUAAgICADSi3dd++Ky9jMBAADgkwQABQAAAAAAAAAAAAAAAABMAgAAemVyb3NQSwECCgAKAAAIAAB6i3ddAAAAAAAAAAAAAAAAAwAAAAAAAAAAAAAAAACyAwAA"
        "w6kvUEsBAhQAFAAICAgAeot3XSfa7DcHAAAABQAAAAkAAAAAAAAAAAAAAAAA0wMAAMOpL8O8LnR4dFBLBQYAAAAACQAJAOcBAAARBAAAAAA="
)
GO = (
        "UEsDBBQACAAIAAAAAAAAAAAAAAAAAAAAAAAGAAAAYXBwLnB5TI/BasMwDIbveQqhkw3G6XWDPsEOu+ww6EpxHGUNJJaR5ZH16YczCD1JSL8+9HXzmlkUuDgodcjCkUrpRprgHtK4kBj6"
        "oaQOIielTe1rBwCgzAucn0681GQu6PthTn3b4tVBDFmr0I2r5qrnD6nkoFH21vqiI1eFeQIuPsTGMXgAXJt+3t7fLNBSCDCxAm0Uq4ZhIdwfEdIqCS5cfA5699+kZX6QQVqz/qJ1wJmS"
        "wa96OtFL38oUvW6K1guF0Vi3yzT91fxnHyRc0AHKcKTstfsLAAD//1BLBwgN9qKZ1gAAACwBAABQSwMEFAAIAAgAAAAAAAAAAAAAAAAAAAAAAAUAAABlbXB0eQEAAP//UEsHCAAAAAAF"
        "AAAAAAAAAFBLAwQUAAgICAAAAAAAAAAAAAAAAAAAAAAACQAAAMOpL8O8LnR4dCpJrSjhAgQAAP//UEsHCCfa7DcLAAAABQAAAFBLAwQUAAgACAAAAAAAAAAAAAAAAAAAAAAABQAAAHpl"
        "cm9z7MABDQAAAMIg+6e2xwcDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAICQBwAA//9Q"
        "SwcI++Ky9jcBAADgkwQAUEsDBBQACAAAAAAAAAAAAAAAAAAAAAAAAAAIAAAAYmluL3Rvb2wjIS9iaW4vc2gKZWNobyByYW4KUEsHCBCpyakTAAAAEwAAAFBLAwQUAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAgAAAGQvUEsBAhQAFAAIAAgAAAAAAA32opnWAAAALAEAAAYAAAAAAAAAAAAAAAAAAAAAAGFwcC5weVBLAQIUABQACAAIAAAAAAAAAAAABQAAAAAAAAAFAAAAAAAAAAAA"
        "AAAAAAoBAABlbXB0eVBLAQIUABQACAgIAAAAAAAn2uw3CwAAAAUAAAAJAAAAAAAAAAAAAAAAAEIBAADDqS/DvC50eHRQSwECFAAUAAgACAAAAAAA++Ky9jcBAADgkwQABQAAAAAAAAAA"
        "AAAAAACEAQAAemVyb3NQSwECFAMUAAgAAAAAAAAAEKnJqRMAAAATAAAACAAAAAAAAAAAAAAA7YHuAgAAYmluL3Rvb2xQSwECFAAUAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgAAAAAAAAAA"
        "AAAAAAA3AwAAZC9QSwUGAAAAAAYABgA3AQAAVwMAAAAA"
)
SEVEN_ZIP = (
        "UEsDBBQAAAAIANOLd10N9qKZ0QAAACwBAAAGAAAAYXBwLnB5TU/NasMwDL7nKYRPNgSn1w36BDvsssOgK8VxvqyBxDa2PLI+/eQVSnWR0PcndcuWYmaKpadSx5SjRyndhJmuLkwrssYP"
        "AvfkY2DsbF47kuIYVzo+SWyuQZ+UHcYlDA1VZ9G4xDXjEiunysePXNGTuNxHYwtPAtEyS751vvlo9TDo2/bz8v5mCGsBqRCZsMNXduMK9X9IhiQEOgk1Ob7ab3BZbtAKW+JfZcQkIWj1"
        "VQ8HvAytzd7yzsrYDDdpYbS09v6m79wbciwSr/L4YJlz9wdQSwMEFAAAAAAAe4t3XQAAAAAAAAAAAAAAAAQAAABiaW4vUEsDBAoAAAAAAHuLd10QqcmpEwAAABMAAAAIAAAAYmluL3Rv"
        "b2wjIS9iaW4vc2gKZWNobyByYW4KUEsDBAoAAAAAAHuLd10AAAAAAAAAAAAAAAAFAAAAZW1wdHlQSwMEFAAAAAgA04t3XfvisvZlAQAA4JMEAAUAAAB6ZXJvc+zBgQAAAACAoP2pF6kC"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGD24EAAAAAAAMj/tRFUVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV"
        "VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVYU9OBAAAAAAAPJ/bQRVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVWEPDgQAAAAA"
        "gPxfG0FVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVdqDAxIAAAAAQf9f9yNUAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAYCVBLAwQUAAAIAAB7i3ddAAAAAAAAAAAAAAAAAwAAAMOpL1BLAwQKAAAIAAB7i3ddJ9rsNwUAAAAFAAAACQAAAMOpL8O8LnR4dHRleHQK"
        "UEsBAj8DFAAAAAgA04t3XQ32opnRAAAALAEAAAYAJAAAAAAAAAAggKSBAAAAAGFwcC5weQoAIAAAAAAAAQAYAG6t3llwe90BAAAAAAAAAAAAAAAAAAAAAFBLAQI/AxQAAAAAAHuLd10A"
        "AAAAAAAAAAAAAAAEACQAAAAAAAAAEIDtQfUAAABiaW4vCgAgAAAAAAABABgANYaF+G973QEAAAAAAAAAAAAAAAAAAAAAUEsBAj8DCgAAAAAAe4t3XRCpyakTAAAAEwAAAAgAJAAAAAAA"
        "AAAggO2BFwEAAGJpbi90b29sCgAgAAAAAAABABgANYaF+G973QEAAAAAAAAAAAAAAAAAAAAAUEsBAj8DCgAAAAAAe4t3XQAAAAAAAAAAAAAAAAUAJAAAAAAAAAAggKSBUAEAAGVtcHR5"
        "CgAgAAAAAAABABgA6DiG+G973QEAAAAAAAAAAAAAAAAAAAAAUEsBAj8DFAAAAAgA04t3XfvisvZlAQAA4JMEAAUAJAAAAAAAAAAggKSBcwEAAHplcm9zCgAgAAAAAAABABgAIvvxWXB7"
        "3QEAAAAAAAAAAAAAAAAAAAAAUEsBAj8DFAAACAAAe4t3XQAAAAAAAAAAAAAAAAMAJAAAAAAAAAAQgO1B+wIAAMOpLwoAIAAAAAAAAQAYAOg4hvhve90BAAAAAAAAAAAAAAAAAAAAAFBL"
        "AQI/AwoAAAgAAHuLd10n2uw3BQAAAAUAAAAJACQAAAAAAAAAIICkgRwDAADDqS/DvC50eHQKACAAAAAAAAEAGADoOIb4b3vdAQAAAAAAAAAAAAAAAAAAAABQSwUGAAAAAAcABwBmAgAA"
        "SAMAAAAA"
)
BSDTAR = (
        "UEsDBBQAAAAAANKLd10AAAAAAAAAAAAAAAACACAALi9VVA0ABzx4BGtNeARrPHgEa3V4CwABBAAAAAAEAAAAAFBLAwQUAAgACADSi3ddAAAAAAAAAADgkwQABwAgAC4vemVyb3NVVA0A"
        "Bzx4BGtLeARrPHgEa3V4CwABBAAAAAAEAAAAAO3BAQ0AAADCoPdPbQ8HFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAA/BhQSwcI++Ky9jMBAADgkwQAUEsDBBQAAAgAAHqLd10AAAAAAAAAAAAAAAAFACAALi/DqS9VVA0AB5l3BGuadwRrmXcEa3V4CwABBAAAAAAEAAAAAFBL"
        "AwQUAAgACAB6i3ddAAAAAAAAAAAAAAAABwAgAC4vZW1wdHlVVA0AB5l3BGuadwRrmXcEa3V4CwABBAAAAAAEAAAAAAMAUEsHCAAAAAACAAAAAAAAAFBLAwQUAAgACADSi3ddAAAAAAAA"
        "AAAsAQAACAAgAC4vYXBwLnB5VVQNAAc8eARrS3gEazx4BGt1eAsAAQQAAAAABAAAAABNT81qwzAMvucphE42BKfXDfoEO+yyQ6ErxXG+rIHENrY8sj797A7KdJHQ9yd1yxZDEgq5p1zG"
        "mIJDzt2EmW7WTyuSwje89OSCF+yiXzuqJSGsdPwnMal4dWYzjIsfGsqXqrFRSsI1FIlFjh+poKfm8hi1yTJViJa55hvrmo/ip0Hftqfr+5smrBnEPghhhytixxX8OCShJng6V2q0cjNf"
        "kLzcoRhblB/W1STCK/4shwNehtZmZ2QX1ibBTqoyWlp7f1N/3DtSyDWe0/hk6Uv3C1BLBwgN9qKZ0QAAACwBAABQSwMEFAAAAAAAeot3XQAAAAAAAAAAAAAAAAYAIAAuL2Jpbi9VVA0A"
        "B5l3BGuadwRrmXcEa3V4CwABBAAAAAAEAAAAAFBLAwQUAAgACAB6i3ddAAAAAAAAAAATAAAACgAgAC4vYmluL3Rvb2xVVA0AB5l3BGuadwRrmXcEa3V4CwABBAAAAAAEAAAAAFNW1E/K"
        "zNMvzuBKTc7IVyhKzOMCAFBLBwgQqcmpFQAAABMAAABQSwMEFAAICAgAeot3XQAAAAAAAAAABQAAAAsAIAAuL8OpL8O8LnR4dFVUDQAHmXcEa5p3BGuZdwRrdXgLAAEEAAAAAAQAAAAA"
        "K0mtKOECAFBLBwgn2uw3BwAAAAUAAABQSwECFAMUAAAAAADSi3ddAAAAAAAAAAAAAAAAAgAgAAAAAAAAAAAA7UEAAAAALi9VVA0ABzx4BGtNeARrPHgEa3V4CwABBAAAAAAEAAAAAFBL"
        "AQIUAxQACAAIANKLd1374rL2MwEAAOCTBAAHACAAAAAAAAAAAACkgUAAAAAuL3plcm9zVVQNAAc8eARrS3gEazx4BGt1eAsAAQQAAAAABAAAAABQSwECFAMUAAAIAAB6i3ddAAAAAAAA"
        "AAAAAAAABQAgAAAAAAAAAAAA7UHIAQAALi/DqS9VVA0AB5l3BGuadwRrmXcEa3V4CwABBAAAAAAEAAAAAFBLAQIUAxQACAAIAHqLd10AAAAAAgAAAAAAAAAHACAAAAAAAAAAAACkgQsC"
        "AAAuL2VtcHR5VVQNAAeZdwRrmncEa5l3BGt1eAsAAQQAAAAABAAAAABQSwECFAMUAAgACADSi3ddDfaimdEAAAAsAQAACAAgAAAAAAAAAAAApIFiAgAALi9hcHAucHlVVA0ABzx4BGtL"
        "eARrPHgEa3V4CwABBAAAAAAEAAAAAFBLAQIUAxQAAAAAAHqLd10AAAAAAAAAAAAAAAAGACAAAAAAAAAAAADtQYkDAAAuL2Jpbi9VVA0AB5l3BGuadwRrmXcEa3V4CwABBAAAAAAEAAAA"
        "AFBLAQIUAxQACAAIAHqLd10QqcmpFQAAABMAAAAKACAAAAAAAAAAAADtgc0DAAAuL2Jpbi90b29sVVQNAAeZdwRrmncEa5l3BGt1eAsAAQQAAAAABAAAAABQSwECFAMUAAgICAB6i3dd"
        "J9rsNwcAAAAFAAAACwAgAAAAAAAAAAAApIE6BAAALi/DqS/DvC50eHRVVA0AB5l3BGuadwRrmXcEa3V4CwABBAAAAAAEAAAAAFBLBQYAAAAACAAIAKgCAACaBAAAAAA="
)


def test_what_usual_programs_make_is_unpacked(deploy, tmp_path):
    for maker, archive in tool_archives(tmp_path):
        # Who writes no modes makes nothing executable, as in AWS.
        tool = "not executable" if maker.startswith("jar") else "ran\n"
        assert deploy(zip=archive).call() == [0, "text\n", tool, 0], maker


def test_symbolic_links_by_zip_are_kept(deploy, tmp_path):
    (tmp_path / "app.py").write_text("import os\nhandler = lambda event, context: [os.readlink('link'), open('link').read()]")
    (tmp_path / "data").write_text("content")
    (tmp_path / "link").symlink_to("data")
    subprocess.run(["zip", "-qy", "links.zip", "app.py", "data", "link"], cwd=tmp_path, check=True)
    assert deploy(zip=(tmp_path / "links.zip").read_bytes()).call() == ["data", "content"]


def test_uploads_beyond_what_may_be_in_hand_are_told_to_come_again():
    """Of twelve large ones at once some are unpacked, the others throttled, and the daemon stays as small as two need."""
    with Host() as host:
        client = host.client()
        archive = make_zip({"noise": os.urandom(30 << 20)})
        def publish(number):
            try:
                return client.publish_layer_version(LayerName=f"large-{number}", Content={"ZipFile": archive})["Version"]
            except ClientError as refusal:
                return refusal.response
        with concurrent.futures.ThreadPoolExecutor(12) as executor:
            answers = list(executor.map(publish, range(12)))
        refusals = [answer for answer in answers if not isinstance(answer, int)]
        assert 0 < len(refusals) < len(answers)
        for refusal in refusals:
            assert refusal["Error"]["Code"] == "TooManyRequestsException"
            assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 429
            assert refusal["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "5"
        assert publish("again") == 1
        assert peak_memory(host.supervisor()) < 800 << 20


def test_artefacts_are_readable_in_the_sandboxes_of_their_function_alone(host, deploy):
    """Another uid of the range, on the host, reaches the trees only through a sandbox's mount."""
    deploy("handler = lambda event, context: 1")
    trees = list((host.state / "artifacts").iterdir())
    assert trees
    for path in (host.state / "artifacts", trees[0], trees[0] / "zip", trees[0] / "code"):
        for user in (2_000_000_001, 2_000_065_536, 65_534):
            done = subprocess.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "ls", path], capture_output=True, text=True)
            assert done.returncode != 0 and "Permission denied" in done.stderr, (path, done)

"""stress-ng, as Debian ships it, inside an environment: a program that pokes at every corner of the kernel ends by itself, and neither sandbox nor host is the worse for it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HANDLER = """
import os, subprocess
def handler(event, context):
    done = subprocess.run(["/opt/bin/stress-ng", *event, "--temp-path", "/tmp", "--oom-avoid", "--no-rand-seed"], capture_output=True, text=True)
    return [done.returncode, done.stdout + done.stderr, os.listdir("/tmp")]
"""
# Debian's own: the image has them.
IMAGE = re.compile(r"^(ld-linux|libc\.|libm\.|libpthread|libdl|librt)")
SUCCESS, FAILED, NO_RESOURCE, NOT_IMPLEMENTED = 0, 2, 3, 4

# What each stressor may say of itself: 0 is well, 2 a call that was refused where it counts on it, 3 and 4 that it was told beforehand. Where only a refusal is
# right, nothing else is expected.
STRESSORS = {
    "enosys": {SUCCESS}, "procfs": {SUCCESS}, "fork": {SUCCESS}, "vfork": {SUCCESS}, "clone": {SUCCESS, NOT_IMPLEMENTED}, "seccomp": {SUCCESS, NOT_IMPLEMENTED}, "prctl": {SUCCESS},
    "pidfd": {SUCCESS, FAILED}, "sockfd": {SUCCESS}, "mq": {SUCCESS, FAILED, NO_RESOURCE}, "inotify": {SUCCESS}, "unshare": {SUCCESS, NO_RESOURCE}, "mknod": {SUCCESS, FAILED, NOT_IMPLEMENTED},
    "set": {SUCCESS, FAILED}, "get": {SUCCESS}, "chroot": {NO_RESOURCE, NOT_IMPLEMENTED, SUCCESS}, "ptrace": {SUCCESS, NO_RESOURCE, NOT_IMPLEMENTED, FAILED},
    "key": {SUCCESS, NO_RESOURCE, NOT_IMPLEMENTED, FAILED}, "userfaultfd": {NO_RESOURCE, NOT_IMPLEMENTED, SUCCESS, FAILED}, "rawsock": {SUCCESS, NO_RESOURCE, NOT_IMPLEMENTED},
}


def closure(executable):
    """A program and the libraries that it loads, as a layer: /opt/bin and /opt/lib are in a function's paths."""
    files = {f"bin/{Path(executable).name}": (Path(executable).read_bytes(), 0o100755)}
    for path in re.findall(r"=> (/\S+)", subprocess.run(["ldd", executable], capture_output=True, text=True, check=True).stdout):
        if not IMAGE.match(Path(path).name):
            files[f"lib/{Path(path).name}"] = (Path(path).read_bytes(), 0o100755)
    return files


@pytest.fixture(scope="module")
def stressed(host, beginning):
    from arena import Arena

    executable = shutil.which("stress-ng")
    assert executable, "tools/install-packages --test"
    arena = Arena(host)
    yield arena, arena(HANDLER, Layers=[arena.layer("stress-ng", closure(executable))], MemorySize=1769, Timeout=60)
    arena.delete_all()
    beginning.assert_come_back()


@pytest.mark.parametrize("stressor", STRESSORS)
def test_a_stressor_ends_and_leaves_nothing(stressed, host, stressor):
    arena, function = stressed
    supervisor = host.supervisor()
    status, said, left = arena.strike(function, [f"--{stressor}", "1", "--timeout", "2s"])
    assert status in STRESSORS[stressor], said[-3000:]
    assert not re.search(r"(?m)^[^\n]*\b(segfault|SIGSEGV|kernel bug)\b", said), said
    assert left == [] or status != SUCCESS, left
    assert arena.strike(function, ["--cpu", "1", "--cpu-ops", "10"])[0] == SUCCESS, "the environment is as good as before"
    assert host.supervisor() == supervisor and len(arena.environments(function)) == 1
    assert os.path.exists(f"/proc/{arena.environments(function)[0]['hostProcessID']}")

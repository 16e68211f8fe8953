"""Disk: what /tmp is made of, what all of it together may take, and a host whose disk is full."""

import contextlib
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from functions import Deployer, Function
from host import PROGRAMS, TIME_SCALE, Host, wait_until

LOOK = """
    import os, time
    def handler(event, context):
        time.sleep(event or 0)
        space = os.statvfs("/tmp")
        entries = [line.split() for line in open("/proc/self/mounts")]
        return {"type": [entry[2] for entry in entries if entry[1] == "/tmp"][0], "entries": os.listdir("/tmp"),
                "bytes": space.f_bavail * space.f_frsize, "files": space.f_files}
"""

# Writes so many MB and has them on the disk; says how far it came, and what the kernel answered.
WRITE = """
    import os
    block = os.urandom(2**20)
    def handler(event, context):
        written = 0
        try:
            file = os.open("/tmp/fill", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            while written < event:
                os.write(file, block)
                os.fsync(file)
                written += 1
        except OSError as error:
            return [written, error.strerror]
        return [written, None]
"""

# Keeps a file, and says whether it is still what it was.
KEEP = """
    import hashlib, os
    content = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(2**15))
    def handler(event, context):
        if event == "write":
            with open("/tmp/kept", "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        with open("/tmp/kept", "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return file.read() == content
"""


def roost(host, *words):
    return json.loads(subprocess.run([PROGRAMS / "roost", *words, "--output", "json"], env=host.environment(),
                                     capture_output=True, text=True, check=True).stdout)


def refused(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]


@contextlib.contextmanager
def small_disk(megabytes):
    """A file system of its own, mounted for the test."""
    with tempfile.TemporaryDirectory(prefix="roost-disk-", dir="/var/tmp") as folder:
        image, mount = Path(folder, "image"), Path(folder, "mount")
        mount.mkdir()
        Path(folder).chmod(0o755)
        subprocess.run(["truncate", "-s", f"{megabytes}M", image], check=True)
        subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, mount], check=True)
        try:
            yield mount
        finally:
            # The kernel unmounts the volumes that were on it in its own time.
            wait_until(lambda: subprocess.run(["umount", mount], capture_output=True).returncode == 0, 20, "unmounted")


class SmallHost(Host):
    """A host whose state directory is on a small disk."""

    def __init__(self, disk, *options):
        super().__init__(*options)
        self.state.rmdir()
        self.state = Path(disk, "state")
        self.log = disk.parent / "roostd.log"

    def free(self):
        space = os.statvfs(self.state.parent)
        return space.f_bavail * space.f_frsize >> 20

    def fill(self, leaving=0):
        """Takes all of the disk but `leaving` MB."""
        with open(self.state.parent / "ballast", "ab", buffering=0) as ballast:
            position = ballast.tell()
            os.posix_fallocate(ballast.fileno(), position, max(1, (self.free() - leaving) << 20))
            if leaving == 0:
                with contextlib.suppress(OSError):
                    while True:
                        ballast.write(bytes(4096))

    def make_space(self):
        (self.state.parent / "ballast").unlink()


# ---- Backends ----


def test_tmp_is_on_disk_limited_in_bytes_and_files_and_new_for_each_environment(deploy):
    function = deploy(LOOK, EphemeralStorage={"Size": 700})
    first = function.call()
    assert first["type"] == "ext4" and first["entries"] == []
    assert 700 <= first["bytes"] / 2**20 < 705 and first["files"] < 50_000
    function.update(Description="another revision")
    assert function.call()["entries"] == []


def test_btrfs_on_request_limits_each_tmp_and_keeps_it_over_a_reset():
    if not Path("/sbin/mkfs.btrfs").exists() or "btrfs" not in Path("/proc/filesystems").read_text():
        pytest.skip("needs btrfs and mkfs.btrfs")
    with Host("--tmp-backend", "btrfs", "--disk-budget", "2048") as host:
        deployer = Deployer(host.client())
        assert deployer(LOOK).call()["type"] == "btrfs"
        writer = deployer(WRITE, Timeout=int(60 * TIME_SCALE), MemorySize=256)
        written, reason = writer.call(600)
        assert reason == "Disk quota exceeded" and 480 < written <= 512
        # Its neighbour has all of its own.
        assert deployer(WRITE, Timeout=int(60 * TIME_SCALE), MemorySize=256).call(100) == [100, None]
        keeper = deployer("""
            import os
            def handler(event, context):
                if event:
                    open("/tmp/kept", "w").write(event)
                    os._exit(1)
                return open("/tmp/kept").read()
        """)
        assert keeper.invoke("still there").error == "Unhandled"
        assert keeper.call() == "still there"
        host.stop()
        host.assert_nothing_left()


def test_a_function_cannot_make_subvolumes_that_its_limit_would_not_count():
    if not Path("/sbin/mkfs.btrfs").exists():
        pytest.skip("needs mkfs.btrfs")
    with Host("--tmp-backend", "btrfs", "--disk-budget", "1024") as host:
        answer = Deployer(host.client())("""
            import fcntl, os, struct
            def attempt(request, name, size):
                folder = os.open("/tmp", os.O_RDONLY)
                try:
                    fcntl.ioctl(folder, request, bytearray(struct.pack("<q", folder) + name.ljust(size - 8, b"\\0")))
                    return "made"
                except OSError as error:
                    return os.strerror(error.errno)
                finally: os.close(folder)
            def handler(event, context):
                # BTRFS_IOC_SUBVOL_CREATE, _SNAP_CREATE and their second versions.
                return [attempt(0x50009400 | number, b"sub%d" % number, 4096) for number in (14, 1, 24, 23)] + os.listdir("/tmp")
        """).call()
        assert answer == ["Operation not permitted"] * 4


def test_tmpfs_is_loud_and_counts_as_memory():
    with Host("--tmp-backend", "tmpfs") as host:
        deployer = Deployer(host.client())
        assert deployer(LOOK).call()["type"] == "tmpfs"
        assert "WARNING: /tmp is in memory" in host.log_text()
        function = deployer(WRITE, MemorySize=128)
        assert function.invoke(300).payload["errorType"] == "Runtime.OutOfMemory"


def test_leftover_subvolumes_and_volumes_of_a_killed_daemon_are_gone_after_the_next_start():
    with Host() as host:
        function = Deployer(host.client())(LOOK)
        function.call()
        host.kill_all()
        (host.state / "volumes/left").mkdir()
        host.start()
        assert not list((host.state / "volumes").iterdir())
        assert function.call()["entries"] == []


# ---- Budgets ----


def test_the_disk_budget_admits_environments_and_idle_ones_make_room():
    with Host("--disk-budget", "1200") as host:
        deployer = Deployer(host.client())
        first, second, third = deployer(LOOK), deployer(LOOK), deployer(LOOK, EphemeralStorage={"Size": 1024})
        first.call(), second.call()
        assert len(roost(host, "ps")) == 2
        # 1,024 MB beside two of 512 are too much: both idle ones go.
        third.call()
        assert [environment["function"]["name"] for environment in roost(host, "ps")] == [third.name]


def test_a_disk_budget_that_is_used_up_throttles_and_one_that_can_never_do_says_so():
    import concurrent.futures
    with Host("--disk-budget", "1200") as host:
        deployer = Deployer(host.client())
        busy, other, huge = deployer(LOOK, EphemeralStorage={"Size": 1024}), deployer(LOOK), deployer(LOOK, EphemeralStorage={"Size": 2048})
        busy.call()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running = pool.submit(busy.call, 4 * TIME_SCALE)
            wait_until(lambda: any(environment["state"] == "running" for environment in roost(host, "ps")), 10, "running")
            assert refused(other.call)["Code"] == "TooManyRequestsException"
            running.result()
        assert other.call()["type"] == "ext4", "the idle one made room"
        error = refused(huge.call)
        assert error["Code"] == "ServiceException" and "ephemeral storage is more than the host has" in error["Message"]


# ---- A full disk ----


def test_a_full_disk_refuses_what_is_new_in_words_and_serves_what_is_there():
    with small_disk(900) as disk, SmallHost(disk, "--disk-budget", "4096") as host:
        deployer = Deployer(host.client())
        keeper, idle, writer = deployer(KEEP), deployer(LOOK), deployer(WRITE)
        assert keeper.call("write") is True and writer.call(1) == [1, None]
        host.fill()

        # No code, with AWS's own error for it; nothing of it stays behind.
        error = refused(lambda: deployer(LOOK + "# new", name="late", wait=False))
        assert error["Code"] == "CodeStorageExceededException" and "disk" in error["Message"], error
        assert refused(lambda: host.client().get_function(FunctionName="late"))["Code"] == "ResourceNotFoundException"
        # No new environment.
        error = refused(idle.call)
        assert error["Code"] == "ServiceException" and "no space for another /tmp" in error["Message"], error
        # The environments that are there answer; writing fails inside, and elsewhere nothing is lost.
        written, reason = writer.call(64)
        assert written < 64 and reason in ("Input/output error", "No space left on device")
        for _ in range(20):
            assert keeper.call("look") is True
        # The daemon lives, and tells of its journal once.
        wait_until(lambda: "nothing is recorded until this is mended" in host.log_text(), 20, "said so")
        assert host.log_text().count("nothing is recorded until this is mended") == 1

        host.make_space()
        wait_until(lambda: recovers(keeper, host), 20, "recovered")
        assert idle.call()["type"] == "ext4"
        assert deployer(LOOK, name="late").call()["entries"] == []
        request = keeper.invoke("look").request_id
        assert roost(host, "invocations", "show", request)["outcome"] == "success"
        # The one whose disk failed is as good as new once it is another.
        writer.update(Description="a new environment")
        assert writer.call(10) == [10, None]


def recovers(function, host):
    assert function.call("look") is True
    return "journal.sqlite is written again" in host.log_text()


def test_below_the_reserve_nothing_new_begins_and_what_runs_goes_on():
    with small_disk(700) as disk, SmallHost(disk, "--disk-budget", "4096", "--disk-reserve", "200") as host:
        deployer = Deployer(host.client())
        warm, cold = deployer(WRITE), deployer(LOOK)
        assert warm.call(5) == [5, None]
        host.fill(leaving=150)
        assert "200 MB are kept back" in refused(lambda: deployer(LOOK + "# new", wait=False))["Message"]
        assert "no space for another /tmp" in refused(cold.call)["Message"]
        assert warm.call(50) == [50, None], "the reserve is for those"
        host.make_space()
        assert cold.call()["entries"] == []


def test_the_disk_budget_is_shown(host):
    facts = roost_admin(host)
    assert facts["diskBudget"]["bytes"] > 0 and facts["diskCommitted"]["bytes"] >= 0


def roost_admin(host):
    text = subprocess.run(["curl", "-s", "--unix-socket", host.state / "run/admin.sock", "http://roost/admin/host"],
                          capture_output=True, text=True, check=True).stdout
    return json.loads(text)["capacity"]


def test_configuration_of_the_disk_is_checked():
    for option, value in [("--tmp-backend", "zfs"), ("--disk-budget", "100"), ("--disk-reserve", "much")]:
        run = subprocess.run([PROGRAMS / "roost-supervisor", "resolve-configuration", option, value], capture_output=True, text=True)
        assert run.returncode == 78 and re.search(option[2:] + " " + value, run.stderr), run

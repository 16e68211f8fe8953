"""What a function sees around itself: the sandbox, from within."""

import pytest

INSIDE = """
    import os, re, resource, subprocess, sys

    def status(name):
        return re.search(rf"^{name}:\\s*(.*)$", open("/proc/self/status").read(), re.M).group(1)

    def refused(action):
        try:
            action()
        except OSError as error:
            return error.strerror
        return "allowed"

    def handler(event, context):
        return eval(event)
"""


@pytest.fixture(scope="module")
def inside(client):
    """Evaluates one Python expression in a function with two layers and 512 MB of /tmp."""
    from functions import Deployer

    deployer = Deployer(client)
    layers = [
        deployer.layer("lower", {"python/shared.py": "VALUE = 'lower'", "python/lower.py": "VALUE = 1", "bin/tool": ("#!/bin/sh\necho lower\n", 0o100755)}),
        deployer.layer("upper", {"python/shared.py": "VALUE = 'upper'", "upper.txt": "upper"}),
    ]
    function = deployer(INSIDE, Layers=layers, MemorySize=256, Environment={"Variables": {"COLOUR": "blue", "LANG": "C.UTF-8"}})
    yield function.call
    deployer.delete_all()


def test_it_runs_as_sbx_user1051(inside):
    assert inside("[os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.getgroups()]") == [993, 993, 990, 990, []]
    assert inside("subprocess.run(['id'], capture_output=True, text=True).stdout").startswith("uid=993(sbx_user1051) gid=990(sbx_user1051)")


@pytest.mark.parametrize("field, value", [
    ("CapEff", "0000000000000000"), ("CapPrm", "0000000000000000"), ("CapInh", "0000000000000000"), ("CapBnd", "0000000000000000"),
    ("CapAmb", "0000000000000000"), ("NoNewPrivs", "1"), ("Seccomp", "2"),
])
def test_it_has_no_privilege_and_can_gain_none(inside, field, value):
    assert inside(f"status('{field}')") == value


def test_it_sees_its_own_processes_only(inside):
    visible = inside("sorted(int(name) for name in os.listdir('/proc') if name.isdigit())")
    # roost-init may be hidden from it, and it may see itself; there is nobody else.
    assert set(visible) <= {1, *range(2, 10)} and 1 <= len(visible) <= 2
    assert inside("os.getpid()") < 10 and inside("os.getppid()") in (0, 1)


def test_it_is_in_namespaces_of_its_own(inside):
    import os

    for name in ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]:
        assert inside(f"os.readlink('/proc/self/ns/{name}')") != os.readlink(f"/proc/self/ns/{name}")


def test_its_user_namespace_maps_one_user_and_no_root(inside):
    lines = inside("open('/proc/self/uid_map').read().split()")
    assert lines[0] == "993" and lines[2] == "1" and len(lines) == 3
    assert int(lines[1]) > 65535


def test_it_has_loopback_and_one_device(inside):
    assert inside("sorted(line.split(':')[0].strip() for line in open('/proc/self/net/dev').readlines()[2:])") == ["eth0", "lo"]
    # The tests' host has no way out itself.
    assert "unreachable" in inside("refused(lambda: __import__('socket').create_connection(('192.0.2.1', 80), 2))")


def test_it_cannot_reach_the_hosts_own_loopback(inside, host):
    assert "refused" in inside(f"refused(lambda: __import__('socket').create_connection(('127.0.0.1', {host.port}), 2))")


@pytest.mark.parametrize("place", ["/", "/etc", "/var/task", "/opt", "/opt/python", "/var/runtime", "/usr/bin", "/dev", "/var/tmp"])
def test_it_cannot_write_outside_tmp(inside, place):
    assert inside(f"refused(lambda: open('{place}/new', 'w'))") in ("Read-only file system", "Permission denied")


@pytest.mark.parametrize("place", ["/", "/var/task", "/opt", "/var/runtime", "/proc"])
def test_its_file_systems_are_read_only(inside, place):
    assert inside(f"bool(os.statvfs('{place}').f_flag & os.ST_RDONLY)")


def test_code_and_layers_are_not_its_own_and_may_be_read(inside):
    assert inside("[[s.st_uid == os.getuid(), oct(s.st_mode)] for s in map(os.stat, ['/var/task', '/opt'])]") == [[False, "0o40755"]] * 2


def test_layers_are_merged_in_order(inside):
    assert inside("__import__('shared').VALUE") == "upper"
    assert inside("__import__('lower').VALUE") == 1
    assert inside("sorted(os.listdir('/opt'))") == ["bin", "python", "upper.txt"]
    assert inside("subprocess.run(['tool'], capture_output=True, text=True).stdout") == "lower\n"


def test_tmp_is_its_own_and_of_the_size_asked_for(inside):
    size = inside("[os.statvfs('/tmp').f_blocks * os.statvfs('/tmp').f_frsize, oct(os.stat('/tmp').st_mode), os.listdir('/tmp')]")
    assert 0.9 * 512 * 2**20 <= size[0] <= 1.05 * 512 * 2**20
    assert size[1:] == ["0o41777", []]


def test_its_devices_are_the_harmless_ones(inside):
    assert inside("sorted(name for name in os.listdir('/dev') if not os.path.islink('/dev/' + name) and not os.path.isdir('/dev/' + name))") == \
        ["full", "null", "random", "urandom", "zero"]
    assert inside("os.path.exists('/sys/kernel')") is False


def test_its_limits_are_lambdas(inside):
    assert inside("resource.getrlimit(resource.RLIMIT_NOFILE)") == [1024, 1024]
    assert inside("resource.getrlimit(resource.RLIMIT_MEMLOCK)") == [65536, 65536]


def test_its_environment_is_lambdas(inside):
    environment = inside("dict(os.environ)")
    expected = {
        "_HANDLER": "app.handler", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_RUNTIME_API": "169.254.100.1:9001",
        "LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime", "TZ": ":UTC", "PYTHONPATH": "/var/runtime",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        "COLOUR": "blue", "LANG": "C.UTF-8",
    }
    assert {name: environment.get(name) for name in expected} == expected
    name = environment["AWS_LAMBDA_FUNCTION_NAME"]
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == f"/aws/lambda/{name}"
    assert "[$LATEST]" in environment["AWS_LAMBDA_LOG_STREAM_NAME"]
    assert "HOME" not in environment


def test_its_zone_is_told_to_who_has_the_token(inside):
    ask = ("__import__('urllib.request').request.urlopen(__import__('urllib.request').request.Request('http://' + os.environ['AWS_LAMBDA_METADATA_API']"
           " + '/2026-01-15/metadata/execution-environment', headers={'Authorization': 'Bearer ' + os.environ['AWS_LAMBDA_METADATA_TOKEN']})).read().decode()")
    assert inside(ask) == '{"AvailabilityZoneID":"use1-az1"}'


def test_the_sandboxs_names_are_its_own(inside):
    for name in ["sandbox", "sandbox.localdomain"]:
        assert inside(f"__import__('socket').gethostbyname('{name}')") == "127.0.0.1"


def test_it_has_no_credentials_that_are_good_for_nothing(inside):
    """This host maps no role to credentials (see credentials_test.py); made-up keys would only move the error to where nobody understands it."""
    environment = inside("dict(os.environ)")
    assert not any(environment.get(f"AWS_{name}") for name in ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"])


def test_it_starts_in_the_task_directory_with_lambdas_search_path(inside):
    assert inside("os.getcwd()") == "/var/task"
    assert inside("sys.path[:4]") == ["/var/task", "/opt/python/lib/python3.11/site-packages", "/opt/python", "/var/runtime"]
    assert inside("__import__('boto3').__file__").startswith("/var/runtime/")


@pytest.mark.parametrize("action", [
    "os.setuid(0)", "os.chroot('/tmp')", "os.mkfifo('/var/task/x')", "os.mknod('/tmp/disk', 0o60600, os.makedev(8, 0))",
    "os.setpriority(os.PRIO_PROCESS, 0, -5)",
    "open('/proc/sys/kernel/hostname', 'w')", "open('/proc/sysrq-trigger', 'w')", "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
])
def test_dangerous_calls_are_refused(inside, action):
    assert inside(f"refused(lambda: {action})") != "allowed"


@pytest.mark.parametrize("name", ["mount", "umount2", "unshare", "setns", "ptrace", "bpf", "kexec_load", "keyctl", "init_module", "io_uring_setup"])
def test_system_calls_that_functions_do_not_need_are_refused(inside, name):
    numbers = dict(mount=165, umount2=166, unshare=272, setns=308, ptrace=101, bpf=321, kexec_load=246, keyctl=250, init_module=175, io_uring_setup=425)
    answer = inside(f"(lambda libc: [libc.syscall({numbers[name]}, 0, 0, 0, 0, 0), __import__('ctypes').get_errno()])"
                    "(__import__('ctypes').CDLL(None, use_errno=True))")
    assert answer[0] == -1 and answer[1] in (1, 38), "expected EPERM or ENOSYS"

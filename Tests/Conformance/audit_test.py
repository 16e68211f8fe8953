"""`roost audit` says from outside what the function sees from inside; neither believes the other."""

import json
import os
import subprocess
import tempfile

import pytest
from host import PROGRAMS, REPOSITORY, RUNTIMES, Host

# What a function finds out about itself, in the shape in which the audit says it.
INSIDE = """
    import ctypes, errno, os, platform, re

    libc = ctypes.CDLL(None, use_errno=True)

    def read(path):
        try:
            return open(path).read()
        except OSError as error:
            return errno.errorcode[error.errno]

    def answer(number):
        ctypes.set_errno(0)
        # Arguments that are wrong for every call: what passes the filter fails behind it, and changes nothing.
        done = libc.syscall(number, *[ctypes.c_long(-1)] * 6)
        return errno.errorcode[ctypes.get_errno()] if done == -1 else "ok"

    def proc(name):
        try:
            entries = os.listdir("/proc/" + name) if os.path.isdir("/proc/" + name) else open("/proc/" + name, "rb").read(1)
        except OSError as error:
            return errno.errorcode[error.errno]
        return "readable" if entries else "empty"

    def attempt(action):
        try:
            action()
            return "done"
        except OSError as error:
            return errno.errorcode[error.errno]

    def handler(event, context):
        status = dict(line.split(":", 1) for line in read("/proc/self/status").splitlines())
        return {
            "status": {name: " ".join(value.split()) for name, value in status.items()},
            "userMap": read("/proc/self/uid_map").split(), "groupMap": read("/proc/self/gid_map").split(),
            "setGroups": read("/proc/self/setgroups").strip(),
            "mounts": [[line.split()[4], line.split(" - ")[1].split()[0], line.split()[5]] for line in read("/proc/self/mountinfo").splitlines()],
            "descriptors": {name: os.readlink("/proc/self/fd/" + name) for name in ["0", "1", "2"]},
            "numbers": sorted(int(name) for name in os.listdir("/proc/self/fd") if os.path.lexists("/proc/self/fd/" + name)),
            "limits": read("/proc/self/limits"),
            "namespaces": {name: os.readlink("/proc/self/ns/" + name) for name in os.listdir("/proc/self/ns")},
            "devices": sorted(os.listdir("/dev")),
            "proc": {name: proc(name) for name in os.listdir("/proc") if not name.isdigit() and name not in ("self", "thread-self")},
            "interfaces": [line.split(":")[0].strip() for line in read("/proc/self/net/dev").splitlines()[2:]],
            "variables": sorted(os.environ),
            "calls": {name: answer(number) for name, number in event.items()},
            "device node": attempt(lambda: os.mknod("/tmp/device", 0o60666, os.makedev(8, 0))),
        }
"""

# By number on x86-64: those that must not pass, and some that must.
REFUSED = dict(mount=165, umount2=166, pivot_root=155, chroot=161, unshare=272, setns=308, ptrace=101, bpf=321, keyctl=250, add_key=248, kcmp=312,
               perf_event_open=298, userfaultfd=323, io_uring_setup=425, io_setup=206, process_vm_readv=310, open_by_handle_at=304, memfd_secret=447,
               vmsplice=278, init_module=175, kexec_load=246, clone3=435, fsopen=430, open_tree=428, quotactl=179, syslog=103, name_to_handle_at=303)


def audit(host, *arguments, status=0, user=None):
    run = subprocess.run([PROGRAMS / "roost", "audit", *arguments], env=host.environment(), capture_output=True, text=True, timeout=60, user=user)
    assert run.returncode == status, (run.stdout, run.stderr)
    return run


@pytest.fixture(scope="module")
def views(host, client):
    """The same environment twice: what the function says, and what the audit says."""
    from functions import Deployer

    deployer = Deployer(client)
    function = deployer(INSIDE, MemorySize=256)
    inside = function.call(REFUSED)
    report = json.loads(audit(host, "--function", function.name, "--output", "json").stdout)
    yield inside, report["environments"][0], report, function
    deployer.delete_all()


@pytest.fixture(scope="module")
def inside(views):
    return views[0]


@pytest.fixture(scope="module")
def outside(views):
    return views[1]


@pytest.fixture(scope="module")
def runtime(outside):
    """The one process beside process 1."""
    (process,) = [process for process in outside["processes"] if process["innerID"] != 1]
    return process


def test_every_promise_holds_and_none_is_unknown(views):
    report = views[2]
    promises = report["host"]["promises"] + report["environments"][0]["promises"]
    assert len(promises) > 20
    assert [promise for promise in promises if promise["verdict"] != "holds"] == []


@pytest.mark.parametrize("field", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters"])
def test_both_see_the_same_privileges(inside, runtime, field):
    assert inside["status"][field] == runtime["status"][field]


def test_both_see_the_same_map_and_other_numbers(inside, outside, runtime):
    assert inside["userMap"] == outside["identity"]["userMap"].split()
    assert inside["groupMap"] == outside["identity"]["groupMap"].split()
    assert inside["setGroups"] == outside["identity"]["setGroups"] == "deny"
    assert inside["status"]["Uid"] == "993 993 993 993" and runtime["status"]["Uid"] == " ".join([inside["userMap"][1]] * 4)
    assert inside["status"]["Groups"] == "" == runtime["status"]["Groups"]


def test_both_see_the_same_mounts(inside, outside):
    assert sorted(inside["mounts"]) == sorted([mount["point"], mount["type"], ",".join(mount["options"])] for mount in outside["mounts"])


def test_both_see_the_same_descriptors(inside, runtime):
    seen = {str(one["number"]): one["target"] for one in runtime["descriptors"]}
    assert inside["numbers"] == sorted(map(int, seen))
    assert {name: seen[name] for name in "012"} == inside["descriptors"]


def test_both_see_the_same_limits(inside, runtime):
    for line in inside["limits"].splitlines()[1:]:
        name, (soft, hard) = line[:26].strip(), line[26:].split()[:2]
        said = runtime["limits"][name]
        assert [said.get("soft"), said.get("hard")] == [None if value == "unlimited" else int(value) for value in (soft, hard)], name


def test_both_are_in_the_same_namespaces(inside, outside):
    assert inside["namespaces"] == outside["namespaces"]
    for name in ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]:
        assert inside["namespaces"][name] != os.readlink(f"/proc/self/ns/{name}")


def test_both_see_the_same_devices_and_interfaces(inside, outside):
    assert inside["devices"] == outside["devices"]
    assert sorted(inside["interfaces"]) == outside["network"]["interfaces"]


def test_what_is_said_to_be_covered_or_closed_tells_nothing(inside, outside):
    files = outside["processFiles"]
    assert set(inside["proc"]) == set(files["masked"] + files["closed"] + files["readable"]) - {"self", "thread-self"}
    assert {inside["proc"][name] for name in files["masked"]} == {"empty"}
    assert {inside["proc"][name] for name in files["closed"]} <= {"EACCES", "EPERM"}


def test_variables_are_named_and_their_values_are_not(inside, outside, views):
    # What a process sets and takes away for itself later is not what it was started with.
    assert set(outside["variables"]) - {"_LAMBDA_TELEMETRY_LOG_FD"} == set(inside["variables"]) - {"LC_CTYPE", "_X_AMZN_TRACE_ID"}
    assert outside["credentialVariables"] == []
    assert "169.254.100.1:9001" not in json.dumps(views[2])


@pytest.mark.parametrize("name", REFUSED)
def test_calls_that_the_audit_calls_refused_are_refused_as_it_says(inside, outside, name):
    said = [errno for errno, names in outside["filter"]["refused"].items() if name in names]
    assert said == [inside["calls"][name]] and said[0] in ("EPERM", "ENOSYS")


def test_the_filter_is_the_same_for_every_environment(host, deploy, outside):
    other = deploy("def handler(event, context): return 1")
    other.call()
    report = json.loads(audit(host, "--function", other.name, "--output", "json").stdout)["environments"][0]
    assert report["filter"]["sha256"] == outside["filter"]["sha256"] and len(outside["filter"]["sha256"]) == 64
    assert report["identity"]["hostUserID"] != outside["identity"]["hostUserID"]
    shared = [name for name, space in report["namespaces"].items() if space == outside["namespaces"][name]]
    assert set(shared) <= {"time", "time_for_children"}


def test_landlock_is_in_force_where_the_kernel_has_it(inside, views):
    """The kernel shows nobody's domain; but the second wall answers before the first."""
    version = views[2]["host"].get("landlock", 0)
    assert inside["device node"] == ("EACCES" if version >= 2 else "EPERM")


def test_an_environment_goes_on_after_it_was_looked_at_frozen_as_it_was(host, views):
    function = views[3]
    before = json.loads(audit(host, "--function", function.name, "--output", "json").stdout)["environments"][0]
    assert before["state"] == "frozen"
    function.call({})
    after = json.loads(audit(host, before["id"][:8], "--output", "json").stdout)["environments"][0]
    assert after["id"] == before["id"] and [process["id"] for process in after["processes"]] == [process["id"] for process in before["processes"]]


def test_the_host_alone_and_all_environments(host, views):
    assert json.loads(audit(host, "--output", "json").stdout)["environments"] == []
    everything = json.loads(audit(host, "--all", "--output", "json").stdout)
    assert views[1]["id"] in [environment["id"] for environment in everything["environments"]]
    page = (REPOSITORY / "Sources/Roost.docc/ThreatModel.md").read_text()
    listed = page.partition("### Not protected")[2].partition("###")[0].count("\n- ")
    assert len(everything["notProtected"]) == listed >= 5, "audit and threat model do not list the same"
    text = audit(host).stdout
    assert "NOT PROTECTED" in text and "sigv4" in text


def test_a_broken_promise_is_an_exit_code_and_a_line(host, views):
    credentials = host.state / "credentials"
    try:
        credentials.chmod(0o644)
        run = audit(host, "--quiet", status=1)
        assert run.stdout.splitlines() == ["host: keys, logs, code and configuration on disk are the daemon's alone: credentials has mode 644"]
    finally:
        credentials.chmod(0o600)
    assert audit(host, "--quiet").stdout == ""


def test_it_is_for_root(host):
    run = audit(host, status=77, user="nobody")
    assert run.stderr.splitlines() == ["roost: only root may look into the processes of environments", "hint: sudo roost audit"]


def test_what_does_not_live_is_not_found(host):
    assert "no live environment of nobody" in audit(host, "--function", "nobody", status=2).stderr


def test_the_self_test_holds_and_leaves_nothing(host, client):
    def functions():
        return sorted(function["FunctionName"] for function in client.list_functions()["Functions"])

    before = functions()
    report = json.loads(audit(host, "--self-test", "--output", "json").stdout)
    (environment,) = report["environments"]
    promises = {promise["claim"]: promise for promise in environment["promises"]}
    assert [promise for promise in promises.values() if promise["verdict"] != "holds"] == []
    tried = promises["what it tries inside and must not do is refused"]["found"].split()
    assert {"write:/etc", "device", "chroot", "connect:host", "connect:metadata", "read:/proc/kcore"} <= set(tried)
    assert functions() == before
    live = json.loads(subprocess.run([PROGRAMS / "roost", "ps", "--output", "json"], env=host.environment(), capture_output=True, text=True, check=True).stdout)
    assert environment["id"] not in [one["id"] for one in live]


def test_the_self_test_makes_do_with_the_python_image():
    """And says what it needs where there is no image that it knows."""
    with tempfile.TemporaryDirectory(prefix="roost-test-runtimes-", dir="/var/tmp") as runtimes:
        os.chmod(runtimes, 0o755)
        with Host(runtimes=runtimes) as host:
            assert "needs the image" in audit(host, "--self-test", status=1).stderr
        subprocess.run(["cp", "-a", RUNTIMES / "python3.11", runtimes], check=True)
        with Host(runtimes=runtimes) as host:
            assert audit(host, "--self-test", "--quiet").stdout == ""


def test_the_policy_of_the_network_is_shown(outside):
    assert outside["egress"] in ("none", "nat")
    assert outside["network"]["interfaces"] == (["lo"] if outside["egress"] == "none" else ["eth0", "lo"])

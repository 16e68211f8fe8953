"""What the Open Container Initiative's `runtimetest` checks, from within, against a `config.json`. Runs in a function; no package but Python's own.

The original is not to be had as a package on Debian 12, so its list is written anew: process (directory, user, groups, umask, environment, limits, capabilities,
no_new_privs, OOM score), host name, root, mounts with their options and where they are mounted, devices, default links, masked and read-only paths, id maps,
namespaces, propagation, seccomp. `check(config)` gives [[claim, held, detail]].
"""

import os
import re
import resource
import socket
import stat

CAPABILITIES = {"bounding": "CapBnd", "effective": "CapEff", "inheritable": "CapInh", "permitted": "CapPrm", "ambient": "CapAmb"}
MISSING_LIMITS = {"RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14, "RLIMIT_MSGQUEUE": 12, "RLIMIT_SIGPENDING": 11}


def text(path):
    with open(path) as file:
        return file.read()


def status(name):
    return re.search(rf"(?m)^{name}:\s*(.*)$", text("/proc/self/status")).group(1)


def mounts():
    """Destination → (number, number of what it is mounted on, type, options, propagation), from proc(5)'s mountinfo."""
    found = {}
    for line in text("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        found[fields[4]] = (fields[0], fields[1], rest[0], set(fields[5].split(",")) | set(rest[2].split(",")), fields[6:])
    return found


def readable_bytes(path):
    """What can be read of it: a file's first bytes, a folder's names."""
    try:
        if os.path.isdir(path):
            return len(os.listdir(path))
        with open(path, "rb") as file:
            return len(file.read(1))
    except OSError:
        return 0


def is_writable(path):
    try:
        if os.path.isdir(path):
            name = os.path.join(path, "runtimetest")
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
            os.unlink(name)
        else:
            os.close(os.open(path, os.O_WRONLY))
        return True
    except OSError:
        return False


def check(config):
    claims = []

    def claim(what, held, detail=""):
        claims.append([what, bool(held), str(detail)])

    check_process(config["process"], claim)
    claim("hostname", socket.gethostname() == config["hostname"], socket.gethostname())
    if config["root"]["readonly"]:
        claim("root is read-only", os.statvfs("/").f_flag & os.ST_RDONLY and not is_writable("/"))
    check_mounts(config["mounts"], claim)
    check_linux(config["linux"], claim)
    return claims


def check_process(process, claim):
    user = process["user"]
    claim("cwd", os.getcwd() == process["cwd"], os.getcwd())
    claim("terminal", os.isatty(0) == process["terminal"] and not os.path.exists("/dev/console"))
    claim("uid", set(os.getresuid()) == {user["uid"]}, os.getresuid())
    claim("gid", set(os.getresgid()) == {user["gid"]}, os.getresgid())
    claim("additional gids", sorted(os.getgroups()) == user["additionalGids"], os.getgroups())
    umask = os.umask(0)
    os.umask(umask)
    claim("umask", umask == user["umask"], oct(umask))
    for variable in process["env"]:
        name, _, value = variable.partition("=")
        claim(f"env {name}", os.environ.get(name) == value, os.environ.get(name))
    claim("noNewPrivileges", (status("NoNewPrivs") == "1") == process["noNewPrivileges"])
    claim("oomScoreAdj", int(text("/proc/self/oom_score_adj")) == process["oomScoreAdj"], text("/proc/self/oom_score_adj"))
    for kind, field in CAPABILITIES.items():
        claim(f"{kind} capabilities", int(status(field), 16) == len(process["capabilities"][kind]) == 0, status(field))
    for limit in process["rlimits"]:
        number = getattr(resource, limit["type"], MISSING_LIMITS.get(limit["type"]))
        claim(limit["type"], resource.getrlimit(number) == (limit["soft"], limit["hard"]), resource.getrlimit(number))


def check_mounts(wanted, claim):
    found = mounts()
    root = found["/"][0]
    for mount in wanted:
        _, parent, kind, options, _ = found.get(mount["destination"], (None, None, None, set(), []))
        claim(f"mount {mount['destination']}", kind == mount["type"], kind)
        claim(f"options of {mount['destination']}", set(mount["options"]) <= options, options)
        claim(f"place of {mount['destination']}", parent == root or mount["destination"] == "/", (parent, root))
    masks = {place for place in found if place.startswith("/proc/")}
    rest = set(found) - {mount["destination"] for mount in wanted} - masks
    claim("no other mounts", rest == set(), rest)
    claim("masks are read-only or a device", all("ro" in found[mask][3] for mask in masks), masks)
    claim("rootfsPropagation", not any(field.startswith(("shared", "master")) for *_, fields in found.values() for field in fields))


def check_linux(linux, claim):
    for device in linux["devices"]:
        facts = os.stat(device["path"])
        claim(f"device {device['path']}", stat.S_ISCHR(facts.st_mode) and (os.major(facts.st_rdev), os.minor(facts.st_rdev)) == (device["major"], device["minor"]))
        claim(f"mode of {device['path']}", stat.S_IMODE(facts.st_mode) == device["fileMode"], oct(facts.st_mode))
    known = {device["path"] for device in linux["devices"]}
    others = [path for path in (os.path.join("/dev", name) for name in os.listdir("/dev")) if path not in known and not os.path.islink(path) and not os.path.isdir(path)]
    claim("no other devices", others == [], others)
    for name, target in {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        claim(f"default link /dev/{name}", os.readlink(f"/dev/{name}") == f"/proc/self/{target}", os.readlink(f"/dev/{name}"))
    for path in linux["maskedPaths"]:
        claim(f"masked {path}", readable_bytes(path) == 0)
    for path in linux["readonlyPaths"]:
        claim(f"read-only {path}", not is_writable(path))
    for kind in ("uid", "gid"):
        lines = [line.split() for line in text(f"/proc/self/{kind}_map").splitlines()]
        claim(f"{kind}Mappings", [[int(line[0]), int(line[2])] for line in lines] == [[mapping["containerID"], mapping["size"]] for mapping in linux[f"{kind}Mappings"]], lines)
        claim(f"{kind}Mappings lead away from the host's own", all(int(line[1]) > 65_535 for line in lines), lines)
    claim("seccomp", status("Seccomp") == "2", status("Seccomp"))

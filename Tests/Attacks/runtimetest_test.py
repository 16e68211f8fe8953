"""The promises of a sandbox as an OCI `config.json`, checked by a function from within: the checks of the Open Container Initiative's `runtimetest`.

Deliberately not as in OCI's defaults, and so not in the file: no /sys, /dev/pts, /dev/shm, /dev/mqueue, /dev/tty, /dev/ptmx.
"""

import json
import os

from arena import HERE
from functions import make_zip

CONFIG = json.loads((HERE / "config.json").read_text())
HANDLER = "import runtime_checks\ndef handler(event, context):\n    return runtime_checks.check(event)\n"


def test_a_sandbox_is_what_its_configuration_promises(arena):
    function = arena(zip=make_zip({"app.py": HANDLER, "runtime_checks.py": (HERE / "runtime_checks.py").read_text()}))
    claims = arena.strike(function, CONFIG)
    assert len(claims) > 80
    assert [claim for claim in claims if not claim[1]] == []
    row = arena.environments(function)[0]
    for namespace in CONFIG["linux"]["namespaces"]:
        name = {"network": "net", "mount": "mnt"}.get(namespace["type"], namespace["type"])
        assert os.readlink(f"/proc/{row['hostProcessID']}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")


def test_the_checks_find_what_is_not_so(arena):
    """Against a configuration that promises otherwise, each of them fails: they are no checks that cannot."""
    function = arena(zip=make_zip({"app.py": HANDLER, "runtime_checks.py": (HERE / "runtime_checks.py").read_text()}))
    wrong = json.loads(json.dumps(CONFIG))
    wrong["hostname"] = "elsewhere"
    wrong["process"]["user"] = {"uid": 0, "gid": 0, "umask": 0, "additionalGids": [0]}
    wrong["process"]["rlimits"][0]["hard"] = 1
    wrong["mounts"][3]["options"] = ["ro"]
    wrong["linux"]["devices"].pop()
    wrong["linux"]["maskedPaths"] = ["/proc/version"]
    wrong["linux"]["readonlyPaths"] = ["/tmp"]
    wrong["linux"]["uidMappings"][0]["size"] = 65_536
    failed = {claim[0] for claim in arena.strike(function, wrong) if not claim[1]}
    assert failed == {"hostname", "uid", "gid", "additional gids", "umask", "RLIMIT_NOFILE", "options of /tmp", "no other devices", "masked /proc/version", "read-only /tmp",
                      "uidMappings"}

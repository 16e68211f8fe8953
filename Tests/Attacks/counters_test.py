"""The counters that every attack is judged by: they see what they are there to see."""

import os
import socket
import tempfile

import pytest
from counters import HostCounters


def test_an_environment_that_is_still_there_is_counted_in_every_table(arena, host, beginning):
    function = arena("import os\ndef handler(event, context):\n    os.fork() or __import__('time').sleep(600)\n    open('/tmp/a', 'wb').write(os.urandom(64 << 20))")
    function.call()
    changes = HostCounters(host).changes_since(beginning)
    for what in ("processes", "control groups", "mounts", "namespaces", "volumes of roostd", "descriptors of roostd", "descriptors of supervisor"):
        assert what in changes, (what, changes)
    with pytest.raises(AssertionError, match="the host has kept"):
        beginning.assert_come_back(seconds=0.1)


def test_work_of_others_is_not_counted(host, beginning):
    """Processes, descriptors and connections of this very test, say."""
    with tempfile.TemporaryFile() as _, socket.create_connection(("127.0.0.1", host.port)) as _:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        beginning.assert_come_back(seconds=5)

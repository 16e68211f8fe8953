"""Packages from PyPI as layers, pinned by requirements files beside their tests."""

import platform
import subprocess
import sys
import zipfile

from functions import make_zip
from network import in_the_machines_network


def wheels(requirements, folder):
    """The wheels for python3.11 on this machine that a file names, sorted by name."""
    done = subprocess.run(
        in_the_machines_network(
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--python-version",
            "3.11", "--implementation", "cp", "--platform", f"manylinux2014_{platform.machine()}", "--dest", folder, "-r", requirements),
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(folder.iterdir())


def layer(files):
    """A wheel is a zip: its entries, beneath python/, in the order of the layer's directory."""
    entries = {}
    for file in files:
        with zipfile.ZipFile(file) as wheel:
            entries |= {f"python/{name}": wheel.read(name) for name in wheel.namelist() if not name.endswith("/") and "/tests/" not in name}
    return make_zip(entries)

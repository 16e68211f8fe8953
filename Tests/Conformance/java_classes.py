"""Java's classes, compiled against the interfaces in the image."""

import shutil
import subprocess

from host import RUNTIMES


def compiled(source, folder):
    """Name in a zip → bytes."""
    assert shutil.which("javac"), "javac is not installed: tools/install-packages --test"
    interfaces = RUNTIMES / "java17/var/runtime/classes"
    subprocess.run(["javac", "--release", "17", "-g", "-proc:none", "-encoding", "UTF-8", "-cp", interfaces, "-d", folder, source], check=True)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.class")}

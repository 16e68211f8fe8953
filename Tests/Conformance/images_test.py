"""Runtime images: what a sandbox stands on holds nothing that helps to leave it."""

import json
import os
import stat
import subprocess

import pytest
from host import REPOSITORY, RUNTIMES
from network import in_the_machines_network

IMAGES = ["python3.11", "provided.al2023", "provided.al2", "nodejs18.x", "nodejs20.x", "ruby3.1", "java17"]


def entries(image):
    assert (RUNTIMES / image).is_dir(), f"tools/build-rootfs --runtimes-dir {RUNTIMES} {image}"
    for folder, directories, files in os.walk(RUNTIMES / image):
        for name in directories + files:
            path = os.path.join(folder, name)
            yield path, os.lstat(path)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_no_set_id_file_no_device_and_nothing_that_others_may_write(image):
    kinds = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    wrong = [path for path, status in entries(image)
             if status.st_mode & (stat.S_ISUID | stat.S_ISGID) or stat.S_IFMT(status.st_mode) not in kinds or status.st_uid or status.st_gid
             or (status.st_mode & 0o022 and not stat.S_ISLNK(status.st_mode) and path != str(RUNTIMES / image / "tmp"))]
    assert wrong == []


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_can_be_read_by_everyone_and_no_link_leads_nowhere(image):
    root = RUNTIMES / image
    for path, status in entries(image):
        if stat.S_ISLNK(status.st_mode):
            assert (root / os.readlink(path).lstrip("/")).exists() or os.path.exists(path), path
        else:
            assert status.st_mode & 0o444 == 0o444, path


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_what_lambda_promises(image):
    root = RUNTIMES / image
    for directory in ["dev", "proc", "tmp", "opt", "var/task", "var/runtime", "var/lang"]:
        assert (root / directory).is_dir() and (directory in ("var/runtime", "var/lang") or not any((root / directory).iterdir()))
    assert os.access(root / "lambda-entrypoint.sh", os.X_OK)
    assert "sbx_user1051:x:993:990:" in (root / "etc/passwd").read_text()
    assert json.loads((root / "etc/roost/runtime.json").read_text())["runtime"] == image
    packages = json.loads((root / "etc/roost/image.json").read_text())["packages"]
    assert {"bash", "coreutils", "libc6", "ca-certificates"} <= {package["name"] for package in packages}
    assert (root / "etc/ssl/certs/ca-certificates.crt").stat().st_size > 100_000


def test_everything_that_python_imports_is_compiled():
    root = RUNTIMES / "python3.11"
    for top in ["usr/lib/python3.11", "var/runtime"]:
        for source in (root / top).rglob("*.py"):
            if "lib2to3/tests" not in str(source) and source.name != "bootstrap.py":
                assert (source.parent / "__pycache__" / f"{source.stem}.cpython-311.pyc").exists(), source


def test_an_image_that_is_up_to_date_is_left_alone():
    done = subprocess.run([REPOSITORY / "tools/build-rootfs", "--runtimes-dir", RUNTIMES, *IMAGES], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{image} is up to date" for image in IMAGES], "tools/build-rootfs has not run"


# One whose files are compiled as wheels are, and one whose compiler is its own.
@pytest.mark.parametrize("image", ["python3.11", "java17"])
def test_the_same_recipe_gives_the_same_image(tmp_path, image):
    command = in_the_machines_network(REPOSITORY / "tools/build-rootfs", "--runtimes-dir", tmp_path, image)
    subprocess.run(command, capture_output=True, text=True, check=True)
    first, second = (json.loads((place / image / "etc/roost/image.json").read_text()) for place in (RUNTIMES, tmp_path))
    if first["packages"] == second["packages"]:  # the archive may have moved on between the two
        assert first["tree"] == second["tree"]
    else:
        assert first["recipe"] == second["recipe"]

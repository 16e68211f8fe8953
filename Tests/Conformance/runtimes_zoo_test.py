"""Real programs of eight languages do in a sandbox what they do elsewhere: threads, processes, HTTP over loopback, files, memory, arithmetic.

CPython runs in its image, with numpy and pandas from PyPI as layers. The others run in an image that is made here of provided.al2023 and of what this
machine's PATH has: a runtime that is missing is a failure, not a skip (tools/install-packages --test). Their sources are in zoo/.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from functions import Deployer, make_zip
from host import RUNTIMES, TIME_SCALE, Host
from wheels import layer, wheels

ZOO = Path(__file__).parent / "zoo"
MEMORY = 1_024
SETTINGS = {"MemorySize": MEMORY, "Timeout": int(min(900, 60 * TIME_SCALE))}
DONE = {"threads": 2_000_002_000_000, "child": "42", "status": 3, "http": "pong /7", "file": 1_000_000, "collected": True, "primes": 17_984}


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def program(name):
    path = shutil.which(name)
    assert path, f"{name} is not installed: tools/install-packages --test"
    return Path(path).resolve()


@pytest.fixture(scope="module")
def work():
    """Readable by all: images are. They take half a gigabyte, and go with the tests."""
    with tempfile.TemporaryDirectory(prefix="roost-zoo-", dir="/var/tmp") as path:
        os.chmod(path, 0o755)
        yield Path(path)


# ---- The image: programs at their own places, with the libraries that they are linked to ----


class Image:
    def __init__(self, root):
        self.root = root
        run("cp", "-a", RUNTIMES / "provided.al2023", root)
        (root / "etc/roost/runtime.json").write_text(json.dumps({"runtime": root.name, "version": "zoo.v1", "environment": {}}))
        shutil.copy(ZOO / "bootstrap", root / "var/runtime/bootstrap")

    def add(self, path):
        """A file, where it is here; a link becomes what it leads to."""
        place = self.root / str(path).lstrip("/")
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)

    def add_tree(self, folder, without=()):
        for path, folders, names in os.walk(folder, followlinks=True):
            folders[:] = [name for name in folders if name not in without]
            for name in names:
                if os.path.exists(os.path.join(path, name)):
                    self.add(os.path.join(path, name))

    def add_libraries(self, *files):
        for file in files:
            for library in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", run("ldd", file), re.M):
                self.add(library)


def add_node(image):
    image.add(program("node"))
    image.add_libraries(program("node"))


def add_java(image):
    home = program("java").parents[1]
    image.add_tree(home, without=("jmods", "man", "docs", "legal", "include"))
    names = ["bin/java", "lib/server/libjvm.so", *(f"lib/lib{name}.so" for name in ["java", "jli", "net", "nio", "zip", "jimage", "management"])]
    image.add_libraries(*(home / name for name in names if (home / name).exists()))


def add_ruby(image):
    ruby, *folders = run(program("ruby"), "-rrbconfig", "-e", "puts RbConfig.ruby, RbConfig::CONFIG.values_at('rubylibdir', 'rubyarchdir')").split()
    image.add(ruby)
    for folder in folders:
        image.add_tree(folder)
    image.add_libraries(ruby, *Path(folders[1]).rglob("*.so"))


@pytest.fixture(scope="module")
def zoo(work):
    """A host whose one runtime is all of them."""
    (work / "runtimes").mkdir()
    image = Image(work / "runtimes/zoo")
    for add in (add_node, add_java, add_ruby):
        add(image)
    for path, folders, names in os.walk(image.root):
        for name in names:
            file = Path(path, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o111 else 0o644)
    with Host("--log-level", "debug", runtimes=work / "runtimes") as host:
        yield host


@pytest.fixture
def deploy_zoo(zoo):
    deployer = Deployer(zoo.client())
    yield lambda files: deployer(zip=make_zip(files), Runtime="zoo", **SETTINGS)
    deployer.delete_all()


# ---- The programs: what each function's zip holds ----


def script(text):
    return (f"#!/bin/sh\n{text}\n", 0o100755)


def node(work):
    start = f"exec {program('node')} --expose-gc --max-old-space-size=$((AWS_LAMBDA_FUNCTION_MEMORY_SIZE * 3 / 4)) /var/task/zoo.js"
    return {"run": script(start), "zoo.js": (ZOO / "zoo.js").read_text()}


def java(work):
    run(program("javac"), "-d", work / "classes", ZOO / "Zoo.java")
    start = f"""
java={program('java')}
export UNTOLD=$($java -cp /var/task Zoo memory)
exec $java -Xmx$((AWS_LAMBDA_FUNCTION_MEMORY_SIZE / 2))m -cp /var/task Zoo"""
    return {"run": script(start), **{path.name: path.read_bytes() for path in (work / "classes").iterdir()}}


def ruby(work):
    return {"run": script(f"exec {program('ruby')} /var/task/zoo.rb"), "zoo.rb": (ZOO / "zoo.rb").read_text()}


def binary(path):
    return {"run": (path.read_bytes(), 0o100755)}


def go(work):
    cache = {"GOCACHE": str(work / "go-cache"), "GOPATH": str(work / "go"), "GOFLAGS": "-trimpath", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    run(program("go"), "build", "-ldflags=-s -w", "-o", work / "zoo-go", ZOO / "zoo.go", env={**os.environ, **cache})
    return binary(work / "zoo-go")


def rust(work):
    # By its name: what is in PATH may be rustup, which looks at what it is called.
    assert program("rustc")
    run("rustc", "-O", "-C", "target-feature=+crt-static", "-C", "strip=symbols", ZOO / "zoo.rs", "-o", work / "zoo-rust")
    return binary(work / "zoo-rust")


def swift(work):
    assert program("swiftc")
    run("swiftc", "-O", "-parse-as-library", "-static-stdlib", "-Xlinker", "-s", ZOO / "zoo.swift", "-o", work / "zoo-swift")
    return binary(work / "zoo-swift")


def c(work):
    run(program("cc"), "-O2", "-static", "-pthread", ZOO / "zoo.c", "-o", work / "zoo-c")
    return binary(work / "zoo-c")


PROGRAMS = [node, java, ruby, go, rust, swift, c]


@pytest.mark.parametrize("make", PROGRAMS, ids=lambda make: make.__name__)
def test_a_program_does_what_it_does_elsewhere(make, work, deploy_zoo):
    function = deploy_zoo(make(work))
    # The second run finds /tmp and the process table as the first has left them.
    for _ in range(2):
        answer = function.invoke()
        assert answer.error is None, answer
        assert {name: answer.payload.get(name) for name in DONE} == DONE
        assert answer.payload["processors"] == os.cpu_count()
        # As Isolation.md says: no runtime sees the function's memory size but those that are told.
        assert answer.payload.get("memory", total_memory()) == total_memory()
        if make is java:
            assert answer.payload["heap"] <= MEMORY // 2 << 20 < answer.payload["untold"]


def total_memory():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


# ---- CPython: wheels as layers ----


def test_numpy_and_pandas_from_layers_work(work, deploy, client):
    files = wheels(ZOO / "requirements.txt", work / "wheels")
    of_numpy = [file for file in files if file.name.startswith("numpy-")]
    assert len(of_numpy) == 1 and any(file.name.startswith("pandas-") for file in files)
    deployer = Deployer(client)
    layers = [deployer.layer_zip("zoo-numpy", layer(of_numpy)), deployer.layer_zip("zoo-pandas", layer([file for file in files if file not in of_numpy]))]
    function = deploy((ZOO / "zoo.py").read_text(), Layers=layers, **SETTINGS)
    for _ in range(2):
        answer = function.invoke()
        assert answer.error is None, answer
        assert {name: answer.payload[name] for name in DONE} == DONE
        assert answer.payload["frames"] == {"trace": sum(number * 501 % 7 for number in range(500)), "sums": [166_833.0, 166_167.0, 166_500.0]}
        assert answer.payload["memory"] == total_memory() and answer.payload["processors"] == os.cpu_count()

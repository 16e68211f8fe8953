"""Network policy: what a function reaches, and what it does not, through a host whose network ends in one that the tests play."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from botocore.exceptions import ClientError
from functions import Deployer
from host import PROGRAMS, Host, configuration_file, wait_until
from network import Outside, environment_processes, ip, run

CONFIGURATION = """
network:
  dns: [203.0.113.53]
  deny: [10.66.0.0/16]
  connections: 100
  vpc: vpc-0a1b2c
  subnets:
    subnet-open: {}
    subnet-inner: {allow: [10.20.0.0/16]}
    subnet-closed: {egress: none}
  security-groups:
    sg-all: {egress: [{}]}
    sg-web: {egress: [{protocol: tcp, ports: 80}]}
    sg-datagrams: {egress: [{protocol: udp, ports: 5000-5001, cidr: 10.20.0.0/16}]}
    sg-database: {host-services: [{protocol: tcp, ports: 5432}]}
"""

SOURCE = """
    import fcntl, socket, struct
    kept = []
    def tcp(address, port):
        with socket.create_connection((address, port), 3) as connection:
            return connection.recv(100).decode().strip()
    def udp(address, port, text="hello"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(3)
            client.connect((address, port))
            client.send(text.encode())
            return client.recv(100).decode()
    def hold(address, port, count):
        "How many connections can be held at once."
        for _ in range(count):
            try:
                connection = socket.create_connection((address, port), 1)
            except OSError:
                break
            kept.append(connection)
        return len(kept)
    def addresses(name):
        return sorted({entry[4][0] for entry in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)})
    def listen(port):
        kept.append(socket.create_server(("0.0.0.0", port)))
    def send6(address):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", (address, 5000, 0, socket.if_nametoindex("eth0")))
    def interfaces():
        return [name for _, name in socket.if_nameindex()]
    def mtu():
        SIOCGIFMTU = 0x8921
        return struct.unpack("16si", fcntl.ioctl(socket.socket(), SIOCGIFMTU, struct.pack("16si", b"eth0", 0)))[1]
    def own_address():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("203.0.113.1", 9))
            return client.getsockname()[0]
    def handler(event, context):
        try:
            return globals()[event[0]](*event[1:])
        except OSError as error:
            return "error: " + str(error)
"""


@pytest.fixture(scope="module")
def outside():
    with Outside() as outside:
        yield outside


@pytest.fixture(scope="module")
def host(outside, tmp_path_factory):
    with Host("--config", configuration_file(tmp_path_factory.mktemp("network"), CONFIGURATION)) as host:
        yield host


@pytest.fixture(scope="module")
def functions(host):
    """One function for each policy, made when it is asked for."""
    deployer, made = Deployer(host.client()), {}

    def function(*names):
        if names not in made:
            groups = [name for name in names if name.startswith("sg-")]
            subnets = [name for name in names if name.startswith("subnet-")]
            settings = {"VpcConfig": {"SubnetIds": subnets, "SecurityGroupIds": groups}} if names else {}
            made[names] = deployer(SOURCE, name="-".join(("net", *names)), Timeout=60, **settings)
        return made[names]
    yield function
    deployer.delete_all()


@pytest.fixture
def service():
    """A service of the host: a TCP server on all of its addresses."""
    with socket.create_server(("0.0.0.0", 5432)) as server:
        def answer():
            while True:
                try:
                    connection, peer = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(f"host from {peer[0]}".encode())
        threading.Thread(target=answer, daemon=True).start()
        yield server
        server.shutdown(socket.SHUT_RDWR)


def is_refused(answer):
    return isinstance(answer, str) and answer.startswith("error: ")


# ---- nat ----


def test_nat_reaches_outside_with_the_hosts_address(functions):
    function = functions()
    assert function.call(["tcp", Outside.GATEWAY, 80]) == f"tcp 80 from {Outside.HOST}"
    assert function.call(["tcp", Outside.OTHER, 443]) == f"tcp 443 from {Outside.HOST}"
    assert function.call(["udp", Outside.INNER, 5000]) == f"udp from {Outside.HOST}"


def test_names_are_resolved_by_the_hosts_resolver(functions):
    assert functions().call(["addresses", "example.test"]) == [Outside.INNER]
    assert functions("subnet-inner", "sg-web").call(["addresses", "example.test"]) == [Outside.INNER]


def test_the_device_takes_the_mtu_of_the_uplink(functions):
    assert functions().call(["mtu"]) == 1400


# ---- What nobody reaches ----


@pytest.mark.parametrize("policy", [(), ("subnet-open", "sg-all")], ids=["default", "everything allowed"])
def test_metadata_denied_ranges_and_the_resolvers_own_port_alone(functions, outside, policy):
    function, before = functions(*policy), outside.seen()
    for address in [Outside.METADATA, Outside.DENIED, "169.254.100.9", "224.0.0.1", "255.255.255.255", "240.0.0.1", "0.0.0.1"]:
        assert is_refused(function.call(["tcp", address, 80])), address
        assert is_refused(function.call(["udp", address, 5000])), address
    assert is_refused(function.call(["tcp", "169.254.100.2", 80]))
    assert outside.seen() == before


@pytest.mark.parametrize("policy", [(), ("subnet-open", "sg-all")], ids=["default", "everything allowed"])
def test_services_of_the_host_are_out_of_reach(functions, host, service, policy):
    for port in (5432, host.port):
        for address in (Outside.HOST, "127.0.0.1"):
            assert is_refused(functions(*policy).call(["tcp", address, port])), (address, port)


def test_a_security_group_can_open_a_service_of_the_host(functions, service):
    function = functions("subnet-open", "sg-database")
    assert function.call(["tcp", Outside.HOST, 5432]).startswith("host from 198.")
    assert is_refused(function.call(["tcp", Outside.HOST, 5433]))
    assert is_refused(function.call(["tcp", Outside.GATEWAY, 80])), "and nothing else"


def test_a_neighbour_is_out_of_reach(functions):
    neighbour, function = functions("subnet-open", "sg-all"), functions()
    neighbour.call(["listen", 8080])
    address = neighbour.call(["own_address"])
    assert address.startswith("198.") and address != function.call(["own_address"])
    assert is_refused(function.call(["tcp", address, 8080]))
    # Nor does the host itself speak to a sandbox first.
    with pytest.raises(OSError):
        socket.create_connection((address, 8080), 1)


def test_there_is_no_ipv6(functions, host, outside):
    function, before = functions(), outside.seen()
    for address in ["fd00:7::1", "fd00:7::2", "fe80::1", "ff02::1"]:
        assert is_refused(function.call(["send6", address])) or outside.seen() == before
    assert outside.seen() == before
    assert "fe80" not in ip("-6 address show dev eth0", process_of(function, host))


def process_of(function, host):
    """A process in the sandbox that the function runs in."""
    address = f"inet {function.call(['own_address'])}/"
    return next(process for process in environment_processes(host) if address in ip("-4 address", process))


# ---- Allow-lists ----


def test_ranges_and_ports_are_allowed_by_subnet_and_group(functions):
    function = functions("subnet-inner", "sg-web")
    assert function.call(["tcp", Outside.INNER, 80]) == f"tcp 80 from {Outside.HOST}"
    assert is_refused(function.call(["tcp", Outside.INNER, 443])), "port"
    assert is_refused(function.call(["tcp", Outside.OTHER, 80])), "range"
    assert is_refused(function.call(["udp", Outside.INNER, 5000])), "protocol"


def test_groups_add_up(functions):
    function = functions("subnet-open", "sg-web", "sg-datagrams")
    assert function.call(["tcp", Outside.OTHER, 80]) == f"tcp 80 from {Outside.HOST}"
    assert function.call(["udp", Outside.INNER, 5000]) == f"udp from {Outside.HOST}"
    assert is_refused(function.call(["udp", Outside.OTHER, 5000]))
    assert is_refused(function.call(["tcp", Outside.OTHER, 443]))


def test_none_reaches_nothing_and_fails_at_once(functions):
    function = functions("subnet-closed", "sg-all")
    assert function.call(["interfaces"]) == ["lo"]
    for address in [Outside.GATEWAY, Outside.HOST, Outside.METADATA, "169.254.100.2"]:
        assert "unreachable" in function.call(["tcp", address, 80])
    answer = function.invoke(["addresses", "example.test"])
    assert is_refused(answer.payload) and answer.milliseconds("Duration") < 1_500


# ---- The API ----


def test_the_policy_is_shown_changed_and_taken_away(functions, host):
    function, client = functions("subnet-open", "sg-web"), host.client()

    def shown():
        return client.get_function(FunctionName=function.name)["Configuration"].get("VpcConfig")
    assert shown() == {"SubnetIds": ["subnet-open"], "SecurityGroupIds": ["sg-web"], "VpcId": "vpc-0a1b2c", "Ipv6AllowedForDualStack": False}
    assert is_refused(function.call(["tcp", Outside.OTHER, 443]))
    function.update(VpcConfig={"SubnetIds": ["subnet-open"], "SecurityGroupIds": ["sg-all"]})
    assert function.call(["tcp", Outside.OTHER, 443]) == f"tcp 443 from {Outside.HOST}"
    function.update(VpcConfig={"SubnetIds": ["subnet-closed"], "SecurityGroupIds": ["sg-all"]})
    assert function.call(["interfaces"]) == ["lo"]
    function.update(VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    assert shown() is None
    assert function.call(["tcp", Outside.OTHER, 443]) == f"tcp 443 from {Outside.HOST}"
    function.update(VpcConfig={"SubnetIds": ["subnet-open"], "SecurityGroupIds": ["sg-web"]})


@pytest.mark.parametrize("subnets, groups, words", [
    (["subnet-none"], ["sg-web"], "The subnet ID 'subnet-none' does not exist"),
    (["subnet-open"], ["sg-none"], "The security group 'sg-none' does not exist"),
    (["subnet-open"], [], "must coexist"),
    ([], ["sg-web"], "must coexist"),
])
def test_names_that_the_host_has_not_are_refused(functions, host, subnets, groups, words):
    function = functions()
    with pytest.raises(ClientError) as refusal:
        host.client().update_function_configuration(
            FunctionName=function.name, VpcConfig={"SubnetIds": subnets, "SecurityGroupIds": groups})
    assert refusal.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert words in refusal.value.response["Error"]["Message"]


# ---- What is wrong in the configuration is said ----


@pytest.mark.parametrize("network, words", [
    ("[]", "network"),
    ("{egres: none}", "egres"),
    ("{egress: some}", "network.egress"),
    ("{pool: 10.0.0.0/8}", "network.pool"),
    ("{pool: 10.0.0.1/24}", "network.pool"),
    ("{dns: [resolver.example]}", "network.dns"),
    ("{deny: 10.0.0.0/8; flush ruleset}", "network.deny"),
    ("{deny: ['10.0.0.0/33']}", "network.deny"),
    ("{connections: 0}", "network.connections"),
    ("{ip-forward: perhaps}", "network.ip-forward"),
    ("{vpc: mine}", "network.vpc"),
    ("{subnets: {inner: {}}}", "network.subnets.inner"),
    ("{subnets: {subnet-a: {allow: [fd00::/8]}}}", "network.subnets.subnet-a.allow"),
    ("{subnets: [subnet-a]}", "network.subnets"),
    ("{security-groups: {sg-a: {egress: [{protocol: sctp}]}}}", "protocol"),
    ("{security-groups: {sg-a: {egress: [{protocol: icmp, ports: 1}]}}}", "ports"),
    ("{security-groups: {sg-a: {egress: [{protocol: tcp, ports: 9-1}]}}}", "ports"),
    ("{security-groups: {sg-a: {ingress: []}}}", "ingress"),
], ids=lambda value: value)
def test_a_wrong_network_is_named(network, words, tmp_path):
    file = tmp_path / "roost.yaml"
    file.write_text(f"network: {network}\n")
    done = subprocess.run([PROGRAMS / "roost-supervisor", "resolve-configuration", "--config", file, "--state-dir", tmp_path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 78, done.stderr
    assert words in done.stderr and len(done.stderr) < 1000 and "network-" not in done.stdout


# ---- Somebody reloads the firewall ----


def table(host):
    """The host's own: other hosts of these tests have one, too, and of those that were killed it does not come back."""
    name = host.control_groups()[0].name
    return subprocess.run(["nft", "-s", "-t", "list", "table", "inet", name], capture_output=True, text=True).stdout


def test_the_policy_of_running_functions_survives_a_flush_of_the_firewall(functions, host, service):
    function, narrow = functions(), functions("subnet-inner", "sg-web")
    assert function.call(["tcp", Outside.GATEWAY, 80]) == narrow.call(["tcp", Outside.INNER, 80]) == f"tcp 80 from {Outside.HOST}"
    processes, before = environment_processes(host), table(host)
    assert before
    for _ in range(3):
        run(["nft", "flush", "ruleset"])
        wait_until(lambda: table(host) == before, 10, "the table's return")
        assert function.call(["tcp", Outside.GATEWAY, 80]) == f"tcp 80 from {Outside.HOST}"
        assert narrow.call(["tcp", Outside.INNER, 80]) == f"tcp 80 from {Outside.HOST}"
        assert is_refused(narrow.call(["tcp", Outside.OTHER, 80])) and is_refused(narrow.call(["tcp", Outside.INNER, 443]))
        for address in (Outside.METADATA, Outside.DENIED):
            assert is_refused(function.call(["tcp", address, 80])), address
        assert is_refused(function.call(["tcp", Outside.HOST, 5432]))
    assert set(environment_processes(host)) >= set(processes), "in the environments that were there"
    assert "somebody removed table" in host.log_text()


CHATTER = """
import socket, sys
connection = socket.create_connection((sys.argv[1], 5433), 3)
print(connection.getsockname()[1], flush=True)
for line in sys.stdin:
    connection.settimeout(float(line))
    try:
        connection.sendall(b"?")
        print(connection.recv(1).decode(), flush=True)
    except OSError as error:
        print("lost", flush=True)
"""


class Chat:
    """A connection from within a sandbox's network to a service of the host that answers each byte."""

    def __init__(self, process):
        self.client = subprocess.Popen(["nsenter", f"--net=/proc/{process}/ns/net", sys.executable, "-c", CHATTER, Outside.HOST],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.client.stdout.readline() or 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.kill()
        self.client.wait()
        self.client.stdin.close()
        self.client.stdout.close()

    def ask(self, seconds=3):
        self.client.stdin.write(f"{seconds}\n")
        self.client.stdin.flush()
        return self.client.stdout.readline().strip()


@pytest.fixture
def echo():
    with socket.create_server(("0.0.0.0", 5433)) as server:
        def answer(connection):
            with connection:
                try:
                    while data := connection.recv(1):
                        connection.sendall(data)
                except OSError:
                    pass  # it was cut off, as it should be

        def accept():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=[connection], daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        yield server
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def another_firewall():
    """That of an administrator: connections are known, whether or not roostd's table is there."""
    run(["nft", "add table inet another; add chain inet another input { type filter hook input priority 0; }; add rule inet another input ct state invalid drop"])
    yield
    run(["nft", "delete table inet another"])


def test_a_connection_made_while_there_was_no_policy_does_not_outlive_that(functions, host, echo, another_firewall):
    process, before = process_of(functions(), host), table(host)
    # The moment without a table is as long as the test likes.
    os.kill(host.roostd.pid, signal.SIGSTOP)
    try:
        run(["nft", "delete", "table", "inet", host.control_groups()[0].name])
        chat = Chat(process)
        with chat:
            assert chat.ask() == "?", "there is no policy"
            os.kill(host.roostd.pid, signal.SIGCONT)
            wait_until(lambda: table(host) == before, 10, "the table's return")
            # The policy comes a moment before the end of what had been begun.
            wait_until(lambda: chat.ask(0.5) == "lost", 5, "the connection's end")
            assert not any(f"sport={chat.port} " in line and "ASSURED" in line for line in connections())
    finally:
        os.kill(host.roostd.pid, signal.SIGCONT)


def connections():
    with open("/proc/net/nf_conntrack") as file:
        return file.readlines()


def test_while_there_can_be_no_policy_nothing_is_started_and_one_attempt_a_second_is_made(outside, tmp_path):
    """Somebody removes the table, and `nft` is not there to make it again; then it is."""
    empty = tmp_path / "nft"
    empty.touch(0o644)
    with OwnMounts() as host:
        function = Deployer(host.client())(SOURCE, name="before")
        assert function.call(["tcp", Outside.GATEWAY, 80]) == f"tcp 80 from {Outside.HOST}"
        inside = ["nsenter", f"--mount=/proc/{host.roostd.pid}/ns/mnt"]
        subprocess.run([*inside, "mount", "--bind", empty, "/usr/sbin/nft"], check=True)
        began, before = time.monotonic(), table(host)
        run(["nft", "flush", "ruleset"])
        wait_until(lambda: "cannot be made again" in host.log_text(), 10, "roostd's word")
        wait_until(lambda: "have lost their devices" in host.log_text(), 10, "the devices' end")
        assert function.call(["interfaces"]) == ["lo"], "who ran has no way out"
        late = Deployer(host.client())(SOURCE, name="late")
        for _ in range(5):
            with pytest.raises(ClientError) as failure:
                late.call(["interfaces"])
            assert failure.value.response["Error"]["Code"] == "ServiceException"
        assert f"admitToNetwork: errno {errno.ENETDOWN}" in host.log_text()
        attempts = host.log_text().count("cannot be made again")
        assert attempts <= time.monotonic() - began + 2
        subprocess.run([*inside, "umount", "/usr/sbin/nft"], check=True)
        wait_until(lambda: table(host) == before, 10, "the table's return")
        assert late.call(["tcp", Outside.GATEWAY, 80]) == f"tcp 80 from {Outside.HOST}"


# ---- Spoofing, exhaustion ----


RAW = """
import socket, struct, sys
source, target, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
udp = struct.pack(">HHHH", 4000, port, 12, 0) + b"fake"
head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 32, 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
raw.sendto(head + udp, (target, port))
"""


def test_a_source_address_that_is_not_its_own_is_dropped(functions, host, outside):
    """As a kernel bug would let it: the test, with all rights, sends from within the sandbox's network."""
    function = functions()
    process, own = process_of(function, host), function.call(["own_address"])

    def send(source):
        run([sys.executable, "-c", RAW, source, Outside.INNER, "5000"], process)
    before = outside.seen()
    for source in ["198.19.255.1", Outside.OTHER, Outside.HOST, "127.0.0.1", functions("subnet-open", "sg-all").call(["own_address"])]:
        send(source)
    # Packets of one device keep their order: when this one is there, the others are not to come.
    send(own)
    wait_until(lambda: outside.seen() > before, 5, "the honest packet")
    assert outside.seen() == before + 1


def test_a_function_that_takes_all_connections_takes_its_own(functions):
    greedy, honest = functions("subnet-open", "sg-all"), functions()
    # nftables does not count the connection with which its list for an address begins.
    assert 50 <= greedy.call(["hold", Outside.GATEWAY, 80, 300]) <= 101
    assert is_refused(greedy.call(["tcp", Outside.GATEWAY, 80]))
    assert honest.call(["tcp", Outside.GATEWAY, 80]) == f"tcp 80 from {Outside.HOST}"


def test_connections_end_with_their_sandbox(host, outside):
    deployer = Deployer(host.client())
    function = deployer(SOURCE, name="leaver")
    address = function.call(["own_address"])
    assert function.call(["hold", Outside.GATEWAY, 80, 40]) == 40

    def tracked():
        return sum(f"src={address} " in line for line in connections())
    assert tracked() >= 40
    deployer.delete_all()
    wait_until(lambda: tracked() == 0, 20, "the end of the connections")


# ---- What stays ----


def traces():
    return {
        "devices": [line for line in ip("-o link").splitlines() if ": roost" in line],
        "routes": ip("route show proto 82").splitlines(),
        "tables": run(["nft", "list", "tables"]).splitlines(),
    }


def forwarding():
    with open("/proc/sys/net/ipv4/ip_forward") as file:
        return file.read().strip()


@pytest.mark.parametrize("end", ["stop", "kill", "clean"])
def test_nothing_stays_in_the_hosts_network(outside, end):
    before, was_forwarding = traces(), forwarding()
    with Host() as host:
        function = Deployer(host.client())(SOURCE)
        assert function.call(["tcp", Outside.GATEWAY, 80]) == f"tcp 80 from {Outside.HOST}"
        address = function.call(["own_address"])
        assert function.call(["hold", Outside.GATEWAY, 80, 20]) == 20
        during = traces()
        assert [len(during[kind]) - len(before[kind]) for kind in ("devices", "routes", "tables")] == [1, 2, 1]
        if end != "stop":
            host.kill_all()
        if end == "clean":
            clean = [PROGRAMS / "roost", "doctor", "--clean", "--state-dir", host.state, "--quiet"]
            assert subprocess.run(clean, timeout=60).returncode == 0
            wait_until(lambda: traces() == before, 10, "the end of all of it")
            assert forwarding() == was_forwarding
        if end == "kill":
            assert any(f"src={address} " in line for line in connections())
            host.start()
            assert not any(f"src={address} " in line for line in connections()), "what the earlier run's functions had"
            # Of the earlier run only what is made at every start.
            wait_until(lambda: len(traces()["devices"]) == len(before["devices"]), 10, "the devices' end")
            assert len(traces()["tables"]) == len(before["tables"]) + 1
            assert Deployer(host.client())(SOURCE, name="after").call(["tcp", Outside.GATEWAY, 80]) == f"tcp 80 from {Outside.HOST}"
    wait_until(lambda: traces() == before, 10, "the end of all of it")
    assert forwarding() == was_forwarding


def test_a_host_without_nftables_says_so_and_runs_functions_without_a_network(tmp_path):
    """roostd sees no `nft` program: an empty file that nobody may execute is in its place."""
    empty = tmp_path / "nft"
    empty.touch(0o644)
    with OwnMounts(f"mount --bind {empty} /usr/sbin/nft") as host:
        assert "NO NETWORK FOR FUNCTIONS" in host.log_text()
        with pytest.raises(ClientError) as failure:
            Deployer(host.client())(SOURCE).call(["interfaces"])
        assert failure.value.response["Error"]["Code"] == "ServiceException"
        assert "admitToNetwork" in host.log_text()


class OwnMounts(Host):
    """A host in a mount namespace of its own, where something is done first."""

    def __init__(self, preparation="true"):
        super().__init__()
        self.preparation = preparation

    def command(self):
        return ["unshare", "--mount", "sh", "-c", f"{self.preparation} && exec \"$@\"", "sh", *super().command()]

"""Runs in a network of its own and plays the rest of the world: TCP, UDP and DNS servers that tell a client who they take it for."""

import socket
import struct
import sys
import threading

from network import Outside, enter_network_of_own

count = 0


def serve_tcp(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen(1024)
    kept = []

    def answer():
        global count
        while True:
            connection, peer = listener.accept()
            count += 1
            connection.sendall(f"tcp {port} from {peer[0]}\n".encode())
            # Open for as long as the client likes.
            kept.append(connection)
    threading.Thread(target=answer, daemon=True).start()


def serve_udp(port, reply):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # Answers come from the address that was asked.
    server.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    server.bind(("0.0.0.0", port))

    def answer():
        global count
        while True:
            message, control, _, peer = server.recvmsg(2048, 256)
            count += 1
            server.sendmsg([reply(message, peer)], [(level, kind, pinned(data)) for level, kind, data in control], 0, peer)

    def pinned(data):
        _, _, address = struct.unpack("I4s4s", data[:12])
        return struct.pack("I4s4s", 0, address, address)
    threading.Thread(target=answer, daemon=True).start()


def resolve(query, _):
    """Every name is Outside.INNER."""
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    is_address = question[-4:-2] == b"\0\1"
    head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1 if is_address else 0, 0, 0)
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(Outside.INNER)
    return head + question + (answer if is_address else b"")


enter_network_of_own()
print("away", flush=True)
for line in sys.stdin:
    if line == "serve\n":
        for port in Outside.TCP_PORTS:
            serve_tcp(port)
        serve_udp(Outside.UDP_PORT, lambda message, peer: f"udp from {peer[0]}".encode())
        serve_udp(53, resolve)
        print("serving", flush=True)
    else:
        print(count, flush=True)

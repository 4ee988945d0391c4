"""Runs a command in a network of its own, in which every address is this machine, and writes down whom it calls.

    python isolated.py CALLS COMMAND ...

CALLS becomes one JSON list a line, in order: ["tcp", address, port] for each attempt to connect, ["udp", address, port]
for each datagram (a look-up of a name is one to port 53), and ["mark", word] for each datagram to MARKS. Packets are read
from the network itself, so it does not matter who sends them, through which library, or whether anybody answers. Root, or
a user who may make namespaces; exit code 77 where neither is so.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

MARKS = ("127.0.0.1", 9)
NOT_HERE = 77
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # unshare(2)
RECEIVE_BUFFER_FORCE = 33  # socket(7)
ALL_PROTOCOLS, OUTGOING, STATISTICS, SOL_PACKET = 3, 4, 6, 263  # packet(7)
NEW_ROUTE, CREATE_AND_ACKNOWLEDGE, LOCAL, LOCAL_TABLE, HOST, STATIC, OUT = 24, 0x605, 2, 255, 254, 4, 4  # rtnetlink(7)
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1  # netdevice(7)
TCP, UDP = 6, 17
OF_THE_KERNEL = {1, 2, 58}  # ICMP, IGMP, ICMPv6


def isolate() -> None:
    """Give this process, which must have one thread, a network of its own. Raises OSError."""
    uid, gid, root = os.getuid(), os.getgid(), os.geteuid() == 0
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_NETWORK if root else NEW_NETWORK | NEW_USER) != 0:
        raise OSError(ctypes.get_errno(), "no namespace")
    if not root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    with socket.socket() as any_socket:
        asked = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, GET_FLAGS, asked))[1]
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", b"lo", flags | UP))
    for family in (socket.AF_INET, socket.AF_INET6):
        everything_is_here(family)


def everything_is_here(family: int) -> None:
    """The route `local default dev lo`: whoever is called, the packets come by, and nobody answers. Raises OSError."""
    route = struct.pack("8BI", family, 0, 0, 0, LOCAL_TABLE, STATIC, HOST, LOCAL, 0)
    route += struct.pack("HHI", 8, OUT, socket.if_nametoindex("lo"))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(struct.pack("IHHII", 16 + len(route), NEW_ROUTE, CREATE_AND_ACKNOWLEDGE, 1, 0) + route)
        (error,) = struct.unpack_from("i", kernel.recv(4096), 16)
    if error:
        raise OSError(-error, "no route")


class Recorder(threading.Thread):
    """Reads every packet that is sent, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.calls: list[list[str | int]] = []
        self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PROTOCOLS))
        with suppress(PermissionError):  # without the right to more, what comes by default has to do
            self._packets.setsockopt(socket.SOL_SOCKET, RECEIVE_BUFFER_FORCE, 1 << 26)
        self._over = ["mark", "over"]

    def run(self) -> None:
        while self._over not in self.calls:
            packet, (_, protocol, kind, *_) = self._packets.recvfrom(65_535)
            if kind == OUTGOING and protocol in {0x0800, 0x86DD}:
                self.calls += called(packet)

    def stop(self) -> int:
        """Read what is left; how many packets went by unread."""
        mark("over")
        self.join()
        return int(struct.unpack("II", self._packets.getsockopt(SOL_PACKET, STATISTICS, 8))[1])


def called(packet: bytes) -> Iterator[list[str | int]]:
    """What an IP packet asks of whom, if it is the first of its kind."""
    if packet[0] >> 4 == 4:
        protocol, to, body = packet[9], packet[16:20], packet[(packet[0] & 15) * 4 :]
    else:
        protocol, to, body = packet[6], packet[24:40], packet[40:]
    address, port = str(ip_address(to)), int.from_bytes(body[2:4])
    if protocol == TCP:
        if body[13] & 0x12 == 0x02:  # SYN without ACK
            yield ["tcp", address, port]
    elif protocol == UDP:
        yield ["mark", body[8:].decode()] if (address, port) == MARKS else ["udp", address, port]
    elif protocol not in OF_THE_KERNEL:
        yield [f"protocol {protocol}", address, 0]


def mark(word: str) -> None:
    """Write a word between the calls."""
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(word.encode(), MARKS)


def main(calls: str, *command: str) -> int:
    try:
        isolate()
        recorder = Recorder()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_HERE
    recorder.start()
    code = subprocess.run(command, check=False).returncode
    unread = recorder.stop()
    Path(calls).write_text("".join(f"{json.dumps(call)}\n" for call in recorder.calls[:-1]))
    if unread:
        sys.stderr.write(f"{unread} packets were not read\n")
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

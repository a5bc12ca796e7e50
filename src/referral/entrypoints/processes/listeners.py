"""Room for connections, and what the kernel does about a client that takes no more of its answer.

granian makes its sockets itself, and has no setting for this; what is set on a socket that listens holds for all
connections that are accepted there.
"""

import asyncio
import os
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CONNECTIONS = 8192  # of one worker; more of them wait in the kernel
FILES_BESIDES = 512  # to the database, the log and the loop, with room to spare
STALLED_MS = 20_000
UNSENT_BYTES = 65_536


def room_for_connections() -> int:
    """How many connections a worker may have open: as many as CONNECTIONS, if it may open so many files.

    Raises this process's limit for it. Past the limit granian would try to accept again and again, without a pause.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + FILES_BESIDES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft - FILES_BESIDES, soft // 2)
    return CONNECTIONS


def cut_stalled_clients(port: int) -> None:
    """As soon as this process listens on `port`, have the kernel end connections whose client takes nothing for
    STALLED_MS, and keep no more of an answer than UNSENT_BYTES besides what is on its way. Linux only.
    """
    if sys.platform != "linux":
        return
    listening = False
    for sock in _sockets():
        if _listens(sock, port):
            listening = True
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    if not listening:
        asyncio.get_event_loop().call_later(0.01, cut_stalled_clients, port)


def _sockets() -> Iterator[socket.socket]:
    """All that this process has open; each is closed again, as a duplicate, when the next is asked for."""
    for file in Path("/proc/self/fd").iterdir():
        if file.is_socket():
            # Another thread may close it meanwhile.
            with suppress(OSError), socket.socket(fileno=os.dup(int(file.name))) as sock:
                yield sock


def _listens(sock: socket.socket, port: int) -> bool:
    return (
        sock.family in {socket.AF_INET, socket.AF_INET6}
        and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        and sock.getsockname()[1] == port
    )

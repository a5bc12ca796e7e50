"""Requests as bytes, for what no HTTP library would send."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from urllib.parse import urlsplit

import httpx

from servers import Server

HEAD = b"Host: localhost\r\nContent-Type: application/json\r\n"


@contextmanager
def connected(server: Server, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A connection to the server, from this address of the machine."""
    place = urlsplit(server.address)
    with socket.create_connection(
        (place.hostname, place.port), timeout=30, source_address=(source, 0)
    ) as connection:
        yield connection


def answer_on(connection: socket.socket) -> httpx.Response:
    """The next answer on the connection. Raises ConnectionError when it ends without one."""
    response = HTTPResponse(connection)
    response.begin()
    return httpx.Response(response.status, headers=response.getheaders(), content=response.read())


def ask(server: Server, *parts: bytes, half_close: bool = False) -> httpx.Response:
    """The answer to a request, which is sent in these parts."""
    with connected(server) as connection:
        for part in parts:
            connection.sendall(part)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return answer_on(connection)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server ends the connection, with nothing more to say; waits for it."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True

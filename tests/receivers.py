"""A receiver of webhooks, as a product team has one: it keeps what arrives, and answers by the path that it is called at."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Arrival:
    """A message, as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: str
    at: datetime

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def seconds(self) -> float:
        """How long after what it tells it arrived."""
        return (self.at - datetime.fromisoformat(self.told["timestamp"])).total_seconds()

    def verified(self, secret: str) -> Any:
        """What it tells; raises unless the secret signed it."""
        return Webhook(secret).verify(self.body, {**self.headers})


@dataclass
class Receiver:
    """Answers 200 at once at any path but `/slow`, after a second, `/broken`, with 500, and `/hangs`, with nothing."""

    address: str
    arrivals: list[Arrival] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def at(self, path: str) -> list[Arrival]:
        return [arrival for arrival in [*self.arrivals] if arrival.path == path]


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            receiver.arrivals.append(
                Arrival(self.path, dict(self.headers.items()), body, datetime.now(UTC))
            )
            if self.path == "/hangs":
                receiver.ended.wait()
            elif self.path == "/slow":
                time.sleep(1)
            self.send_response(500 if self.path == "/broken" else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 100

        def handle_error(self, *_: object) -> None:
            """Who calls may go away, which is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()

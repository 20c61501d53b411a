"""Visits told over HTTP by a process of its own.

    python -m tests.bench.http_load PORT CONNECTIONS SECONDS TOKEN PEOPLE

Every connection sends its next visit as soon as the one before is answered; prints JSON: requests a second, and the
median and 99th percentile of an answer in seconds, after a warm-up of a quarter of the time.
"""

from __future__ import annotations

import datetime as dt
import json
import selectors
import socket
import sys
import time

from tests.bench.decision_world import visit


class Client:
    """One connection and the request that it waits for."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer, self._sent = b"", 0.0

    def send(self, request: bytes) -> None:
        self._answer, self._sent = b"", time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> float | None:
        """Seconds that the answer took once all of it is here; raises for anything but 201."""
        some = self.socket.recv(1 << 16)
        if not some:
            raise ConnectionError("the server closed the connection")
        self._answer += some
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
            return None
        if not head.startswith(b"HTTP/1.1 201"):
            raise AssertionError(self._answer.decode())
        return time.perf_counter() - self._sent


def request(number: int, run: str, token: str, people: int) -> bytes:
    """A visit that is told and decided."""
    event = visit(run, number, people, dt.datetime.now(dt.UTC))
    body = json.dumps(
        {
            "source": event.source,
            "id": event.id,
            "moment": event.moment,
            "customer": event.customer,
            "occurred_at": event.occurred_at.isoformat(),
            "properties": event.properties,
        }
    ).encode()
    head = (
        "POST /api/v1/events?decide=true HTTP/1.1\r\nHost: carpe\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def load(port: int, connections: int, seconds: float, token: str, people: int) -> dict[str, float]:
    run, number, selector = f"load{time.time_ns()}", 0, selectors.DefaultSelector()
    for number in range(connections):
        client = Client(port)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(request(number, run, token, people))
    begun, took = time.perf_counter() + seconds / 4, []
    while (now := time.perf_counter()) < begun + seconds:
        for key, _ in selector.select(1):
            if (taken := key.data.receive()) is not None:
                if now > begun:
                    took.append(taken)
                number += 1
                key.data.send(request(number, run, token, people))
    took.sort()
    return {
        "a_second": len(took) / seconds,
        "median": took[len(took) // 2],
        "p99": took[min(len(took) - 1, len(took) * 99 // 100)],
    }


if __name__ == "__main__":
    port, connections, seconds, token, people = sys.argv[1:]
    print(json.dumps(load(int(port), int(connections), float(seconds), token, int(people))))

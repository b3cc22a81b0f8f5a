"""A proxy on loopback that stands between a client and a server, counts what passes, and fails as it is told (faults.py).

    with Proxy(server.port) as proxy:
        proxy.fail(faults.throttled, 3, "BatchGetItem")   # the next three of these
        ...
        assert proxy.count("BatchGetItem") == 4 and proxy.most_open <= 32
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Set

from faults import Fault, closes_with_reset, slow


class Gone(Exception):
    """The other end has closed."""


@dataclass
class Request:
    """One that a client has sent."""

    operation: str  #: of X-Amz-Target, without the version
    headers: Dict[str, str]  #: by their small names
    body: bytes
    connection: int  #: which one it came by, counted from 1
    at: float  #: time.monotonic() when it had been read

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Exchange:
    """A request that waits for its reply, in the hands of a fault."""

    def __init__(self, client: Stream, server: Optional[Stream], request: Request, head: bytes, proxy: Proxy) -> None:
        self.request, self._client, self._server, self._head, self._proxy = request, client, server, head, proxy

    def forward(self, body: Optional[bytes] = None) -> bytes:
        """Sends the request on, with another body if one is given, and answers the whole reply."""
        assert self._server
        body = self.request.body if body is None else body
        lines = [line for line in self._head.split(b"\r\n")[:-2] if not line.lower().startswith((b"content-length:", b"expect:"))]
        head = b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", b""])
        if not self._server.send(head + body):
            raise Gone
        return self._server.read_reply()

    def send(self, text: bytes) -> bool:
        """False: the client has gone."""
        return self._client.send(text)

    def close(self) -> None:
        self._client.close()

    def reset(self) -> None:
        self._client.reset()

    def wait(self, seconds: float) -> None:
        """Ends sooner where the proxy ends."""
        self._proxy.ended.wait(seconds)

    def is_over(self) -> bool:
        """The proxy has ended."""
        return self._proxy.ended.is_set()

    def wait_for_client(self) -> None:
        """Until it closes, or the proxy ends."""
        while not self.is_over() and not self._client.is_closed(0.05):
            pass
        self._proxy.note(abandoned=1)

    def note_wasted(self, size: int) -> None:
        self._proxy.note(wasted=size)


class Stream:
    """One end of a connection, with what was read too far."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket, self._read, self.is_open = connection, b"", True
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, text: bytes) -> bool:
        try:
            self.socket.sendall(text)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self.is_open = False
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def reset(self) -> None:
        self.is_open = False
        closes_with_reset(self.socket)

    def is_closed(self, within: float) -> bool:
        """True where the other end closes within so many seconds."""
        try:
            readable, _, _ = select.select([self.socket], [], [], within)
            return bool(readable) and not self.socket.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def _more(self) -> None:
        try:
            part = self.socket.recv(1 << 16)
        except OSError as error:
            raise Gone from error
        if not part:
            raise Gone
        self._read += part

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._read:
            self._more()
        end = self._read.index(mark) + len(mark)
        text, self._read = self._read[:end], self._read[end:]
        return text

    def _exactly(self, size: int) -> bytes:
        parts, missing = [self._read], size - len(self._read)
        self._read = b""
        while missing > 0:
            self._more()
            parts.append(self._read)
            missing -= len(self._read)
            self._read = b""
        text = b"".join(parts)
        self._read = text[size:]
        return text[:size]

    def read_head(self) -> "tuple[bytes, Dict[str, str]]":
        head = self._until(b"\r\n\r\n")
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:-2])
        return head, {name.strip().lower(): value.strip() for name, _, value in lines}

    def read_body(self, headers: Dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self._exactly(int(headers.get("content-length", "0")))
        parts = []
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            parts.append(self._exactly(size))
            self._until(b"\r\n")
        self._until(b"\r\n")
        return b"".join(parts)

    def read_reply(self) -> bytes:
        """Head and body; a body in chunks is made one of a stated length."""
        head, headers = self.read_head()
        body = self.read_body(headers)
        lines = [line for line in head.split(b"\r\n")[:-2] if not line.lower().startswith((b"content-length:", b"transfer-encoding:"))]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", b""]) + body


@dataclass
class _Plan:
    fault: Fault
    times: float
    operation: Optional[str]
    met: int = field(default=0)


class Proxy:
    def __init__(self, server_port: int, delay: float = 0) -> None:
        """delay: seconds by which each reply is held back that no fault concerns."""
        self.delay = delay
        self.requests: List[Request] = []  #: all that were read, in order
        self.connections = 0  #: that were accepted
        self.open = self.most_open = 0  #: now; at once
        self.abandoned = 0  #: requests whose client left without a reply
        self.wasted = 0  #: bytes of gigantic bodies that clients took
        self.ended = threading.Event()
        self._server_port = server_port
        self._plans: List[_Plan] = []
        self._lock = threading.Lock()
        self._streams: Set[Stream] = set()
        self._listening: Optional[socket.socket] = None
        self._listen(0)

    # ---- what a test says and asks

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, fault: Fault, times: float = 1, operation: Optional[str] = None) -> None:
        """The next `times` requests (of this operation) meet the fault; float("inf"): until heal(). What was said first is met first."""
        with self._lock:
            self._plans.append(_Plan(fault, times, operation))

    def heal(self) -> None:
        with self._lock:
            self._plans.clear()

    def down(self) -> None:
        """Connections break, and new ones are refused."""
        if self._listening:
            with contextlib.suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None
        for stream in list(self._streams):
            with contextlib.suppress(OSError):
                stream.socket.shutdown(socket.SHUT_RDWR)

    def up(self) -> None:
        self._listen(self.port)

    def count(self, operation: Optional[str] = None) -> int:
        return sum(operation in (None, request.operation) for request in list(self.requests))

    def forget(self) -> None:
        """Counts from here."""
        self.requests.clear()

    def await_count(self, count: int, operation: Optional[str] = None, within: float = 5) -> None:
        until = time.monotonic() + within
        while self.count(operation) < count:
            if time.monotonic() > until:
                raise AssertionError(f"{self.count(operation)} requests {operation or ''} within {within} s, not {count}")
            time.sleep(0.002)

    def note(self, abandoned: int = 0, wasted: int = 0) -> None:
        with self._lock:
            self.abandoned += abandoned
            self.wasted += wasted

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.down()

    # ---- how it works

    def _listen(self, port: int) -> None:
        self._listening = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(Stream(connection),), daemon=True).start()

    def _serve(self, client: Stream) -> None:
        with self._lock:
            self.connections += 1
            number = self.connections
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        server: Optional[Stream] = None
        self._streams.add(client)
        try:
            while client.is_open and not self.ended.is_set():
                server = self._exchange(client, server, number)
        except Gone:
            pass
        finally:
            self._streams.discard(client)
            client.close()
            if server:
                server.close()
            with self._lock:
                self.open -= 1

    def _exchange(self, client: Stream, server: Optional[Stream], number: int) -> Optional[Stream]:
        head, headers = client.read_head()
        if headers.get("expect", "").lower() == "100-continue":
            client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = client.read_body(headers)
        request = Request(headers.get("x-amz-target", "").partition(".")[2], headers, body, number, time.monotonic())
        fault = self._fault_for(request)
        if server is None or server.is_closed(0):
            try:
                server = Stream(socket.create_connection(("127.0.0.1", self._server_port), timeout=30))
            except OSError:
                client.reset()
                return None
        try:
            fault(Exchange(client, server, request, head, self))
        except Gone:  # the server closed: so does the proxy
            client.reset()
        return server

    def _fault_for(self, request: Request) -> Fault:
        with self._lock:
            self.requests.append(request)
            for plan in self._plans:
                if plan.operation in (None, request.operation) and plan.met < plan.times:
                    plan.met += 1
                    return plan.fault
        return slow(self.delay)


if __name__ == "__main__":  # proxy.py PORT DELAY: in a process of its own, as long as its input lasts; prints its address
    with Proxy(int(sys.argv[1]), float(sys.argv[2])) as running:
        print(running.endpoint, flush=True)
        sys.stdin.read()

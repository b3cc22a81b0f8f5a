"""What may stand between a client and an endpoint: a front that speaks TLS, and a proxy that is asked by CONNECT or with whole URLs.

    with Tunnel(port, tls=("server.pem", "server.key")) as front:   # https://127.0.0.1:<front.port> is what http://127.0.0.1:<port> is
    with Tunnel() as proxy:                                         # HTTPS_PROXY=proxy.url; proxy.asked has a line for each request to it
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any, List, Optional, Set, Tuple
from urllib.parse import urlsplit


class Tunnel:
    def __init__(self, port: Optional[int] = None, tls: Optional[Tuple[str, str]] = None) -> None:
        """port: where all goes; without one the client says where. tls: files of the certificate and of its key."""
        self.asked: List[str] = []  #: first lines of what a proxy was asked
        self.refused = 0  #: handshakes that the client gave up
        self._to, self._lock = port, threading.Lock()
        self._open: Set[socket.socket] = set()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self._tls and tls:
            self._tls.load_cert_chain(*tls)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for one in (self._listening, *self._open):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as both:
            if self._tls:
                try:
                    client = self._tls.wrap_socket(client, server_side=True)
                except OSError:
                    self.refused += 1
                    client.close()
                    raise
            self._keep(client, both)
            to, head = ("127.0.0.1", self._to), b""
            if not self._to:
                to, head = self._ask(client)
            server = socket.create_connection(to, timeout=10)
            self._keep(server, both)
            server.settimeout(None)
            if head:
                server.sendall(head)
            elif not self._to:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()
            _copy(client, server)

    def _keep(self, one: socket.socket, until: contextlib.ExitStack) -> None:
        with self._lock:
            self._open.add(one)
        until.callback(one.close)
        until.callback(self._open.discard, one)

    def _ask(self, client: socket.socket) -> "Tuple[Any, bytes]":
        """Where to, and what is to be sent there first: nothing after a CONNECT."""
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(1 << 16)
            if not part:
                raise OSError("the client has gone")
            head += part
        line = head.partition(b"\r\n")[0].decode()
        self.asked.append(line)
        method, target, _ = line.split()
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            return (host, int(port)), b""
        url = urlsplit(target)
        return (url.hostname, url.port), head.replace(target.encode(), (url.path or "/").encode(), 1)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        while part := source.recv(1 << 16):
            target.sendall(part)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)

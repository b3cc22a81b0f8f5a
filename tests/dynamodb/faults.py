"""What proxy.py does to a request in place of passing it through. A fault is given the exchange, and answers it as it likes."""

from __future__ import annotations

import email.utils
import json
import socket
import struct
import time
import zlib
from calendar import timegm
from threading import Event
from typing import TYPE_CHECKING, Any, Callable, Dict

if TYPE_CHECKING:
    from proxy import Exchange

Fault = Callable[["Exchange"], None]
CORAL = "com.amazon.coral.service#"
DYNAMODB = "com.amazonaws.dynamodb.v20120810#"


def reply(body: bytes, status: int = 200, content: str = "application/x-amz-json-1.0", **headers: str) -> bytes:
    """A whole reply with the CRC that DynamoDB gives; headers may replace it."""
    lines = {
        "Content-Type": content, "Content-Length": str(len(body)), "x-amzn-RequestId": "PROXY", "x-amz-crc32": str(zlib.crc32(body)),
        "Date": email.utils.formatdate(usegmt=True), **{name.replace("_", "-"): value for name, value in headers.items()},
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body


def error(status: int, code: str, message: str, **headers: str) -> bytes:
    return reply(json.dumps({"__type": code, "message": message}).encode(), status, **headers)


def answers(text: bytes) -> Fault:
    return lambda exchange: exchange.send(text)


def html(status: int = 503) -> Fault:
    page = b"<html><head><title>Gateway</title></head><body><h1>The gateway is having a bad day</h1></body></html>"
    return answers(reply(page, status, "text/html"))


def slow(seconds: float) -> Fault:
    """The answer comes, so much later."""

    def fault(exchange: Exchange) -> None:
        text = exchange.forward()
        exchange.wait(seconds)
        exchange.send(text)

    return fault


def held(released: Event) -> Fault:
    """The request waits before the server until it is released."""

    def fault(exchange: Exchange) -> None:
        while not released.wait(0.01) and not exchange.is_over():
            pass
        exchange.send(exchange.forward())

    return fault


def never(exchange: Exchange) -> None:
    """Takes the request and says nothing until the client goes away."""
    exchange.wait_for_client()
    exchange.close()


def refuses(exchange: Exchange) -> None:
    """Closes with a reset, before the server has seen the request."""
    exchange.reset()


def lost(exchange: Exchange) -> None:
    """The server has done it; its reply is lost."""
    exchange.forward()
    exchange.reset()


def reset(exchange: Exchange) -> None:
    """The server has done it; the connection breaks in the middle of the reply."""
    text = exchange.forward()
    exchange.send(text[: text.index(b"\r\n\r\n") + 4 + len(text.partition(b"\r\n\r\n")[2]) // 2])
    exchange.wait(0.02)  # a reset overtakes what is under way
    exchange.reset()


def truncated(exchange: Exchange) -> None:
    """The connection is closed in order, but before the body's end."""
    text = exchange.forward()
    exchange.send(text[:-1])
    exchange.close()


def wrong_crc(exchange: Exchange) -> None:
    """One letter of the body is another one; the body stays JSON, and says something else."""
    head, _, body = exchange.forward().partition(b"\r\n\r\n")
    at = next((i for i in range(len(body) - 1, -1, -1) if 48 <= body[i] < 57), None)
    changed = body[:at] + bytes([body[at] + 1]) + body[at + 1 :] if at is not None else b"{ }"
    exchange.send(reply(changed, int(head.split()[1]), x_amz_crc32=str(zlib.crc32(body))))


def gigantic(exchange: Exchange) -> None:
    """A body of 2 GiB, as far as the client takes it."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 2147483647\r\n\r\n{\"Responses\": \"")
    while exchange.send(b"x" * (1 << 18)):
        exchange.note_wasted(1 << 18)
    exchange.close()


def gigantic_in_chunks(exchange: Exchange) -> None:
    """The same, of a length that is not stated."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
    while exchange.send(b"40000\r\n" + b"x" * (1 << 18) + b"\r\n"):
        exchange.note_wasted(1 << 18)
    exchange.close()


def unprocessed(exchange: Exchange) -> None:
    """Of a batch the first half is done (of one, nothing); the rest is to be asked again."""
    asked: Dict[str, Any] = json.loads(exchange.request.body)
    tables = asked["RequestItems"]
    name = "UnprocessedKeys" if exchange.request.operation == "BatchGetItem" else "UnprocessedItems"
    now: Dict[str, Any] = {}
    later: Dict[str, Any] = {}
    for table, items in tables.items():
        each = items["Keys"] if isinstance(items, dict) else items
        half = len(each) // 2
        for part, into in ((each[:half], now), (each[half:], later)):
            if part:
                into[table] = {**items, "Keys": part} if isinstance(items, dict) else part
    answer: Dict[str, Any] = {"Responses": {table: [] for table in tables}} if name == "UnprocessedKeys" else {}
    if now:
        head, _, body = exchange.forward(json.dumps({**asked, "RequestItems": now}).encode()).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            exchange.send(head + b"\r\n\r\n" + body)
            return
        answer = json.loads(body)
    exchange.send(reply(json.dumps({**answer, name: later}).encode()))


def clock(ahead: float, code: str = "RequestTimeTooSkewed", status: int = 403) -> Fault:
    """The server's clock is so many seconds ahead of ours: what is signed with another time than that, by five minutes, is refused."""

    def fault(exchange: Exchange) -> None:
        now = time.time() + ahead
        date = email.utils.formatdate(now, usegmt=True)
        signed = timegm(time.strptime(exchange.request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ"))
        if abs(signed - now) > 300:
            exchange.send(error(status, CORAL + code, f"Signature expired: {signed} is not within 5 min. of {int(now)}", Date=date))
            return
        head, _, body = exchange.forward().partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"date:")]
        exchange.send(b"\r\n".join([*lines, b"Date: " + date.encode()]) + b"\r\n\r\n" + body)

    return fault


server_error = answers(error(500, CORAL + "InternalServerError", "The request processing has failed"))
throttled = answers(error(400, DYNAMODB + "ProvisionedThroughputExceededException", "The level of configured throughput was exceeded"))
denied = answers(error(403, CORAL + "AccessDeniedException", "User: arn:aws:iam::000000000000:user/cache is not authorized to perform this"))
denied_with_400 = answers(error(400, CORAL + "AccessDeniedException", "User: arn:aws:iam::000000000000:user/cache is not authorized to perform this"))
invalid = answers(error(400, CORAL + "ValidationException", "One or more parameter values were invalid"))
expired_token = answers(error(400, CORAL + "ExpiredTokenException", "The security token included in the request is expired"))
html_page = html()


def closes_with_reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()

"""A small HTTP API on loopback, for the examples that need one. It counts the requests it answered (GET /requests).

`python examples/server.py` serves until its standard input ends, and prints its address first.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Api(BaseHTTPRequestHandler):
    answered = 0

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        answer = self.answer([unquote(part) for part in url.path.split("/")[1:]], query)
        body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(200 if answer is not None else 404)
        self.send_header("Content-Type", "text/html" if isinstance(answer, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, path: "list[str]", query: "dict[str, str]") -> Any:
        if path == ["requests"]:
            return Api.answered
        Api.answered += 1
        if path[0] == "users" and len(path) == 2:
            return {"login": path[1], "name": f"Name of {path[1]}", "followers": len(path[1])}
        if path[0] == "users" and path[2:] == ["repos"]:
            return [{"name": f"{path[1]}-{n}", "stars": 10 * n} for n in range(3)]
        if path[0] == "forecast":
            return {"city": query["city"], "celsius": len(query["city"]) + 15}
        if path[0] == "historical":
            return {"city": query["city"], "year": int(query["year"]), "rainy_days": int(query["year"]) % 100}
        if path[0] == "page":
            return f"<html><title>{path[1]}</title></html>"
        return None

    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve() -> "tuple[ThreadingHTTPServer, str]":
    """Starts a server on a free port, in a thread; answers it and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"


if __name__ == "__main__":
    running, address = serve()
    print(address, flush=True)
    sys.stdin.read()
    running.shutdown()

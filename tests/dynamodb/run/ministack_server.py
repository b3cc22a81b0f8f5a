"""Serves ministack's DynamoDB on a free port of loopback, prints the port, and ends with its standard input."""

import asyncio
import os
import socket

from until_input_ends import watch

watch()
listening = socket.create_server(("127.0.0.1", 0))
port = listening.getsockname()[1]
os.environ.update(
    GATEWAY_PORT=str(port), BIND_HOST="127.0.0.1", SERVICES="dynamodb", LOG_LEVEL="ERROR",
    SFTP_ENABLED="0", IOT_MTLS_ENABLED="0", DOCKER_HOST="unix:///nonexistent",
)  # fmt: skip

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402
from ministack.app import app  # noqa: E402

config = Config()
config.bind = [f"fd://{listening.detach()}"]
config.loglevel = "ERROR"
config.keep_alive_timeout = 75
print(port, flush=True)
asyncio.run(serve(app, config))

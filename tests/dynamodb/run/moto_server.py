"""Serves moto on a free port of loopback, prints the port, and ends with its standard input."""

import logging

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from until_input_ends import watch
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
MotoRequestHandler.protocol_version = "HTTP/1.1"  # connections are kept alive
watch()
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=MotoRequestHandler)
print(server.server_address[1], flush=True)
server.serve_forever()

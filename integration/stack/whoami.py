"""Stands in for traefik/whoami: shows the request as it came."""

import argparse
import http.server
import signal
import socket
import sys


class Whoami(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        headers = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        text = f"Hostname: {socket.gethostname()}\n{self.requestline}\n{headers}"
        body = b"" if self.path == "/health" else text.encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing: the clients count."""


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_):
        """Nothing either: a client has gone."""


# The first process of a container has no default for it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=80)
Server(("", parser.parse_args().port), Whoami).serve_forever()

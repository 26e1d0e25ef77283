"""An upstream on port 9000 and a DNS server on port 53, in a network where nothing else is; see image.sh."""

import http.server
import socket
import struct
import threading


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers `/503` with an empty 503, and all else with a greeting."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"" if self.path == "/503" else b"hello from the upstream"
        self.send_response(200 if body else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def resolve(server):
    """Says 127.0.0.1 to every question for an IPv4 address, and nothing to others."""
    while True:
        query, client = server.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        is_a = query[end - 4 : end] == struct.pack(">HH", 1, 1)
        header = query[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_a), 0, 0)
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("127.0.0.1") if is_a else b""
        server.sendto(header + query[12:end] + answer, client)


dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("127.0.0.1", 53))
threading.Thread(target=resolve, args=(dns,), daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", 9000), Upstream).serve_forever()

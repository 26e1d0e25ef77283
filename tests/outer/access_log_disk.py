"""Fills the disk of an access log, and looks at what it costs: access_log_disk.py RETORT FOLDER"""

import http.client
import http.server
import json
import pathlib
import sys
import threading
import time

import retort


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def until(what, is_so):
    end = time.monotonic() + 20
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: that never came")
        time.sleep(0.01)


def ask(port, count):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for number in range(count):
        connection.request("GET", f"/{number}", headers={"User-Agent": "x" * 200})
        response = connection.getresponse()
        if (response.status, response.read()) != (200, b"ok"):
            raise SystemExit(f"request {number} was answered with {response.status}")


def main(binary, folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    log, filler = pathlib.Path(folder, "access.log"), pathlib.Path(folder, "filler")
    filler.write_bytes(b"x" * 32 * 1024)
    with retort.Retort(binary, server.server_port, "--access-log", str(log)) as proxy:
        told = lambda: pathlib.Path(proxy.folder.name, "log").read_text()
        ask(proxy.port, 500)
        until("a warning", lambda: "the access log cannot be written; lines are lost" in told())
        filler.unlink()
        full = log.stat().st_size
        ask(proxy.port, 20)
        until("more lines", lambda: "the access log can be written again" in told() and log.stat().st_size > full)
        proxy.process.terminate()
        proxy.process.wait()
    text = log.read_text()
    lines, torn = text.splitlines(), 0
    for line in lines:
        try:
            json.loads(line)
        except ValueError:
            torn += 1
    if not text.endswith("\n") or torn > 1 or json.loads(lines[-1])["path"] != "/19":
        raise SystemExit(f"{len(lines)} lines, {torn} torn, the last: {lines[-1]}")
    print(f"520 requests answered; {len(lines)} lines, {torn} of them torn where the disk was full")


if __name__ == "__main__":
    main(*sys.argv[1:])

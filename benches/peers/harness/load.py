"""What loads a proxy: wrk, h2load, and idle connections."""

import re
import socket
import subprocess
import tempfile
from contextlib import contextmanager

from .scenarios import REQUEST_ID

CONNECTIONS = 64
# Streams on each of fewer connections in HTTP/2: as many requests at once.
H2_CONNECTIONS, H2_STREAMS = 8, 8
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
# Seconds that a load may take beyond its time.
PATIENCE = 30
# Connections from one address of the loopback network.
PER_ADDRESS = 5000


def headers(scenario):
    return ["-H", "X-Request-Id: " + REQUEST_ID, "-H", "Accept: " + scenario.accept]


def url(scenario, place):
    secure = scenario.protocol != "h1"
    return "%s://127.0.0.1:%d%s" % ("https" if secure else "http", place.tls if secure else place.port, scenario.path)


def saturate(pin, scenario, place, seconds):
    """As much as it takes. `pin` are the words that bind the command to a processor."""
    if scenario.protocol == "h2":
        return h2load(pin, scenario, place, seconds, ["-c%d" % H2_CONNECTIONS, "-m%d" % H2_STREAMS])
    command = pin + ["wrk", "-t1", "-c%d" % CONNECTIONS, "-d%ds" % max(1, round(seconds)), "--latency", *headers(scenario), url(scenario, place)]
    out = subprocess.run(command, capture_output=True, text=True).stdout
    percentiles = {rank: float(value) * UNITS[unit] for rank, value, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$", out, re.M)}
    count = re.search(r"(\d+) requests in", out)
    broken = re.search(r"Socket errors: (.*)", out)
    failures = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    count = int(count[1]) if count else 0
    failed = int(failures[1]) if failures else 0
    errors = broken[1] if broken else ""
    if failed != (0 if scenario.status < 400 else count):
        errors += " %d of %d with another status" % (abs((0 if scenario.status < 400 else count) - failed), count)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    return {"requests": count, "rate": float(rate[1]) if rate else 0, "p50_ms": percentiles.get("50"), "p99_ms": percentiles.get("99"),
            "errors": errors.strip()}


def fixed(pin, scenario, place, seconds, rate):
    """So many requests a second, spread over the connections. A connection has one request at a time, so a stall delays
    those behind it and is counted once: the tail is a lower bound."""
    options = ["--h1", "-c%d" % CONNECTIONS, "--rps=%g" % (rate / CONNECTIONS)]
    return h2load(pin, scenario, place, seconds, options)


def h2load(pin, scenario, place, seconds, options):
    with tempfile.NamedTemporaryFile(prefix="h2load") as log:
        command = pin + ["h2load", "-t1", "-D%d" % max(1, round(seconds)), "--log-file=" + log.name, *options, *headers(scenario), url(scenario, place)]
        try:
            out = subprocess.run(command, capture_output=True, text=True, timeout=seconds + PATIENCE).stdout
        except subprocess.TimeoutExpired:
            # It may wait for ever for a connection that is to end.
            return {"requests": 0, "rate": 0, "errors": "h2load did not end"}
        lines = [line.split() for line in open(log.name)]
    latencies = sorted(int(microseconds) for _, status, microseconds in lines if int(status) == scenario.status)
    others = len(lines) - len(latencies)
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", out)
    result = {"requests": len(lines), "rate": float(rate[1]) if rate else 0, "errors": "%d with another status" % others if others else ""}
    if latencies:
        at = lambda share: latencies[min(len(latencies) - 1, int(len(latencies) * share))] / 1e3
        result.update(p50_ms=at(0.5), p99_ms=at(0.99), p999_ms=at(0.999))
    return result


@contextmanager
def idle(scenario, place, count):
    """Connections that had one request each, and now wait."""
    request = ("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: %s\r\n\r\n" % (scenario.path, place.port, scenario.accept)).encode()
    open_sockets = []
    try:
        for index in range(count):
            client = socket.socket()
            open_sockets.append(client)
            client.settimeout(30)
            client.bind(("127.0.0.%d" % (2 + index // PER_ADDRESS), 0))
            client.connect(("127.0.0.1", place.port))
            client.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer or len(answer.split(b"\r\n\r\n", 1)[1]) < scenario.passes:
                piece = client.recv(65536)
                if not piece:
                    raise OSError("connection %d was closed" % index)
                answer += piece
        yield
    finally:
        for client in open_sockets:
            client.close()



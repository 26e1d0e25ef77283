"""Kills and restarts upstreams under load; see upstream-restart.sh."""

import asyncio
import collections
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

CLIENTS = 32
PATIENCE = 20
LARGE = 300_000

RULES = """<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="errors" code-regex="[45]\\d\\d"><message>rule: %s</message></status-code>
</response-messaging>
"""

# What the upstreams are asked for, and how.
REQUESTS = [
    ("GET", "/length"),
    ("GET", "/chunked"),
    ("POST", "/length"),
    ("GET", "/empty"),
    ("HEAD", "/length"),
    ("GET", "/large"),
]


# --- the upstream, a process of its own -------------------------------------------------------


async def upstream(address):
    host, port = address.rsplit(":", 1)
    server = await asyncio.start_server(answer, host, int(port))
    async with server:
        await server.serve_forever()


async def answer(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            if b"\r\nContent-Length: " in head:
                await reader.readexactly(int(head.split(b"\r\nContent-Length: ")[1].split(b"\r\n")[0]))
            writer.write(response(method, path))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def response(method, path):
    body = content(path)
    head = b"HTTP/1.1 " + (b"404 Not Found" if path == "/empty" else b"200 OK") + b"\r\nX-Origin: yes\r\n"
    if path == "/chunked":
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    return head if method == "HEAD" else head + body


def content(path):
    return {"/empty": b"", "/large": b"x" * LARGE}.get(path, b"the upstream, at " + path.encode())


# --- the clients ------------------------------------------------------------------------------


class Unexpected(Exception):
    """A response that is neither the upstream's nor a rule's."""


class Tally:
    def __init__(self):
        self.kinds = collections.Counter()
        self.wrong = []
        self.seconds = []
        self.is_over = False


async def client(proxy, tally, number):
    connection = None
    while not tally.is_over:
        method, path = REQUESTS[number % len(REQUESTS)]
        number += 1
        began = time.monotonic()
        try:
            connection = connection or await asyncio.open_connection(*proxy)
            kind, is_kept = await asyncio.wait_for(ask(*connection, method, path), PATIENCE)
        except (Unexpected, asyncio.TimeoutError, OSError) as error:
            kind, is_kept = "wrong", False
            tally.wrong.append(f"{method} {path}: {error!r}")
        tally.kinds[kind] += 1
        tally.seconds.append(time.monotonic() - began)
        if not is_kept and connection:
            connection[1].close()
            connection = None
    if connection:
        connection[1].close()


async def ask(reader, writer, method, path):
    """What kind of response there is, and whether the connection can be used again."""
    body = b"some content" if method == "POST" else b""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: app\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    try:
        status, fields = head(await reader.readuntil(b"\r\n\r\n"))
    except asyncio.IncompleteReadError as error:
        raise Unexpected(f"the connection ended, after {error.partial!r}") from error
    is_kept = fields.get("connection", "keep-alive") != "close"
    got, is_whole = await read(reader, method, fields)
    if "x-origin" in fields and status == 200:
        expected = b"" if method == "HEAD" else content(path)
        if is_whole and got == expected:
            return "the upstream's", is_kept
        if not is_whole and expected.startswith(got):
            return "the upstream's, cut off as it died", False
    elif is_whole and (status, path) == (404, "/empty") and "x-origin" in fields:
        if got == b"rule: 404":
            return "a rule's, for the upstream", is_kept
    elif is_whole and status in (502, 503) and got == (b"" if method == "HEAD" else b"rule: %d" % status):
        return f"a rule's, {status}", is_kept
    raise Unexpected(f"{status} {fields} whole: {is_whole}, {got[:80]!r}")


def head(raw):
    line, *lines = raw.decode().split("\r\n")[:-2]
    version, status, _ = line.split(" ", 2)
    fields = {}
    for field in lines:
        name, value = field.split(":", 1)
        if name.lower() in fields:
            raise Unexpected(f"{name} twice")
        fields[name.lower()] = value.strip().lower()
    if version != "HTTP/1.1" or ("content-length" in fields) == ("transfer-encoding" in fields):
        raise Unexpected(raw)
    return int(status), fields


async def read(reader, method, fields):
    """The content, and whether it came to its end."""
    if method == "HEAD":
        return b"", True
    got = b""
    try:
        if "content-length" in fields:
            return await reader.readexactly(int(fields["content-length"])), True
        while True:
            size = int(await reader.readuntil(b"\r\n"), 16)
            got += (await reader.readexactly(size + 2))[:-2]
            if size == 0:
                return got, True
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        return got + getattr(error, "partial", b""), False


# --- the whole --------------------------------------------------------------------------------


def free(ip):
    with socket.socket() as probe:
        probe.bind((ip, 0))
        return f"{ip}:{probe.getsockname()[1]}"


def start(address):
    return subprocess.Popen([sys.executable, __file__, "upstream", address])


async def listens(address):
    host, port = address.rsplit(":", 1)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            return
        except OSError:
            await asyncio.sleep(0.02)
    raise SystemExit(f"nobody listens on {address}")


async def restart(addresses, processes, seconds):
    """Kills one at a time, and now and then both; returns how often."""
    kills, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        victims = [0, 1] if kills % 5 == 4 else [kills % 2]
        for victim in victims:
            processes[victim].send_signal(signal.SIGKILL)
            processes[victim].wait()
        await asyncio.sleep(0.3)
        for victim in victims:
            processes[victim] = start(addresses[victim])
        for victim in victims:
            await listens(addresses[victim])
        await asyncio.sleep(0.7)
        kills += 1
    return kills


async def main(retort, seconds):
    folder = tempfile.TemporaryDirectory()
    rules = pathlib.Path(folder.name, "rules.xml")
    rules.write_text(RULES, encoding="utf-8")
    # While one is dead, nobody else is to get its port: each has an address of its own.
    addresses = [free("127.0.10.1"), free("127.0.10.2")]
    listen = free("127.0.10.3")
    processes = [start(address) for address in addresses]
    serve = [retort, "serve", "--rules", rules, "--listen", listen, "--log", "error", "--eject-time", "100ms"]
    serve += [part for address in addresses for part in ("--upstream", f"http://{address}")]
    proxy = subprocess.Popen(serve)
    try:
        for address in [*addresses, listen]:
            await listens(address)
        host, port = listen.rsplit(":", 1)
        tally = Tally()
        clients = [asyncio.create_task(client((host, int(port)), tally, number)) for number in range(CLIENTS)]
        kills = await restart(addresses, processes, seconds)
        tally.is_over = True
        await asyncio.gather(*clients)
        proxy.send_signal(signal.SIGTERM)
        code = proxy.wait(PATIENCE)
    finally:
        for process in [proxy, *processes]:
            process.kill()
    return report(tally, kills, code)


def report(tally, kills, code):
    seconds = sorted(tally.seconds)
    print(json.dumps({
        "kills": kills,
        "responses": sum(tally.kinds.values()),
        "kinds": dict(tally.kinds),
        "p50_ms": round(1000 * seconds[len(seconds) // 2], 1),
        "p99_ms": round(1000 * seconds[len(seconds) * 99 // 100], 1),
        "exit_code": code,
    }, indent=2))
    for wrong in tally.wrong[:10]:
        print(f"neither the upstream's nor a rule's: {wrong}", file=sys.stderr)
    is_loaded = tally.kinds["the upstream's"] > 100 * kills > 0
    if not is_loaded:
        print("too few responses of upstreams to tell anything", file=sys.stderr)
    return 0 if is_loaded and not tally.wrong and code == 0 else 1


if __name__ == "__main__":
    if sys.argv[1] == "upstream":
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        asyncio.run(upstream(sys.argv[2]))
    else:
        sys.exit(asyncio.run(main(os.path.abspath(sys.argv[1]), float(sys.argv[2]))))

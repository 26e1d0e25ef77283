"""What the load scripts share: the proxy as a process, paced clients, an upstream that misbehaves."""

import asyncio
import collections
import multiprocessing
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

PATIENCE = 20
NAMESPACE = "http://docs.openrepose.org/repose/response-messaging/v1.0"


class Proxy:
    """`retort serve`; its log is kept in a file."""

    def __init__(self, retort, folder, upstream, *more):
        self.log = pathlib.Path(folder, "log")
        serve = [retort, "serve", "--rules", pathlib.Path(folder, "rules.xml"), "--upstream", upstream]
        serve += ["--listen", "127.0.0.1:0", "--color", "never", *more]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(serve, stderr=log)
        self.address = self.listening()

    def listening(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r'listening on="127\.0\.0\.1:(\d+)"', self.text())
            if found:
                return "127.0.0.1", int(found[1])
            time.sleep(0.02)
        raise SystemExit(f"the proxy did not start:\n{self.text()}")

    def text(self):
        return self.log.read_text(errors="replace")

    def memory(self):
        """Resident memory in KiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def stop(self):
        """Ends it as an orchestrator does, and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()


# --- the upstream -----------------------------------------------------------------------------


class Upstream(asyncio.Protocol):
    """Answers `/STATUS`, `/STATUS/SIZE`, and in unexpected ways: `/cut`, `/reset`, `/broken-chunk`,
    `/short`, `/late`."""

    def connection_made(self, transport):
        self.transport = transport
        self.data = b""

    def data_received(self, data):
        self.data += data
        while True:
            head, end, rest = self.data.partition(b"\r\n\r\n")
            if not end:
                return
            length = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
            length = int(length[1]) if length else 0
            if len(rest) < length:
                return
            self.data = rest[length:]
            self.answer(head.split(b" ", 2)[1].decode())

    def answer(self, path):
        kind, _, size = path.lstrip("/").partition("/")
        write, close = self.transport.write, self.transport.close
        if kind == "cut":
            close()
        elif kind == "reset":
            option = socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, *option)
            self.transport.abort()
        elif kind == "broken-chunk":
            write(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\nbroken\r\n")
            close()
        elif kind == "short":
            write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort")
            close()
        elif kind == "late":
            asyncio.get_running_loop().call_later(0.2, write, whole("404", 0))
        else:
            write(whole(kind, int(size or 0)))


def whole(status, size):
    return b"HTTP/1.1 %s X\r\nContent-Length: %d\r\n\r\n" % (status.encode(), size) + b"x" * size


async def upstream_serving(ready):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", 0, backlog=1024)
    ready.send(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


def run_upstream(ready):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(upstream_serving(ready))


def start_upstream():
    """The process, and its URL."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=run_upstream, args=(theirs,), daemon=True)
    process.start()
    if not ours.poll(PATIENCE):
        raise SystemExit("the upstream did not start")
    return process, f"http://127.0.0.1:{ours.recv()}"


# --- the clients ------------------------------------------------------------------------------


class Response:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:200]!r}"


class Tally:
    """What came of the requests."""

    def __init__(self):
        self.kinds = collections.Counter()
        self.wrong = []
        self.seconds = []

    def count(self, kind, seconds):
        self.kinds[kind] += 1
        if len(self.seconds) < 1_000_000:
            self.seconds.append(seconds)

    def blame(self, what):
        self.kinds["unexpected"] += 1
        if len(self.wrong) < 20:
            self.wrong.append(what)

    def quantile(self, share):
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


async def ask(reader, writer, path, fields=""):
    writer.write(f"GET {path} HTTP/1.1\r\nHost: app\r\n{fields}\r\n".encode())
    raw = await reader.readuntil(b"\r\n\r\n")
    line, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    version, status, *_ = line.split(" ", 2)
    if version != "HTTP/1.1":
        raise ValueError(raw)
    got = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in lines)}
    body = b""
    if "content-length" in got:
        body = await reader.readexactly(int(got["content-length"]))
    elif got.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    return Response(int(status), got, body)


async def client(address, paths, rate, until, judge, tally):
    """Asks `rate` times a second, on one connection as long as it lasts. What is late is asked at once:
    a proxy that is slow is to get no less to do."""
    connection, turn, begun = None, 0, time.monotonic()
    while (now := time.monotonic()) < until:
        due = begun + turn / rate
        if due > now:
            await asyncio.sleep(due - now)
        path = paths[turn % len(paths)]
        turn += 1
        began = time.monotonic()
        is_kept = connection is not None
        try:
            connection = connection or await asyncio.open_connection(*address)
            response = await asyncio.wait_for(ask(*connection, path), PATIENCE)
            kind = judge(path, response)
            if kind is None:
                tally.blame(f"{path}: {response!r}")
            else:
                tally.count(kind, time.monotonic() - began)
            close = response.fields.get("connection") == "close"
        except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
            # A connection that was kept may have been closed meanwhile.
            is_retried = is_kept and isinstance(error, asyncio.IncompleteReadError) and not error.partial
            kind = "asked again" if is_retried else judge(path, error)
            if kind is None:
                tally.blame(f"{path}: {error!r}")
            else:
                tally.count(kind, time.monotonic() - began)
            turn -= is_retried
            close = True
        if close and connection:
            connection[1].close()
            connection = None
    if connection:
        connection[1].close()


async def load(address, paths, rate, seconds, judge, tally, clients=50):
    until = time.monotonic() + seconds
    shifted = [paths[index % len(paths) :] + paths[: index % len(paths)] for index in range(clients)]
    await asyncio.gather(*(client(address, paths, rate / clients, until, judge, tally) for paths in shifted))


# --- the report -------------------------------------------------------------------------------


def table(rows):
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")


def verdict(failures):
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    print("ok" if not failures else "not ok")
    return 1 if failures else 0

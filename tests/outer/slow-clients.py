"""Many clients that are slow on purpose, and one that is not. See slow-clients.sh."""

import asyncio
import contextlib
import random
import socket
import subprocess
import sys
import time

from retort import Retort, Upstream, allow_descriptors, table

HOSTILE = 1000
SECONDS = 5
MAX_P99_MS = 100


async def opened(port):
    return await asyncio.open_connection("127.0.0.1", port)


async def idle(port):
    """Connects, and says nothing."""
    reader, _ = await opened(port)
    await reader.read(1)


async def drip(port):
    """A head that never ends, a byte at a time."""
    _, writer = await opened(port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.5 + random.random())


async def slow_body(port):
    """Content that is promised, and comes a byte at a time."""
    _, writer = await opened(port)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.5 + random.random())


async def slow_read(port):
    """Asks for 64 MiB through a small window, and takes a hundred bytes of it now and then."""
    narrow = socket.socket()
    narrow.setblocking(False)
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=200)
    writer.transport.pause_reading()
    writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    while True:
        await asyncio.sleep(0.5 + random.random())
        writer.transport.resume_reading()
        if not await reader.read(100):
            return
        writer.transport.pause_reading()


async def half_idle(port):
    """A request, and then half of another one."""
    reader, writer = await opened(port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT")
    while await reader.read(1 << 16):
        pass


KINDS = {
    "idle": idle,
    "dripping head": drip,
    "slow content": slow_body,
    "slow reader": slow_read,
    "idle after a request": half_idle,
}


async def keep(kind, port):
    """Keeps such a connection, and makes another one when it ends."""
    while True:
        with contextlib.suppress(OSError):
            await kind(port)
        await asyncio.sleep(0.1)


async def hostile(port, *names):
    """All of them at once, until somebody ends this process."""
    allow_descriptors(16_384)
    kinds = [KINDS[name] for name in names]
    await asyncio.gather(*(keep(kinds[index % len(kinds)], int(port)) for index in range(HOSTILE)))


async def upstream():
    allow_descriptors(16_384)
    print(await Upstream().start(), flush=True)
    await asyncio.Event().wait()


@contextlib.contextmanager
def apart(*role):
    """Plays a role in a process of its own, so that it takes no time from what is measured here."""
    process = subprocess.Popen([sys.executable, __file__, "--role", *map(str, role)], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def normal(port, latencies, until):
    """A client that asks, reads, and asks again; every tenth time on a new connection."""
    count = 0
    while time.monotonic() < until:
        if count % 10 == 0:
            reader, writer = await opened(port)
        count += 1
        started = time.monotonic()
        writer.write(b"GET /normal HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readexactly(2)
        latencies.append((time.monotonic() - started) * 1000)
        if count % 10 == 0:
            writer.close()
        await asyncio.sleep(0.01)


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


async def measured(name, port, seconds, retort):
    """Rows of the table, and what is wrong."""
    latencies = []
    await normal(port, latencies, time.monotonic() + seconds)
    latencies.sort()
    figures = (percentile(latencies, 0.5), percentile(latencies, 0.99), latencies[-1])
    row = (name, len(latencies), *(f"{figure:.2f}" for figure in figures), *footprint(retort))
    return row, [f"{name}: p99 is {figures[1]:.1f} ms"] if figures[1] >= MAX_P99_MS else []


def footprint(retort):
    return retort.descriptors(), f"{retort.rss():.0f}"


async def main(binary, *flags):
    allow_descriptors(16_384)
    rows, failures = [("clients", "requests", "p50 ms", "p99 ms", "max ms", "descriptors", "MiB")], []
    with apart("upstream") as origin, Retort(binary, int(origin.stdout.readline()), *flags) as retort:
        await normal(retort.port, [], time.monotonic() + 1)
        base = retort.descriptors()
        crowds = {f"{HOSTILE} {name}": [name] for name in KINDS} | {f"{HOSTILE} of all kinds": list(KINDS)}
        for name, kinds in ({"none": []} | crowds).items():
            with apart("hostile", retort.port, *kinds) if kinds else contextlib.nullcontext():
                if kinds:
                    await asyncio.sleep(3)
                row, failed = await measured(name, retort.port, SECONDS, retort)
                rows.append(row)
                failures += failed
            if not kinds and failed:
                print("this machine is too busy to measure on:", *failed)
                return 2
        # Those that a worker keeps for the upstream are no leak.
        kept = base + 128 * 8
        deadline = time.monotonic() + 15
        while retort.descriptors() > kept and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        rows.append(("none any more", "", "", "", "", *footprint(retort)))
        if retort.descriptors() > kept:
            failures.append(f"{retort.descriptors()} descriptors are open, {base} were")
    table(rows)
    print()
    print("\n".join(failures) or f"p99 stays below {MAX_P99_MS} ms, and descriptors return to their base")
    return 1 if failures else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--role", "hostile", *arguments]:
            asyncio.run(hostile(*arguments))
        case ["--role", "upstream"]:
            asyncio.run(upstream())
        case arguments:
            sys.exit(asyncio.run(main(*arguments)))

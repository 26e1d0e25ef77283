"""Slow clients that wait for their end. See limits.sh."""

import asyncio
import contextlib
import sys
import time

from retort import Retort, Upstream, allow_descriptors, table

FLAGS = ["--h2c", "--head-timeout", "4s", "--keep-alive-timeout", "6s", "--body-timeout", "5s"]
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

# What is sent first, what every half second, the limit in seconds, and how the last answer begins.
KINDS = {
    "nothing": (b"", b"", 4, b""),
    "half a head": (b"GET / HTTP/1.1\r\n", b"", 4, b"HTTP/1.1 408"),
    "a dripping head": (b"GET / HTTP/1.1\r\nX: ", b"a", 4, None),
    "half the preface of HTTP/2": (PREFACE[:10], b"", 4, b""),
    "nothing after a request": (REQUEST, b"", 6, b""),
    "half a head after a request": (REQUEST + REQUEST[:10], b"", 6, None),
    "no content": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", b"", 5, b"HTTP/1.1 408"),
    "dripping content": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n", b"a", 5, None),
    # One more second is for both sides to say goodbye.
    "no stream of HTTP/2": (PREFACE, b"", 7, None),
}


async def wait(port, first, more, answer):
    """Seconds until the end, and whether the last answer was as expected."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start, last = time.monotonic(), None
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        writer.write(first)
        if first.startswith(REQUEST):
            await reader.readuntil(b"\r\n\r\nok")
            start = time.monotonic()
        last = b""
        while True:
            try:
                part = await asyncio.wait_for(reader.read(4096), 0.5 if more else 30)
            except asyncio.TimeoutError:
                writer.write(more)
                continue
            if not part:
                break
            last += part
    elapsed = time.monotonic() - start
    writer.close()
    return elapsed, last is not None and (answer is None or (last.startswith(answer) if answer else not last))


async def main(binary, count):
    allow_descriptors(16_384)
    upstream = Upstream()
    rows, failures = [("clients", "limit s", "first s", "last s", "as expected")], []
    with Retort(binary, await upstream.start(), *FLAGS, "--max-connections", "10000") as retort:
        base = retort.descriptors()
        for name, (first, more, limit, answer) in KINDS.items():
            ends = await asyncio.gather(*(wait(retort.port, first, more, answer) for _ in range(count)))
            times, good = sorted(time for time, _ in ends), sum(good for _, good in ends)
            rows.append((f"{count} send {name}", limit, f"{times[0]:.2f}", f"{times[-1]:.2f}", good))
            if times[0] < limit - 1 or times[-1] > limit + 1 or good < count:
                failures.append(f"{name}: see above")
        # Those that are kept for the upstream are no leak; it closes them now.
        upstream.server.close()
        upstream.server.close_clients() if hasattr(upstream.server, "close_clients") else None
        deadline = time.monotonic() + 70
        while retort.descriptors() > base + 4 and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        rows.append((f"descriptors: {base} before, {retort.descriptors()} after", "", "", "", ""))
        if retort.descriptors() > base + 4:
            failures.append("descriptors are left")
    table(rows)
    print()
    print("\n".join(failures) or "each ended at its limit, and nothing is left of it")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))

"""Abuses HTTP/2 in the ways that made advisories. See h2-abuse.sh."""

import asyncio
import sys
import time

import h2.config
import h2.connection
import h2.events
import hpack
from hyperframe.frame import (
    ContinuationFrame, DataFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame,
)

from retort import Retort, Upstream, table

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_GROWTH_MIB = 64
REQUEST = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/abuse")]


class Connection:
    """Writes frames, and reads whatever comes beside."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.encoder = hpack.Encoder()
        self.received = asyncio.create_task(self.read_all())

    @classmethod
    async def open(cls, port, reads=True):
        connection = cls(*await asyncio.open_connection("127.0.0.1", port))
        if not reads:
            connection.received.cancel()
        connection.writer.write(PREFACE)
        connection.frame(SettingsFrame(0))
        return connection

    async def read_all(self):
        received = bytearray()
        try:
            while data := await self.reader.read(1 << 16):
                received += data[: max(0, (1 << 20) - len(received))]
        except ConnectionError:
            pass
        return bytes(received)

    def frame(self, frame, *flags):
        frame.flags.update(flags)
        self.writer.write(frame.serialize())

    def headers(self, stream, fields, *flags):
        frame = HeadersFrame(stream)
        frame.data = self.encoder.encode(fields, huffman=False)
        self.frame(frame, "END_HEADERS", *flags)

    async def sent(self):
        """Waits until the other end took it; tells whether it did, or closed."""
        try:
            await asyncio.wait_for(self.writer.drain(), 5)
            return not self.writer.transport.is_closing()
        except (ConnectionError, asyncio.TimeoutError):
            return False

    async def close(self):
        self.writer.close()
        try:
            await asyncio.wait_for(asyncio.gather(self.received, return_exceptions=True), 5)
        except asyncio.TimeoutError:
            pass


async def rapid_reset(connection):
    for number in range(20_000):
        stream = 2 * number + 1
        connection.headers(stream, REQUEST, "END_STREAM")
        connection.frame(RstStreamFrame(stream, error_code=8))
        if number % 100 == 0 and not await connection.sent():
            return f"closed after {number}"
    return "open"


async def made_to_reset(connection):
    """Lets the server reset the streams: a window must not grow by nothing."""
    for number in range(20_000):
        stream = 2 * number + 1
        connection.headers(stream, REQUEST)
        connection.frame(WindowUpdateFrame(stream, window_increment=1))
        frame = WindowUpdateFrame(stream, window_increment=1).serialize()
        connection.writer.write(frame[:-4] + bytes(4))
        if number % 100 == 0 and not await connection.sent():
            return f"closed after {number}"
    return "open"


async def continuations(connection):
    frame = HeadersFrame(1)
    frame.data = connection.encoder.encode(REQUEST)
    connection.frame(frame)
    for number in range(4_000):
        frame = ContinuationFrame(1)
        frame.data = connection.encoder.encode([(f"x-{number}", "a" * 4000)], huffman=False)
        connection.frame(frame)
        if number % 10 == 0 and not await connection.sent():
            return f"closed after {number}"
    return "open"


async def compressed_fields(connection):
    """A large field, once in the table, is one byte in each later block."""
    connection.headers(1, REQUEST + [("x", "a" * 3900)], "END_STREAM")
    for number in range(1, 50):
        connection.headers(2 * number + 1, REQUEST + [("x", "a" * 3900)] * 1000, "END_STREAM")
        if not await connection.sent():
            return f"closed after {number}"
    return "open"


async def empty_data(connection):
    connection.headers(1, [(":method", "POST")] + REQUEST[1:])
    for number in range(200_000):
        connection.frame(DataFrame(1))
        if number % 1000 == 0 and not await connection.sent():
            return f"closed after {number}"
    return "open"


async def settings(connection):
    for number in range(50_000):
        frame = SettingsFrame(0)
        frame.settings = {SettingsFrame.INITIAL_WINDOW_SIZE: number}
        connection.frame(frame)
        if number % 500 == 0 and not await connection.sent():
            return f"closed after {number}"
    return "open"


async def pings(connection):
    for number in range(200_000):
        connection.frame(PingFrame(0, opaque_data=number.to_bytes(8, "big")))
        if number % 1000 == 0 and not await connection.sent():
            return f"closed after {number}"
    return "open"


async def priorities(connection):
    for number in range(100_000):
        connection.frame(PriorityFrame(2 * (number % 1000) + 1, depends_on=2 * (number % 999) + 3))
        if number % 1000 == 0 and not await connection.sent():
            return f"closed after {number}"
    return "open"


async def unread_streams(connection):
    """Asks for much, and lets nothing of it come."""
    frame = SettingsFrame(0)
    frame.settings = {SettingsFrame.INITIAL_WINDOW_SIZE: 1}
    connection.frame(frame)
    for number in range(200):
        connection.headers(2 * number + 1, REQUEST[:3] + [(":path", "/large")], "END_STREAM")
    await connection.sent()
    await asyncio.sleep(2)
    return "open" if await connection.sent() else "closed"


BAD_REQUESTS = {
    "no method": REQUEST[1:],
    "no path": REQUEST[:3],
    "no scheme": [REQUEST[0]] + REQUEST[2:],
    "an empty path": REQUEST[:3] + [(":path", "")],
    "a relative path": REQUEST[:3] + [(":path", "a")],
    "a method twice": [REQUEST[0]] + REQUEST,
    "a path twice": REQUEST + [(":path", "/b")],
    "a pseudo field that nobody knows": [(":x", "y")] + REQUEST,
    "a pseudo field of responses": REQUEST + [(":status", "200")],
    "a pseudo field behind others": REQUEST[:3] + [("x", "y"), REQUEST[3]],
    "a name in upper case": REQUEST + [("X", "y")],
    "a name with a colon": REQUEST + [("x:", "y")],
    "a name with a space": REQUEST + [("x y", "z")],
    "no name": REQUEST + [("", "y")],
    "a value with a line end": REQUEST + [("x", "y\r\nz: w")],
    "a value with a NUL": REQUEST + [("x", "y\0z")],
    "Connection": REQUEST + [("connection", "close")],
    "Transfer-Encoding": REQUEST + [("transfer-encoding", "chunked")],
    "TE": REQUEST + [("te", "gzip")],
    "two hosts": REQUEST + [("host", "b")],
    "a host that is none": REQUEST[:2] + [(":authority", "a b"), REQUEST[3]],
    "lengths that differ": REQUEST + [("content-length", "0"), ("content-length", "1")],
    "a length of nothing": REQUEST + [("content-length", "5")],
    "a name that looks like a length": REQUEST + [("content_length", "5")],
}


async def bad_request(port, fields):
    connection = await Connection.open(port)
    connection.headers(1, fields, "END_STREAM")
    reader = hpack.Decoder()
    # What comes behind it on the same connection: an answer to this shows that the first is done.
    connection.frame(PingFrame(0, opaque_data=b"afterall"))
    await connection.sent()
    await asyncio.sleep(0.2)
    connection.writer.write_eof()
    received = await asyncio.wait_for(connection.received, 5)
    await connection.close()
    verdict = "ignored"
    while len(received) >= 9:
        length, kind = int.from_bytes(received[:3], "big"), received[3]
        payload, received = received[9 : 9 + length], received[9 + length :]
        if kind == 1:
            verdict = dict(reader.decode(payload)).get(":status", "?")
        elif kind in (3, 7) and verdict == "ignored":
            verdict = "reset" if kind == 3 else "connection closed"
    return verdict


async def normal_request(port):
    """With a whole implementation of the protocol; returns how long it took."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    connection.initiate_connection()
    connection.send_headers(1, REQUEST[:3] + [(":path", "/normal")], end_stream=True)
    status = None
    while True:
        writer.write(connection.data_to_send())
        for event in connection.receive_data(await asyncio.wait_for(reader.read(1 << 16), 5)):
            if isinstance(event, h2.events.ResponseReceived):
                status = dict(event.headers).get(b":status", dict(event.headers).get(":status"))
            if isinstance(event, h2.events.StreamEnded):
                writer.close()
                assert status in (b"200", "200"), status
                return time.monotonic() - started


FLOODS = {
    "rapid reset": (rapid_reset, True),
    "streams that the server must reset": (made_to_reset, True),
    "CONTINUATION": (continuations, True),
    "one field in the table, many times": (compressed_fields, True),
    "empty DATA": (empty_data, True),
    "SETTINGS, acknowledgements unread": (settings, False),
    "PING, answers unread": (pings, False),
    "PRIORITY": (priorities, True),
    "200 streams of 64 MiB, unread": (unread_streams, True),
}


async def main(binary):
    upstream = Upstream()
    failures = []
    with Retort(binary, await upstream.start(), "--h2c") as retort:
        await normal_request(retort.port)
        base = retort.rss()
        rows = [("flood", "connection", "growth MiB", "a normal request after it, ms")]
        for name, (flood, reads) in FLOODS.items():
            connection = await Connection.open(retort.port, reads)
            end = await flood(connection)
            growth = retort.rss() - base
            await connection.close()
            took = await normal_request(retort.port) * 1000
            rows.append((name, end, f"{growth:.1f}", f"{took:.1f}"))
            if growth > MAX_GROWTH_MIB:
                failures.append(f"{name}: memory grew by {growth:.1f} MiB")
            if took > 1000:
                failures.append(f"{name}: a normal request took {took:.0f} ms")
        table(rows)

        before = len(upstream.paths)
        verdicts = await asyncio.gather(*(bad_request(retort.port, fields) for fields in BAD_REQUESTS.values()))
        reached = [path for path in upstream.paths[before:] if path != "/normal"]
        print()
        table([("request", "verdict"), *zip(BAD_REQUESTS, verdicts)])
        for name, verdict in zip(BAD_REQUESTS, verdicts):
            if verdict not in ("400", "reset", "connection closed"):
                failures.append(f"{name}: {verdict}")
        if reached:
            failures.append(f"the upstream got {reached}")
        await normal_request(retort.port)
        if retort.process.poll() is not None:
            failures.append("it ended")
    print()
    print("\n".join(failures) or "memory is bounded, and normal requests are served")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))

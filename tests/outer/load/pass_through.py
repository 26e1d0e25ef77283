"""Passes large bodies through; see ../pass-through.sh."""

import multiprocessing
import os
import pathlib
import socket
import sys
import tempfile
import threading
import time

import common

GROWTH = 5 * 1024
PIECE = bytes(range(256)) * 1024
# The second asks for the first byte before it lets anything go.
RULES = f"""<response-messaging xmlns="{common.NAMESPACE}">
  <status-code id="held" code-regex="404"><message>empty</message></status-code>
</response-messaging>
"""
HEADS = {
    "/length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
    "/held": b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nX-Size: %d\r\n\r\n",
}


def serve(ready, size):
    listener = socket.create_server(("127.0.0.1", 0))
    ready.send(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection, size), daemon=True).start()


def answer(connection, size):
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(65536)
            if not data:
                return
            head += data
        connection.sendall(HEADS[head.split(b" ")[1].decode()] % size)
        left = size
        while left:
            left -= connection.send(PIECE[: min(left, len(PIECE))])


def read(proxy, path, size, seen):
    """Reads a response; returns its bytes, the seconds up to the first one, and all."""
    begun = time.monotonic()
    with socket.create_connection(proxy.address) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        stream = connection.makefile("rb", buffering=0)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.read(1)
        first = time.monotonic() - begun
        # Chunks, where there are any, count as well: little more than the body.
        got, buffer, turn = 0, bytearray(1 << 20), 0
        while count := stream.readinto(buffer):
            got += count
            turn += 1
            if turn % 64 == 0:
                seen.append(proxy.memory())
    return got, first, time.monotonic() - begun


def main(retort, gigabytes):
    size = int(gigabytes * 1e9)
    ours, theirs = multiprocessing.Pipe()
    upstream = multiprocessing.Process(target=serve, args=(theirs, size), daemon=True)
    upstream.start()
    failures, rows = [], []
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "rules.xml").write_text(RULES)
        proxy = common.Proxy(retort, folder, f"http://127.0.0.1:{ours.recv()}")
        try:
            for path in HEADS:
                # Buffers of one connection are the start.
                before = proxy.memory()
                seen = [before]
                got, first, all_of_it = read(proxy, path, size, seen)
                growth = max(seen) - before
                rows += [(f"{path}: bytes", got), (f"{path}: first byte", f"{1000 * first:.1f} ms")]
                rows += [(f"{path}: throughput", f"{got / all_of_it / 1e6:.0f} MB/s")]
                rows += [(f"{path}: growth", f"{growth} KiB, {before} before")]
                if not size <= got <= size * 1.01:
                    failures.append(f"{path}: {got} of {size} bytes")
                if growth >= GROWTH:
                    failures.append(f"{path}: memory grew by {growth} KiB")
            code = proxy.stop()
        finally:
            proxy.process.kill()
            upstream.kill()
    common.table([*rows, ("exit code", code)])
    return common.verdict(failures + ([f"the proxy ended with {code}"] if code else []))


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), float(sys.argv[2])))

"""A running Retort for the scripts beside this one, and an upstream that answers it."""

import asyncio
import pathlib
import re
import resource
import subprocess
import tempfile

RULES = """<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="errors" code-regex="[45]..">
    <message media-type="*/*">status %s</message>
  </status-code>
</response-messaging>"""


class Retort:
    """`retort serve` on a free port, for as long as the block lasts."""

    def __init__(self, binary, upstream, *flags):
        self.binary, self.upstream, self.flags = binary, upstream, flags

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        rules = pathlib.Path(self.folder.name, "rules.xml")
        rules.write_text(RULES)
        self.log = open(pathlib.Path(self.folder.name, "log"), "w+")
        command = [self.binary, "serve", "--rules", rules, "--listen", "127.0.0.1:0", "--log", "info",
                   "--upstream", f"http://127.0.0.1:{self.upstream}", *self.flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening.*127\.0\.0\.1:(\d+)", re.sub(r"\x1b\[[0-9;]*m", "", line)):
                self.port = int(found[1])
                break
        else:
            raise SystemExit("it does not start")
        # Else the log would fill the pipe, and stop it.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=self.log)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.drain.wait()
        self.log.close()
        self.folder.cleanup()

    def rss(self):
        """Resident memory, in MiB."""
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())[1]) / 1024

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))


class Upstream:
    """Answers `/large` with 64 MiB, all else with `ok`; remembers the paths."""

    LARGE = 64 * 1024 * 1024

    def __init__(self):
        self.paths = []

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 20, backlog=4096)
        return self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                path = head.split(" ")[1]
                self.paths.append(path)
                if length := re.search(r"(?i)^content-length: *(\d+)", head, re.M):
                    await reader.readexactly(int(length[1]))
                elif re.search(r"(?i)^transfer-encoding:", head, re.M):
                    await reader.readuntil(b"0\r\n\r\n")
                if path == "/large":
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.LARGE)
                    for _ in range(self.LARGE >> 16):
                        writer.write(bytes(1 << 16))
                        await writer.drain()
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def table(rows):
    """Prints rows in columns."""
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())


def allow_descriptors(count):
    """Raises the limit of open files, which children inherit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, most), most))

"""Clients ask Envoy without a pause while its processor is killed, comes back, is restarted in good order,
and reloads. Usage: load.py RETORT ENVOY SECONDS

Each response must be the upstream's, or wholly the message of one version of the rules; where the processor
is there, it must be the message. Nothing may fail."""

import asyncio
import collections
import os
import pathlib
import re
import sys
import tempfile

here = pathlib.Path(__file__).parent
sys.path[:0] = [str(here), str(here.parent / "load")]
from common import NAMESPACE, Tally, load, start_upstream, table, verdict
from setting import Envoy, Processor, port_of

RATE = 400
CLIENTS = 20
PATHS = ["/503", "/503/2000", "/200/500", "/404", "/429/10"]


def rules(version):
    return f"""<response-messaging xmlns="{NAMESPACE}">
  <status-code id="empty" code-regex="503"><header name="X-Version">{version}</header>
    <message>{version} %s {version}</message></status-code>
  <status-code id="all" code-regex="4.." overwrite="ALWAYS"><header name="X-Version">{version}</header>
    <message>{version} %s {version}</message></status-code>
</response-messaging>"""


class Judge:
    """Knows whether the processor has to be there, and counts what came."""

    def __init__(self):
        self.phase, self.must_answer = "begin", True
        self.kinds = collections.defaultdict(collections.Counter)
        self.versions = set()

    def __call__(self, path, response):
        kind = self.kind(path, response)
        self.kinds[self.phase][kind or "unexpected"] += 1
        return kind

    def kind(self, path, response):
        if isinstance(response, Exception):
            return None
        status, _, size = path.lstrip("/").partition("/")
        is_own = response.body == b"x" * int(size or 0) and response.status == int(status)
        if status == "200" or path == "/503/2000":
            return "passed" if is_own else None
        message = re.fullmatch(rb"(\d+) %s (\d+)" % status.encode(), response.body)
        version = response.fields.get("x-version", "").encode()
        if message and message[1] == message[2] == version and response.status == int(status):
            self.versions.add(version)
            return "message"
        # Nothing of a message may be in what passes without one.
        return "passed without" if is_own and not version and not self.must_answer else None


async def answered(judge):
    """Waits until messages come again."""
    before = judge.kinds[judge.phase]["message"]
    while judge.kinds[judge.phase]["message"] < before + 50:
        await asyncio.sleep(0.02)


async def script(judge, processor, folder, seconds):
    def phase(name, must_answer):
        judge.phase, judge.must_answer = name, must_answer

    phase("with it", True)
    await asyncio.sleep(seconds / 5)
    phase("killed", False)
    processor.kill()
    await asyncio.sleep(seconds / 5)
    processor.start()
    phase("it comes back", False)
    await answered(judge)
    phase("with it again", True)
    await asyncio.sleep(seconds / 5)
    phase("restarted", False)
    loop = asyncio.get_running_loop()
    code = await loop.run_in_executor(None, processor.stop)
    processor.start()
    await answered(judge)
    phase("reloading", True)
    begun, version = loop.time(), 1
    while loop.time() - begun < seconds * 2 / 5:
        version += 1
        new = pathlib.Path(folder, "new.xml")
        new.write_text(rules(version))
        os.replace(new, pathlib.Path(folder, "rules.xml"))
        await asyncio.sleep(0.1)
    return code, version


async def run(retort, envoy, seconds):
    upstream, url = start_upstream()
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "rules.xml").write_text(rules(1))
        processor = Processor(retort, folder, "--log", "warn", "--lame-duck-time", "1s").start()
        front = Envoy(envoy, folder, port_of(url), processor.port)
        judge, tally = Judge(), Tally()
        try:
            # Longer than the script can take; it ends the matter.
            asking = asyncio.create_task(load(front.address, PATHS, RATE, 600, judge, tally, CLIENTS))
            code, version = await script(judge, processor, folder, seconds)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            end = processor.stop()
            log = processor.log.read_text(errors="replace")
        finally:
            front.end()
            processor.process.kill()
            upstream.kill()
    rows = [(name, ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
            for name, kinds in judge.kinds.items()]
    table([*rows, ("versions", f"{len(judge.versions)} seen of {version}"),
           ("p50, p99", f"{tally.quantile(.5):.1f} ms, {tally.quantile(.99):.1f} ms")])
    failures = [f"unexpected: {what}" for what in tally.wrong]
    failures += [f"exit code {code} on SIGTERM" for code in (code, end) if code != 0]
    if not judge.kinds["killed"]["passed without"]:
        failures.append("nothing passed while it was killed")
    if len(judge.versions) < 3:
        failures.append(f"too few versions were seen: {sorted(judge.versions)}")
    if "panic" in log:
        failures.append(f"a panic:\n{log}")
    return verdict(failures)


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1], sys.argv[2], float(sys.argv[3]))))

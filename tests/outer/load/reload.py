"""Replaces the rules under load; see ../reload-under-load.sh."""

import asyncio
import os
import pathlib
import re
import sys
import tempfile
import time

import common

EVERY = 0.1
# Two files with messages beside the rules: a version is all three of them, or nothing.
RULES = f"""<response-messaging xmlns="{common.NAMESPACE}">
  <status-code id="v%(n)d" code-regex="404">
    <header name="X-Version">%(n)d</header>
    <message>version=%(n)d path=%%U pad=%(pad)s</message>
  </status-code>
  <status-code id="w%(n)d" code-regex="503" overwrite="ALWAYS">
    <header name="X-Version">%(n)d</header>
    <message href="message.txt"/>
  </status-code>
</response-messaging>
"""
PATHS = ["/404", "/503/20", "/404", "/200/10", "/503", "/late"]


def publish(folder, number):
    """As the kubelet does: a folder of its own, and a link to it that is swapped."""
    version = pathlib.Path(folder, f"..{number}")
    version.mkdir()
    pad = "x" * (number % 7 * 50)
    (version / "rules.xml").write_text(RULES % {"n": number, "pad": pad})
    (version / "message.txt").write_text(f"version={number} path=%U")
    link = pathlib.Path(folder, "..new")
    link.symlink_to(version.name)
    os.replace(link, pathlib.Path(folder, "..data"))


def retire(folder, number):
    version = pathlib.Path(folder, f"..{number}")
    for file in version.iterdir():
        file.unlink()
    version.rmdir()


async def reload(folder, process, seconds):
    """Publishes versions; every third is announced by SIGHUP as well. Returns how many."""
    begun, number = time.monotonic(), 1
    while (now := time.monotonic()) < begun + seconds:
        due = begun + number * EVERY
        await asyncio.sleep(max(0, due - now))
        number += 1
        publish(folder, number)
        if number % 3 == 0:
            process.send_signal(common.signal.SIGHUP)
        if number > 20:
            retire(folder, number - 20)
    return number


def judge(path, response):
    """The version that the whole response is of; `None` where it is not of one."""
    if isinstance(response, Exception):
        return None
    if path == "/200/10":
        ok = response.status == 200 and response.body == b"x" * 10 and "x-version" not in response.fields
        return "passed" if ok else None
    status = 503 if path.startswith("/503") else 404
    found = re.fullmatch(rb"version=(\d+) path=(\S+)(?: pad=(x*))?", response.body)
    if response.status != status or not found:
        return None
    number = int(found[1])
    pad = None if status == 503 else b"x" * (number % 7 * 50)
    is_whole = response.fields.get("x-version") == str(number) and found[2] == path.encode() and found[3] == pad
    return number if is_whole else None


async def main(retort, seconds, rate):
    with tempfile.TemporaryDirectory() as folder:
        publish(folder, 1)
        for name in ("rules.xml", "message.txt"):
            pathlib.Path(folder, name).symlink_to(f"..data/{name}")
        upstream, url = common.start_upstream()
        proxy = common.Proxy(retort, folder, url, "--log", "warn,retort=info,retort::access=off")
        try:
            tally, before = common.Tally(), proxy.memory()
            published, _ = await asyncio.gather(
                reload(folder, proxy.process, seconds),
                common.load(proxy.address, PATHS, rate, seconds, judge, tally),
            )
            after, log = proxy.memory(), proxy.text()
            code = proxy.stop()
        finally:
            proxy.process.kill()
            upstream.kill()
    return report(tally, published, log, (before, after), code, rate, seconds)


def report(tally, published, log, memory, code, rate, seconds):
    served = sorted(kind for kind in tally.kinds if isinstance(kind, int))
    total = sum(tally.kinds.values())
    applied = log.count("rules are in force")
    refused = log.count("the rules were refused")
    common.table([
        ("responses", f"{total} ({total / seconds:.0f} a second)"),
        ("unexpected", tally.kinds["unexpected"]),
        ("asked again", tally.kinds["asked again"]),
        ("versions published", published),
        ("versions in force", applied),
        ("versions refused", refused),
        ("versions seen in responses", len(served)),
        ("p50, p99", f"{tally.quantile(0.5):.1f} ms, {tally.quantile(0.99):.1f} ms"),
        ("memory", f"{memory[0]} KiB before, {memory[1]} KiB after"),
        ("exit code", code),
    ])
    failures = [f"not of one version: {what}" for what in tally.wrong]
    if total < 0.8 * rate * seconds:
        failures.append("the load was lower than asked for; nothing is proven by that")
    # A reload takes its time, and shares a look with the next; but most are to be seen.
    if len(served) < 0.2 * published:
        failures.append("few of the versions were seen")
    if code != 0:
        failures.append(f"the proxy ended with {code}")
    return common.verdict(failures)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(os.path.abspath(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))))

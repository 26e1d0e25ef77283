"""Load, reloads and faults for long; see ../soak.sh."""

import asyncio
import os
import pathlib
import random
import sys
import tempfile
import time

import common

SAMPLES = 60
# What is not asked of the first part: caches and arenas fill.
WARM_UP = 0.25
# KiB an hour. A leak of a hundred bytes a request at 500 a second would be 175 MiB.
SLOPE = 10 * 1024
DESCRIPTORS = 20
RULES = f"""<response-messaging xmlns="{common.NAMESPACE}">
  <status-code id="always" code-regex="418" overwrite="ALWAYS"><message>%B bytes: %{{body}}x</message></status-code>
  <status-code id="empty" code-regex="[45]\\d\\d">
    <message media-type="application/json" content-type="application/json">{{"status":%s,"n":%d}}</message>
    <message>status %s for %U, version %d</message>
  </status-code>
</response-messaging>
"""
PATHS = ["/404", "/200/100", "/503/20", "/cut", "/418/300", "/reset", "/200/70000", "/broken-chunk", "/500",
         "/short", "/late", "/418/70000"]
BROKEN = "<response-messaging><status-code"


def publish(folder, number):
    text = BROKEN if number % 5 == 0 else RULES.replace("%d", str(number))
    file = pathlib.Path(folder, "new")
    file.write_text(text)
    os.replace(file, pathlib.Path(folder, "rules.xml"))


def judge(path, response):
    kind = path.split("/")[1]
    if isinstance(response, Exception):
        # The upstream's response broke off, and so does ours.
        return "broken off" if kind in ("short", "broken-chunk") else None
    expected = {"cut": 502, "reset": 502, "broken-chunk": 503, "late": 404}
    status = expected.get(kind) or int(kind)
    is_allowed = response.status == status or (kind == "broken-chunk" and response.status == 502)
    if not is_allowed or (status >= 400 and not response.body):
        return None
    return f"{response.status}"


async def disturb(address, until):
    """Clients that leave in the middle, say nothing, or say nonsense."""
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection(*address)
            words = [b"", b"GET /404 HT", b"GET /200/70000 HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\0nonsense\r\n\r\n",
                     b"POST /404 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
                     b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]
            writer.write(random.choice(words))
            await asyncio.sleep(random.uniform(0, 0.05))
            if random.random() < 0.5:
                writer.transport.abort()
            writer.close()
        except OSError:
            pass
        await asyncio.sleep(0.05)


async def reload(folder, process, until):
    number = 1
    while time.monotonic() < until:
        await asyncio.sleep(1)
        number += 1
        publish(folder, number)
        if number % 2:
            process.send_signal(common.signal.SIGHUP)
    return number


async def sample(proxy, seconds):
    samples, begun = [], time.monotonic()
    for index in range(SAMPLES + 1):
        await asyncio.sleep(max(0, begun + seconds * index / SAMPLES - time.monotonic()))
        samples.append((time.monotonic() - begun, proxy.memory(), proxy.descriptors()))
        if index % 10 == 0:
            at, memory, descriptors = samples[-1]
            print(f"  {at:7.0f} s  {memory:8} KiB  {descriptors:5} descriptors", flush=True)
    return samples


def slope(points):
    """Least squares."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return above / sum((x - mean_x) ** 2 for x, _ in points)


async def main(retort, minutes, rate):
    seconds = 60 * minutes
    with tempfile.TemporaryDirectory() as folder:
        publish(folder, 1)
        upstream, url = common.start_upstream()
        proxy = common.Proxy(retort, folder, url, "--log", "off,retort=info,retort::access=off,retort::proxy=off")
        try:
            tally, idle, until = common.Tally(), proxy.descriptors(), time.monotonic() + seconds
            samples, published, *_ = await asyncio.gather(
                sample(proxy, seconds),
                reload(folder, proxy.process, until),
                common.load(proxy.address, PATHS, rate, seconds, judge, tally),
                *(disturb(proxy.address, until) for _ in range(5)),
            )
            left = await settled(proxy)
            log = proxy.text()
            code = proxy.stop()
        finally:
            proxy.process.kill()
            upstream.kill()
    return report(tally, samples, published, (idle, left), log, code, seconds)


async def settled(proxy):
    """Descriptors once nothing is asked any more; those to the upstream may stay."""
    await asyncio.sleep(2)
    return proxy.descriptors()


def report(tally, samples, published, descriptors, log, code, seconds):
    warm = [sample for sample in samples if sample[0] >= WARM_UP * seconds]
    memory = slope([(at, memory) for at, memory, _ in warm]) * 3600
    handles = slope([(at, count) for at, _, count in warm]) * 3600
    half = len(warm) // 2
    grown = max(m for _, m, _ in warm[half:]) - max(m for _, m, _ in warm[:half])
    panics = log.count("retort::fault")
    common.table([
        ("responses", sum(tally.kinds.values())),
        *((f"  {kind}", count) for kind, count in sorted(tally.kinds.items())),
        ("p50, p99", f"{tally.quantile(0.5):.1f} ms, {tally.quantile(0.99):.1f} ms"),
        ("versions published", published),
        ("memory, slope", f"{memory:+.0f} KiB an hour"),
        ("memory, peak of the second half against the first", f"{grown:+} KiB"),
        ("descriptors, slope", f"{handles:+.1f} an hour"),
        ("descriptors, before, after", "{}, {}".format(*descriptors)),
        ("panics", panics),
        ("exit code", code),
    ])
    failures = [f"unexpected: {what}" for what in tally.wrong]
    # A slope over little time is noise; then it is what it amounts to that counts.
    if memory > SLOPE and grown > 2048:
        failures.append("memory grows")
    if descriptors[1] - descriptors[0] > DESCRIPTORS + 128:
        failures.append("descriptors are left")
    if panics or code != 0:
        failures.append("the proxy is not well")
    return common.verdict(failures)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(os.path.abspath(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))))

#!/usr/bin/env python3
"""Envoy alone, Envoy with Retort as its processor, and Retort alone, side by side:
    benches/envoy/bench.py RETORT ENVOY [SECONDS [ROUNDS]]

All run at once, on this machine; each round asks one after the other, so that what else the machine does hits
all alike. The figures are medians of the rounds. CPU is that of the proxy's processes, with the kernel's work
for them (/proc/PID/stat). Needs wrk and nginx, which is the upstream."""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parents[1] / "tests/outer" / part) for part in ("envoy", "load")]
from common import NAMESPACE, Proxy
from setting import Envoy, Processor, await_port, free_port

CLIENTS = 16
TICKS = os.sysconf("SC_CLK_TCK")
PATHS = {"/200": "200, 1 KiB", "/503": "503, empty: a message"}
RULES = f"""<response-messaging xmlns="{NAMESPACE}">
  <status-code id="errors" code-regex="[45]..">
    <message media-type="application/json" content-type="application/json">{{"status":%s,"path":"%U"}}</message>
    <message>status %s of %U</message>
  </status-code>
</response-messaging>"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location = /200 {{ return 200 "{content}"; }}
    location = /503 {{ return 503 ""; }}
  }}
}}
"""


class Nginx:
    def __init__(self, folder):
        self.port = free_port()
        conf = pathlib.Path(folder, "nginx.conf")
        conf.write_text(NGINX.format(folder=folder, port=self.port, content="x" * 1024))
        self.process = subprocess.Popen(["nginx", "-p", folder, "-c", conf], stderr=subprocess.DEVNULL)
        await_port(self.port, self.process, conf)


def cpu(processes):
    """Seconds that the processes have used."""
    ticks = 0
    for process in processes:
        fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def ask(address, path, seconds, processes):
    """Requests per second, p99 in ms, CPU per request in µs."""
    url, before = f"http://{address[0]}:{address[1]}{path}", cpu(processes)
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--latency", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    spent = cpu(processes) - before
    rate = float(re.search(r"Requests/sec: +([\d.]+)", text)[1])
    count = int(re.search(r"(\d+) requests in", text)[1])
    late, unit = re.search(r"99% +([\d.]+)(us|ms|s)", text).groups()
    broken = re.search(r"Socket errors: (.*)", text)
    if broken and re.search(r"(connect|read|write) [1-9]", broken[1]):
        raise SystemExit(f"{url}: {broken[0]}")
    return rate, float(late) * {"us": 0.001, "ms": 1, "s": 1000}[unit], 1e6 * spent / count


def main(retort, envoy, seconds=5, rounds=5):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "rules.xml").write_text(RULES)
        nginx = Nginx(folder)
        log = "--log", "warn"
        processor = Processor(retort, folder, "--threads", "1", *log).start()
        # The proxy of the load scripts reads its address in the log.
        alone = Proxy(retort, folder, f"http://127.0.0.1:{nginx.port}", "--threads", "1", "--log", "info,retort::access=off")
        bare = Envoy(envoy, folder, nginx.port, None, 1)
        both = Envoy(envoy, folder, nginx.port, processor.port, 1)
        asked = {
            "Envoy alone": (bare.address, [bare.process]),
            "Envoy + Retort": (both.address, [both.process, processor.process]),
            "Retort alone": (alone.address, [alone.process]),
        }
        try:
            figures = {(path, name): [] for path in PATHS for name in asked}
            for turn in range(rounds + 1):
                for path in PATHS:
                    for name, (address, processes) in asked.items():
                        # The first round is to warm up.
                        of = ask(address, path, seconds if turn else 1, processes)
                        if turn:
                            figures[path, name].append(of)
        finally:
            for process in (nginx.process, processor.process, alone.process, bare.process, both.process):
                process.terminate()
                process.wait()
    print(f"{CLIENTS} connections, one thread for each proxy, {rounds} rounds of {seconds} s; medians\n")
    print("| response | | requests/s | p99 | CPU per request |\n|---|---|---:|---:|---:|")
    for path, title in PATHS.items():
        for name in asked:
            rate, late, each = (statistics.median(column) for column in zip(*figures[path, name]))
            print(f"| {title} | {name} | {rate:,.0f} | {late:.2f} ms | {each:.0f} µs |")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:5]))

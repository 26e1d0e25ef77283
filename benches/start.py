#!/usr/bin/env python3
"""How long the command takes to start, and to load its rules anew, with so many of them.

    cargo build --release && benches/start.py            (or: --retort PROGRAM)

Start: from its start as a process to the end of the first response, which a rule made of a refused upstream connection.
Reload: a request to POST /reload on the admin listener, after the file was changed; so reading, checking and compiling
all rules, and a little HTTP. Medians, with the least and the most.
"""

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
STATUSES = (404, 500, 502, 503)


def document(rules, version):
    """Rules for paths that nobody asks for, with two messages each, and one for all errors at the end."""
    out = ["<response-messaging>"]
    for index in range(1, rules):
        out.append('<status-code id="r%d" code-regex="%d" path="/p%d/.*">' % (index, STATUSES[index % 4], index))
        for kind, text in (("application/json", '{"code":"%%s","of":"%d"}'), ("text/html", "<p>%%s of %d</p>")):
            out.append('<message media-type="%s" content-type="%s"><![CDATA[%s]]></message>' % (kind, kind, text % index))
        out.append("</status-code>")
    out.append('<status-code id="errors" code-regex="[45]\\d\\d"><message>%%s, version %d</message></status-code>' % version)
    out.append("</response-messaging>")
    return "\n".join(out)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(port, method="GET", path="/"):
    """The answer, once there is somebody to answer."""
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read()
        except ConnectionRefusedError:
            # As often as possible without taking the processor away.
            time.sleep(0.0002)


def told(name, times):
    milliseconds = sorted(time * 1000 for time in times)
    print("%-8s %6.1f ms (%.1f to %.1f, %d runs)" % (name, statistics.median(milliseconds), milliseconds[0], milliseconds[-1], len(times)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--retort", default=str(PROJECT / "target" / "release" / "retort"), metavar="PROGRAM")
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    size = os.stat(options.retort).st_size
    print("binary   %6.1f MiB; %d rules, of two messages each" % (size / 2**20, options.rules))
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.xml"
        rules.write_text(document(options.rules, 0))
        port, admin, nobody = free_port(), free_port(), free_port()
        argv = [options.retort, "serve", "--rules", str(rules), "--listen", "127.0.0.1:%d" % port, "--upstream",
                "http://127.0.0.1:%d" % nobody, "--admin", "127.0.0.1:%d" % admin, "--log", "error", "--lame-duck-time", "0s"]
        starts, reloads = [], []
        for run in range(options.runs):
            started = time.perf_counter()
            process = subprocess.Popen(argv)
            status, body = ask(port)
            starts.append(time.perf_counter() - started)
            assert (status, body) == (502, b"502, version 0"), (status, body)
            if run + 1 == options.runs:
                for version in range(1, options.runs + 1):
                    rules.write_text(document(options.rules, version))
                    started = time.perf_counter()
                    status, told_back = ask(admin, "POST", "/reload")
                    reloads.append(time.perf_counter() - started)
                    assert status == 200, (status, told_back)
                    assert ask(port) == (502, b"502, version %d" % version)
                with open("/proc/%d/status" % process.pid) as lines:
                    memory = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
            process.terminate()
            process.wait()
    told("start", starts)
    told("reload", reloads)
    print("memory   %6.1f MiB after that" % (int(memory) / 1024))


if __name__ == "__main__":
    sys.exit(main())

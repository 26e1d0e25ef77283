"""One peer before the origin: started, its answers checked, loaded, and what it took."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import load, machine
from .peers import Place

ORIGIN, PORT, TLS, ADMIN = 19000, 19100, 19143, 19901
# Of the time of a processor: more of it stolen, or used by others, and a measurement is marked.
STOLEN, FOREIGN = 0.05, 0.08


class Bench:
    def __init__(self, tools, folder, options):
        self.tools, self.options = tools, options
        self.folder = Path(folder)
        processors = sorted(os.sched_getaffinity(0))
        self.shares_one = len(processors) < 2
        # The proxy has a processor of its own; the origin and the load share the next.
        self.proxy_cpu, self.load_cpu = processors[0], processors[min(1, len(processors) - 1)]
        self.all_cpus = ",".join(map(str, processors))
        self.certificate = tools.certificate()
        self.origin = None

    def __enter__(self):
        self.origin = self._start([self.tools.paths["origin"], str(ORIGIN)], str(self.load_cpu), {}, os.devnull, self.folder)
        self._wait_for(self.origin, ORIGIN)
        return self

    def __exit__(self, *_):
        stop(self.origin)

    def pin(self, cpus):
        return ["taskset", "-c", str(cpus)]

    def peer(self, peer, variant):
        return Running(self, peer, variant)

    def direct(self, scenario, seconds):
        """The origin and the load without a proxy between them: the most that can be measured."""
        place = Place(self.folder, "base", ORIGIN, ORIGIN, 0, 0, "", "", "")
        return load.saturate(self.pin(self.load_cpu), scenario, place, seconds)

    def counts(self):
        return json.loads(ask(ORIGIN, "/stats").read())

    def _start(self, argv, cpus, environment, output, folder):
        with open(output, "ab") as stdout, open(folder / "stderr", "ab") as stderr:
            return subprocess.Popen(self.pin(cpus) + argv, env=dict(os.environ, **environment), cwd=folder,
                                    stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)

    @staticmethod
    def _wait_for(process, port, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if process.poll() is not None:
                raise Failed("it ended with %s" % process.returncode)
            try:
                socket.create_connection(("127.0.0.1", port), 0.5).close()
                return
            except OSError:
                time.sleep(0.002)
        raise Failed("it does not listen")


class Failed(Exception):
    pass


class Running:
    """A peer that runs."""

    def __init__(self, bench, peer, variant):
        self.bench, self.peer, self.variant = bench, peer, variant

    def __enter__(self):
        bench = self.bench
        folder = Path(tempfile.mkdtemp(prefix=self.peer.name + "-", dir=bench.folder))
        folder.chmod(0o755)
        self.place = Place(folder, self.variant, ORIGIN, PORT, TLS, ADMIN, *bench.certificate)
        command = self.peer.command(bench.tools.paths, self.place)
        cpus = bench.all_cpus if self.place.workers > 1 else str(bench.proxy_cpu)
        self.load_cpus = bench.all_cpus if self.place.workers > 1 else str(bench.load_cpu)
        began = time.monotonic()
        self.process = bench._start(command.argv, cpus, command.environment, command.output, folder)
        try:
            bench._wait_for(self.process, PORT)
            # Some listen before they know where to send requests.
            while ask(PORT, "/ok").status != 200 and time.monotonic() < began + 30:
                time.sleep(0.01)
            self.start_ms = (time.monotonic() - began) * 1e3
            bench._wait_for(self.process, TLS)
        except Failed as failed:
            stop(self.process)
            raise Failed("%s: %s" % (failed, (folder / "stderr").read_text()[-500:].strip()))
        return self

    def __exit__(self, *_):
        stop(self.process)

    def objection(self, scenario):
        """Asks once, and says what is wrong with the answer; None if nothing is."""
        body = self.place.folder / "answer"
        version = "--http2" if scenario.protocol == "h2" else "--http1.1"
        asked = subprocess.run(["curl", "-sk", version, "--max-time", "10", "-o", body, "-w", "%{http_code}\n%{http_version}\n%{content_type}",
                                *load.headers(scenario), load.url(scenario, self.place)], capture_output=True, text=True)
        status, spoken, content_type = (asked.stdout + "\n\n").split("\n")[:3]
        if spoken != ("2" if scenario.protocol == "h2" else "1.1"):
            return "no answer, or not over HTTP/%s (curl: %d)" % ("2" if scenario.protocol == "h2" else "1.1", asked.returncode)
        return scenario.objection(int(status), content_type, body.read_bytes() if body.exists() else b"", self.peer.replaces)

    def measure(self, scenario):
        """Measures until nothing disturbs it, as often as may be; gives the least disturbed."""
        if scenario.load == "idle":
            return self._idle(scenario)
        disturbance = lambda result: (bool(result["errors"]), result["stolen"] + result["foreign"])
        best = None
        for attempt in range(self.bench.options.tries):
            result = self._load(scenario)
            result["attempts"] = attempt + 1
            if best is None or disturbance(result) < disturbance(best):
                best = dict(result)
            if result["clean"]:
                break
        return best

    def _load(self, scenario):
        bench, options = self.bench, self.bench.options
        pin = bench.pin(self.load_cpus)
        if scenario.load == "rate":
            run = lambda seconds: load.fixed(pin, scenario, self.place, seconds, options.rate)
        else:
            run = lambda seconds: load.saturate(pin, scenario, self.place, seconds)
        run(options.warm_up)
        pids = machine.tree(self.process.pid)
        counts, cpu, origin, own = bench.counts(), machine.cpu_seconds(pids), machine.cpu_seconds([bench.origin.pid]), machine.own_children()
        window = machine.Window()
        result = run(options.seconds)
        shares = window.end()
        cpu_after, origin_after = machine.cpu_seconds(pids), machine.cpu_seconds([bench.origin.pid])
        after = bench.counts()
        requests = max(1, result["requests"])
        taken, user, system = (now - then for now, then in zip(cpu_after, cpu))
        ours = taken + origin_after[0] - origin[0] + machine.own_children() - own
        busy = sum(share["busy_s"] for share in shares.values())
        cpus = [bench.proxy_cpu] if self.place.workers == 1 else list(shares)
        result.update(
            cpu_us=taken * 1e6 / requests,
            system_share=system / (user + system) if user + system else None,
            proxy_busy=taken / window.seconds / self.place.workers,
            load_busy=shares[bench.load_cpu]["busy"],
            stolen=max(shares[cpu]["stolen"] for cpu in cpus),
            stolen_from_load=shares[bench.load_cpu]["stolen"],
            foreign=max(0, busy - ours) / window.seconds / len(shares),
            new_connections=max(0, after["connections"] - counts["connections"] - 1) * 1e3 / requests,
            resident_mib=machine.resident_kib(pids) / 1024,
        )
        result["clean"] = max(result["stolen"], result["stolen_from_load"]) <= STOLEN and result["foreign"] <= FOREIGN and not result["errors"]
        return result

    def _idle(self, scenario):
        count = self.bench.options.idle
        pids = machine.tree(self.process.pid)
        before = machine.resident_kib(pids)
        try:
            with load.idle(scenario, self.place, count):
                time.sleep(1)
                after = machine.resident_kib(machine.tree(self.process.pid))
        except OSError as error:
            return {"errors": "with %d connections: %s" % (count, error), "clean": True}
        return {"connections": count, "idle_mib": before / 1024, "resident_mib": after / 1024,
                "kib_per_connection": (after - before) / count, "errors": "", "clean": True}


def ask(port, path):
    """A response, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Connection": "close"})
    return connection.getresponse()


def stop(process):
    """Ends what was started here, and only that."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGINT if "retort" in str(process.args) else signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

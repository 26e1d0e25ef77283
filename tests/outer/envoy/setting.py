"""Envoy as it is shipped, and Retort as its processor, on free ports."""

import pathlib
import re
import socket
import subprocess
import time

PATIENCE = 30
SHIPPED = pathlib.Path(__file__).parents[3] / "deploy/envoy/envoy.yaml"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def await_port(port, process, log):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nobody listens on {port}:\n{log.read_text(errors='replace')}")


class Processor:
    """`retort ext-proc`, which can be killed and started again."""

    def __init__(self, retort, folder, *more):
        self.log = pathlib.Path(folder, "processor.log")
        self.port = free_port()
        self.command = [retort, "ext-proc", "--rules", pathlib.Path(folder, "rules.xml"), "--color", "never"]
        self.command += ["--listen", f"127.0.0.1:{self.port}", *more]

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        await_port(self.port, self.process, self.log)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it as an orchestrator does, and returns the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


class Envoy:
    """Envoy with deploy/envoy/envoy.yaml. Without a processor, the filter is left out."""

    def __init__(self, envoy, folder, upstream, processor=None, concurrency=2):
        config = SHIPPED.read_text()
        if processor is None:
            start, end = config.index("          # The first of all:"), config.index("          - name: envoy.filters.http.router")
            config = config[:start] + config[end:]
        else:
            config = config.replace("port_value: 9002", f"port_value: {processor}")
        self.address = "127.0.0.1", free_port()
        config = config.replace("port_value: 8080", f"port_value: {self.address[1]}")
        config = config.replace("port_value: 9000", f"port_value: {upstream}")
        # What is looked for here is no slowness, which a machine that does other things has anyway.
        config = config.replace("message_timeout: 0.5s", "message_timeout: 10s")
        name = "envoy" if processor else "bare"
        path, self.log = pathlib.Path(folder, f"{name}.yaml"), pathlib.Path(folder, f"{name}.log")
        path.write_text(config)
        command = [envoy, "--config-path", path, "--concurrency", str(concurrency), "--use-dynamic-base-id"]
        with self.log.open("wb") as log:
            command += ["--disable-hot-restart", "--log-level", "error"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        await_port(self.address[1], self.process, self.log)

    def end(self):
        self.process.kill()
        self.process.wait()


def port_of(url):
    return int(re.search(r":(\d+)$", url)[1])

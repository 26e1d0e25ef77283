"""Runs the blocks of the pages in docs/, in order, page by page; see docs.sh.

A page is run in an empty folder, by one shell, in a network of its own (where that is allowed), with
`retort` on the PATH and `conf/` beside it. What stands behind the language of a block says what it is:

    ```sh                       commands; each must succeed
    ```sh background            a command that goes on; the next block waits until it listens
    ```sh no-run: REASON        not run here, and counted
    ```sh exit=1                the last command ends with this code
    ```console                  `$ command` and the output that follows it; … stands for any part of a line,
                                and alone on a line for any lines
    ```console generated        the same, and `--update` writes the output into the page
    ```xml file=rules.xml       a file

Blocks of other languages, and without anything behind it, are read by people alone. Of links, those to
other files have to lead somewhere, the part behind # included.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

DOCS = pathlib.Path("docs")
PATIENCE = 60
BLOCK = re.compile(r"^( *)```([a-z]+)(?: +([^\n]*))?\n(.*?)^\1```$", re.M | re.S)
# Pages that others write and test.
OTHERS = {"benchmarks.md", "envoy.md"}


class Shell:
    """A shell that stays, in a folder and a network of its own."""

    def __init__(self, folder, retort):
        self.folder = folder
        (folder / ".bin").mkdir()
        (folder / ".bin/retort").symlink_to(os.path.abspath(retort))
        shutil.copytree("conf", folder / "conf")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RETORT_")}
        environment |= {"PATH": f"{folder}/.bin:{environment['PATH']}", "COLUMNS": "100", "NO_COLOR": "1",
                        "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(folder)}
        command = ["bash", "--noprofile", "--norc"]
        if ALONE:
            command = ["unshare", "--net", "bash", "-c", "ip link set lo up; exec bash --noprofile --norc"]
        self.process = subprocess.Popen(command, cwd=folder, env=environment, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.count = 0

    def run(self, script):
        """The exit code and the output."""
        self.count += 1
        mark = f"--- end {self.count} "
        # Not the shell's own standard input: a command may read what is its own.
        self.process.stdin.write(f"{{ {script}\n}} </dev/null; printf '\\n{mark}%d\\n' $?\n")
        self.process.stdin.flush()
        timer = threading.Timer(PATIENCE, self.end)
        timer.start()
        lines = []
        for line in self.process.stdout:
            if line.startswith(mark):
                timer.cancel()
                output = "".join(lines)
                return int(line.removeprefix(mark)), output.removesuffix("\n")
            lines.append(line)
        timer.cancel()
        return None, "".join(lines) + "\n(it did not come to an end)"

    def background(self, script):
        """Starts it and waits until it says that it listens; what it said if it does not."""
        self.count += 1
        log = self.folder / f".log-{self.count}"
        self.run(f"( {script}\n) >{log} 2>&1 & background=$!")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            text = log.read_text(errors="replace") if log.exists() else ""
            if re.search(r"listen|Serving HTTP", text):
                return None
            if self.run("kill -0 $background 2>/dev/null")[0]:
                break
            time.sleep(0.05)
        return f"it does not listen:\n{text}"

    def logs(self):
        return "".join(f"\n{log.name}:\n{log.read_text(errors='replace')[-1500:]}"
                       for log in sorted(self.folder.glob(".log-*")))

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Page:
    def __init__(self, path):
        self.path, self.text = path, path.read_text()
        self.ran, self.not_run, self.mistakes = 0, [], []

    def run(self, retort, update):
        blocks = list(BLOCK.finditer(self.text))
        if blocks:
            with tempfile.TemporaryDirectory() as folder:
                shell = Shell(pathlib.Path(folder), retort)
                try:
                    for block in blocks:
                        self.block(shell, block, update)
                        if self.mistakes:
                            # What follows would fail for the same reason.
                            self.mistakes.append(shell.logs())
                            break
                finally:
                    shell.end()
        self.mistakes += links(self.path, self.text)

    def block(self, shell, block, update):
        indent, language, kind, text = block.group(1), block.group(2), block.group(3) or "", block.group(4)
        text = re.sub(f"(?m)^{indent}", "", text)
        line = self.text.count("\n", 0, block.start()) + 1
        if language not in ("sh", "console") and not kind.startswith("file="):
            return
        if kind.startswith("no-run:"):
            self.not_run.append((line, kind.removeprefix("no-run:").strip()))
            return
        self.ran += 1
        mistake = None
        if kind.startswith("file="):
            target = shell.folder / kind.removeprefix("file=")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        elif language == "console":
            mistake = self.console(shell, text, block if update and kind == "generated" else None)
        elif kind == "background":
            mistake = shell.background(text)
        elif kind in ("", *(f"exit={code}" for code in range(1, 3))):
            wanted = int(kind.removeprefix("exit=") or 0)
            # In the same shell, so that what is set and where it went stays.
            code, output = shell.run(f"eval {quoted(joined(text))}")
            mistake = None if code == wanted else f"ended with {code}, not {wanted}:\n{output}"
        else:
            mistake = f"`{kind}` means nothing to docs.py"
        if mistake:
            self.mistakes.append(f"{self.path}:{line}: {mistake}")

    def console(self, shell, text, update):
        fresh = []
        for command, wanted in commands(text):
            code, output = shell.run(command)
            fresh.append("".join(f"{'$' if not n else '>'} {line}\n" for n, line in enumerate(command.split("\n"))))
            fresh.append(output.rstrip("\n") + "\n")
            if update is None and not fits(wanted, output):
                return f"$ {command}\n--- wanted\n{wanted}\n--- got (exit code {code})\n{output}"
        if update is not None:
            new = update.group(0).replace(update.group(4), "".join(fresh))
            self.text = self.text.replace(update.group(0), new)
            self.path.write_text(self.text)
        return None


def joined(script):
    """The commands, each only if those before have succeeded."""
    logical, lines = [], []
    for line in script.rstrip("\n").split("\n"):
        lines.append(line)
        probe = "\n".join(lines)
        is_whole = subprocess.run(["bash", "-n", "-c", probe], capture_output=True, text=True)
        if not line.endswith("\\") and is_whole.returncode == 0 and "here-document" not in is_whole.stderr:
            if any(text.strip() and not text.lstrip().startswith("#") for text in lines):
                logical.append("{ " + probe + "\n}")
            lines = []
    return " && ".join(logical + (["{ " + "\n".join(lines) + "\n}"] if lines else []))


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def commands(text):
    """Commands, each with the output that is to follow it."""
    found = []
    for line in text.split("\n"):
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        elif found:
            found[-1][1].append(line)
    return [(command, "\n".join(output).rstrip("\n")) for command, output in found]


def fits(wanted, got):
    pattern = ""
    for line in wanted.split("\n"):
        if line == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("…")) + r"\s*?\n"
    lines = "".join(line.rstrip() + "\n" for line in got.rstrip("\n").split("\n"))
    return re.fullmatch(pattern, lines) is not None


def links(path, text):
    """Links that lead nowhere."""
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name) if name else path
        if not file.exists():
            wrong.append(f"{path}: nothing is at {target}")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
            wrong.append(f"{path}: no heading is at {target}")
    return wrong


def anchors(text):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.M)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def unreached(pages):
    """Pages that the index does not lead to."""
    index = (DOCS / "README.md").read_text()
    listed = {(DOCS / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)\)", index)}
    return [str(page) for page in pages if page.resolve() not in listed and page != DOCS / "README.md"]


def main():
    retort, *more = sys.argv[1:]
    update = "--update" in more
    chosen = [pathlib.Path(page) for page in more if page != "--update"]
    pages = chosen or sorted(page for page in DOCS.rglob("*.md") if page.name not in OTHERS)
    ran, failed, not_run = 0, 0, []
    for path in pages:
        page = Page(path)
        page.run(retort, update)
        ran += page.ran
        not_run += [f"{path}:{line}: {reason}" for line, reason in page.not_run]
        failed += bool(page.mistakes)
        print(f"{'WRONG' if page.mistakes else 'ok'}: {path}, {page.ran} blocks", flush=True)
        for mistake in page.mistakes:
            print(mistake, flush=True)
    if not chosen and (lost := unreached(pages)):
        print("WRONG: docs/README.md leads to none of", *lost)
        failed += 1
    print(f"--- {len(not_run)} blocks are NOT RUN here:", *not_run, sep="\n    ")
    print(f"--- {ran} blocks were run")
    print(f"{len(pages) - failed} passed, {failed} failed")
    return 1 if failed else 0


# Root may make a network; others share the machine's, and its ports.
ALONE = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0

if __name__ == "__main__":
    sys.exit(main())

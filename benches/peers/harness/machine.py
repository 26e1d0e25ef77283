"""What the machine did meanwhile: processors, stolen time, processes, memory."""

import os
import platform
import resource
import time
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def describe():
    model = [line.split(":")[1].strip() for line in (PROC / "cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = int((PROC / "meminfo").read_text().split()[1]) / 2**20
    hypervisor = " (virtual)" if " hypervisor" in (PROC / "cpuinfo").read_text() else ""
    return "%d × %s%s, %.0f GiB, Linux %s" % (os.cpu_count(), model[0] if model else "?", hypervisor, memory, platform.release())


def raise_file_limit(wanted=65536):
    """As far as may be; the peers inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return soft
    for limits in ((wanted, max(hard, wanted)), (min(hard, wanted), hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return limits[0]
        except (ValueError, OSError):
            continue
    return soft


class Window:
    """How the processors spent the time between two looks."""

    def __init__(self):
        self.before = self._look()
        self.began = time.monotonic()

    def end(self):
        """For each processor the shares that were busy and stolen."""
        self.seconds = time.monotonic() - self.began
        shares = {}
        for name, after in self._look().items():
            spent = [now - then for now, then in zip(after, self.before[name])]
            total = max(1, sum(spent))
            busy = spent[0] + spent[1] + spent[2] + spent[5] + spent[6]
            shares[name] = {"busy": busy / total, "stolen": spent[7] / total, "busy_s": busy * TICK}
        return shares

    @staticmethod
    def _look():
        lines = [line.split() for line in (PROC / "stat").read_text().splitlines() if line[:3] == "cpu" and line[3].isdigit()]
        return {int(name[3:]): list(map(int, values[:8])) for name, *values in lines}


def tree(pid):
    """A process and its descendants."""
    children = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            stat = _stat(entry.name)
            if stat:
                children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def cpu_seconds(pids):
    """The time on a processor that processes took: the scheduler's nanoseconds of each thread; and the share of it in
    the kernel, which is known by ticks only. The kernel leaves stolen time out."""
    nanoseconds, user, system = 0, 0, 0
    for pid in pids:
        stat = _stat(pid)
        if stat:
            user, system = user + int(stat[11]), system + int(stat[12])
        for task in (PROC / str(pid) / "task").glob("*/schedstat"):
            try:
                nanoseconds += int(task.read_text().split()[0])
            except OSError:
                pass
    return nanoseconds / 1e9, user * TICK, system * TICK


def resident_kib(pids):
    """Memory of processes, what they share counted once."""
    total = 0
    for pid in pids:
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def own_children():
    """The time that ended children took: the load generators."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _stat(pid):
    try:
        return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None

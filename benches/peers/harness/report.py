"""From the results to tables and a chart."""

import json
import statistics
from pathlib import Path

from . import chart
from .peers import BY_PROFILE, PEERS
from .scenarios import SCENARIOS

BEGIN, END = "<!-- peers:begin -->", "<!-- peers:end -->"
# What Retort has to be, as many times the requests per second of another.
GOALS = {"envoy": 1.5, "caddy": 3, "traefik": 2.4}
GOAL_TRAEFIK_REPLACED = 4
GOAL_DISCARDED = 1.8
DISCARDED = ("big", "huge")
CHARTED = ("pass", "empty", "big")
# Of fewer requests, handshakes and the clock's grain are too large a part.
FEWEST = 500


def line(result):
    """One measurement, for the terminal."""
    if "cpu_us" not in result:
        return result["errors"] or "%.1f MiB, then %.1f MiB with %d connections: %.2f KiB each" % (
            result["idle_mib"], result["resident_mib"], result["connections"], result["kib_per_connection"])
    number = lambda value, form: form % value if value is not None else "-"
    return "%9.0f/s  p50 %s p99 %s ms  CPU %6.1f us  proxy %3.0f%% load %3.0f%% stolen %2.0f%% others %2.0f%%  %s %s" % (
        result["rate"], number(result.get("p50_ms"), "%6.2f"), number(result.get("p99_ms"), "%6.2f"), result["cpu_us"], result["proxy_busy"] * 100,
        result["load_busy"] * 100, max(result["stolen"], result["stolen_from_load"]) * 100, result["foreign"] * 100,
        "" if result["clean"] else "disturbed", result["errors"])


class Results:
    def __init__(self, path):
        records = [json.loads(text) for text in Path(path).read_text().splitlines()]
        self.conditions = [it for it in records if it["kind"] == "conditions"]
        self.starts = {}
        self.cells, self.cannot, self.wrong, self.direct = {}, {}, {}, {}
        for it in records:
            key = (it.get("scenario"), it.get("peer"))
            if it["kind"] == "result":
                self.cells.setdefault(key, []).append(it)
            elif it["kind"] == "start":
                self.starts.setdefault((it["variant"], it["peer"]), []).append(it["ms"])
            elif it["kind"] in ("cannot", "wrong"):
                getattr(self, it["kind"])[key] = it["why"]
            elif it["kind"] == "direct":
                self.direct.setdefault(it["scenario"], []).append(it["rate"])

    def cell(self, scenario, peer):
        """The undisturbed measurements, or all if there are none; and whether there are any."""
        found = [it for it in self.cells.get((scenario, peer), []) if not it["errors"] and it.get("requests", FEWEST) >= FEWEST]
        clean = [it for it in found if it["clean"]]
        return clean or found, bool(clean)

    def median(self, scenario, peer, what):
        values = [it[what] for it in self.cell(scenario, peer)[0] if it.get(what) is not None]
        return statistics.median(values) if values else None


def write(path, output):
    text = "\n".join(body(Results(path), output))
    if output == "-":
        print(text)
        return 0
    document = Path(output)
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(before + BEGIN + "\n" + text + "\n" + END + after)
    return 0


def body(results, output):
    yield from conditions(results)
    if output != "-":
        picture = Path(output).with_suffix(".svg")
        bars = {it.title: [(peer.title, results.median(it.name, peer.name, "cpu_us"), peer.replaces or it.passes is not None) for peer in PEERS]
                for it in SCENARIOS if it.name in CHARTED}
        picture.write_text(chart.svg("Microseconds of CPU per request, one worker", bars))
        yield "\n![CPU per request](%s)" % picture.name
    yield from goals(results)
    for scenario in SCENARIOS:
        if any(name == scenario.name for name, _ in results.cells):
            yield from {"idle": memory, "rate": latency}.get(scenario.load, saturation)(results, scenario)
    yield from starts(results)


def conditions(results):
    for it in results.conditions[-1:]:
        yield "Measured %s: %s; %d round%s of %g s for each%s. Load average at the start: %s." % (
            it["when"], it["machine"], it["rounds"], "s" if it["rounds"] > 1 else "", it["seconds"], ", **quick**" if it["quick"] else "",
            ", ".join("%.1f" % value for value in it["load"]))
        yield "Versions: " + ", ".join("%s %s" % pair for pair in it["versions"].items()) + "."
    if results.direct:
        yield "Origin and load alone, sharing their processor: " + ", ".join(
            "%s %.0f/s" % (name, statistics.median(rates)) for name, rates in results.direct.items()) + "."
    measured = [it for them in results.cells.values() for it in them if "stolen" in it]
    if measured:
        stolen = sorted(max(it["stolen"], it["stolen_from_load"]) for it in measured)
        yield "Of %d measurements, %d were undisturbed; stolen time in them: %.0f %% in the median, %.0f %% at most." % (
            len(measured), sum(it["clean"] for it in measured), statistics.median(stolen) * 100, stolen[-1] * 100)


def saturation(results, scenario):
    yield "\n### %s\n" % scenario.title
    yield "| | CPU µs per request | of it in the kernel | requests/s | proxy's processor busy | new upstream connections per 1000 | memory MiB |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for peer in PEERS:
        cell, is_clean = results.cell(scenario.name, peer.name)
        if not cell:
            why = results.wrong.get((scenario.name, peer.name)) or results.cannot.get((scenario.name, peer.name))
            if results.cells.get((scenario.name, peer.name)):
                why = "too few requests, or broken ones"
            if why:
                yield "| %s | %s | | | | | |" % (peer.title, why.splitlines()[0][:100])
            continue
        title = peer.title + ("" if peer.replaces or scenario.passes is not None else " (passes it)")
        median = lambda what: results.median(scenario.name, peer.name, what)
        shared = median("system_share")
        yield "| %s | %s%s | %s | %s | %.0f %%%s | %.1f | %.0f |" % (
            title, spread([it["cpu_us"] for it in cell], "%.1f"), "" if is_clean else " ~", "%.0f %%" % (shared * 100) if shared is not None else "",
            spread([it["rate"] for it in cell], "%.0f"), median("proxy_busy") * 100, "" if median("proxy_busy") > 0.9 else " ¹",
            median("new_connections"), median("resident_mib"))


def latency(results, scenario):
    yield "\n### %s\n" % scenario.title
    yield "| | median ms | 99 % ms | 99.9 % ms | requests/s | CPU µs per request |"
    yield "|---|--:|--:|--:|--:|--:|"
    for peer in PEERS:
        cell, is_clean = results.cell(scenario.name, peer.name)
        if cell:
            of = lambda what, form: spread([it[what] for it in cell if it.get(what) is not None], form)
            title = peer.title + ("" if peer.replaces or scenario.passes is not None else " (passes it)")
            yield "| %s | %s | %s | %s | %s | %s%s |" % (title, of("p50_ms", "%.2f"), of("p99_ms", "%.2f"), of("p999_ms", "%.2f"),
                                                        of("rate", "%.0f"), of("cpu_us", "%.1f"), "" if is_clean else " ~")


def memory(results, scenario):
    cells = {peer.name: results.cells.get((scenario.name, peer.name), []) for peer in PEERS}
    counts = sorted({it["connections"] for cell in cells.values() for it in cell if "connections" in it})
    yield "\n### Memory with %s idle connections\n" % " or ".join(map(str, counts))
    yield "| | MiB before | MiB with them | KiB for each |"
    yield "|---|--:|--:|--:|"
    for peer in PEERS:
        for it in cells[peer.name][-1:]:
            if it["errors"]:
                yield "| %s | %s | | |" % (peer.title, it["errors"])
            else:
                yield "| %s | %.1f | %.1f | %.2f |" % (peer.title, it["idle_mib"], it["resident_mib"], it["kib_per_connection"])


def starts(results):
    if not results.starts:
        return
    yield "\n### From the start to the first response\n"
    variants = [variant for variant in ("base", "rules") if any(name == variant for name, _ in results.starts)]
    yield "| | " + " | ".join({"base": "ms", "rules": "ms, 1000 more rules"}[it] for it in variants) + " |"
    yield "|---|" + "--:|" * len(variants)
    for peer in PEERS:
        values = [results.starts.get((variant, peer.name)) for variant in variants]
        if any(values):
            yield "| %s | %s |" % (peer.title, " | ".join(spread(them, "%.0f") if them else "" for them in values))


def goals(results):
    """Retort beside the others, by what both cost: the rate is its inverse where the proxy's processor is full."""
    for own in PEERS:
        if not own.name.startswith("retort"):
            continue
        others = [peer for peer in PEERS if not peer.name.startswith("retort") and any(name == peer.name for _, name in results.cells)]
        # Builds by a profile are compared with each other.
        others = [peer for peer in others if peer.replaces or (peer.name in BY_PROFILE) == (own.name in BY_PROFILE)]
        rows = [row for row in (beside(results, own, others, scenario) for scenario in SCENARIOS if scenario.load == "saturate") if row]
        if rows:
            yield "\n### %s beside the others\n" % own.title
            yield "How many times its CPU per request another takes, medians; for bare Pingora, what it takes more.\n"
            yield "| | " + " | ".join(peer.title for peer in others) + " |"
            yield "|---|" + "--:|" * len(others)
            for row in rows:
                yield "| " + " | ".join(row) + " |"


def beside(results, retort, others, scenario):
    """A row of that table; nothing where it was not measured."""
    own = results.median(scenario.name, retort.name, "cpu_us")
    if own is None:
        return None
    row = [scenario.title]
    for peer in others:
        other = results.median(scenario.name, peer.name, "cpu_us")
        if other is None:
            row.append("–")
        elif not peer.replaces:
            row.append("%+.1f µs (%+.0f %%)" % (own - other, (own / other - 1) * 100))
        else:
            goal = GOALS.get(peer.name)
            if peer.name == "traefik" and scenario.passes is None:
                goal = GOAL_TRAEFIK_REPLACED
            if scenario.name in DISCARDED and goal is None:
                goal = GOAL_DISCARDED
            ratio = other / own
            row.append("%.2f%s" % (ratio, "" if goal is None or ratio >= goal else " (goal: %g)" % goal))
    return row


def spread(values, form):
    """The median, and the least and the most where there are several."""
    if not values:
        return ""
    median = form % statistics.median(values)
    return median if len(values) == 1 else "%s [%s–%s]" % (median, form % min(values), form % max(values))

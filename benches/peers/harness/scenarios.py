"""What is asked, and what has to come."""

import json
from dataclasses import dataclass
from typing import Optional

REQUEST_ID = "req-0123456789abcdef"
API = "application/json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

# How many further rules there are in the variant "rules", and none of them applies.
RULES = 1000


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    path: str
    status: int
    # Content that passes has so many bytes; None: there has to be a message.
    passes: Optional[int] = None
    accept: str = API
    # How the peer is configured: base, browser, rules, log, two, metrics.
    variant: str = "base"
    # h1 (plain), tls (HTTP/1.1 over TLS), h2 (over TLS).
    protocol: str = "h1"
    # saturate, rate, idle.
    load: str = "saturate"

    @property
    def form(self):
        return "html" if self.accept == BROWSER else "json"

    def message(self):
        """The message that has to come, and the start of its Content-Type."""
        if self.form == "html":
            return "<h1>%d</h1><p>%s %s</p>" % (self.status, self.path, REQUEST_ID), "text/html"
        return {"status": self.status, "path": self.path, "request_id": REQUEST_ID}, "application/json"

    def objection(self, status, content_type, body, replaces=True):
        """What is wrong with an answer; None if nothing is."""
        if status != self.status:
            return "status %s, not %s" % (status, self.status)
        if not replaces:
            return None
        if self.passes is not None:
            return None if len(body) == self.passes else "%d bytes, not %d" % (len(body), self.passes)
        wanted, wanted_type = self.message()
        if not content_type.startswith(wanted_type):
            return "Content-Type %s, not %s" % (content_type or "missing", wanted_type)
        try:
            got = json.loads(body) if self.form == "json" else body.decode()
        except ValueError:
            got = body[:80]
        return None if got == wanted else "content %r" % (got,)


SCENARIOS = [
    Scenario("pass", "200 with 1 KiB passes", "/ok", 200, passes=1024),
    Scenario("empty", "empty 503 → JSON", "/empty503", 503),
    Scenario("big", "64 KiB 500 → JSON", "/big500", 500),
    Scenario("unmatched", "503 with 200 bytes passes", "/text503", 503, passes=200),
    Scenario("chunked", "404 with empty chunks → JSON", "/chunked404", 404),
    Scenario("huge", "1 MiB 500 → JSON", "/huge500", 500),
    Scenario("tls", "TLS: 200 with 1 KiB passes", "/ok", 200, passes=1024, protocol="tls"),
    Scenario("h2", "HTTP/2 (TLS): 200 with 1 KiB passes", "/ok", 200, passes=1024, protocol="h2"),
    Scenario("h2-empty", "HTTP/2 (TLS): empty 503 → JSON", "/empty503", 503, protocol="h2"),
    Scenario("browser", "empty 503 → HTML of three forms", "/empty503", 503, accept=BROWSER, variant="browser"),
    Scenario("rules", "empty 503 → JSON, %d more rules" % RULES, "/empty503", 503, variant="rules"),
    Scenario("rules-pass", "200 passes, %d more rules" % RULES, "/ok", 200, passes=1024, variant="rules"),
    Scenario("log", "200 passes, access log on", "/ok", 200, passes=1024, variant="log"),
    Scenario("two", "200 passes, two workers", "/ok", 200, passes=1024, variant="two"),
    Scenario("two-empty", "empty 503 → JSON, two workers", "/empty503", 503, variant="two"),
    Scenario("rate", "latency at a fixed rate, 200 passes", "/ok", 200, passes=1024, load="rate"),
    Scenario("rate-empty", "latency at a fixed rate, empty 503 → JSON", "/empty503", 503, load="rate"),
    Scenario("idle", "memory with idle connections", "/ok", 200, passes=1024, load="idle"),
]

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}

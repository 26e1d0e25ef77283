"""The proxies: how each is configured and started."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict

from .scenarios import RULES

CONF = Path(__file__).resolve().parent.parent / "conf"
# Rules that do not apply are for these statuses, in turns, on paths that nobody asks for.
STATUSES = (503, 500, 404, 502)


@dataclass
class Place:
    """Where a peer runs: its folder, ports, and what it is told beyond its rules."""

    folder: Path
    variant: str
    origin: int
    port: int
    tls: int
    admin: int
    cert: str
    key: str
    pem: str

    @property
    def workers(self):
        return 2 if self.variant == "two" else 1

    @property
    def log(self):
        """The file of the access log, where there is to be one."""
        return str(self.folder / "access.log") if self.variant == "log" else None

    def write(self, template, **values):
        """Fills a template in, and tells where it lies then."""
        text = (CONF / template).read_text()
        known = dict(ORIGIN=self.origin, PORT=self.port, TLS=self.tls, CERT=self.cert, KEY=self.key, PEM=self.pem,
                     WORKERS=self.workers, **values)
        for name, value in known.items():
            text = text.replace("@%s@" % name, str(value))
        left = re.search(r"@[A-Z_]+@", text)
        assert not left, "%s: %s is not filled in" % (template, left[0])
        path = self.folder / template
        path.write_text(text)
        return str(path)


@dataclass
class Command:
    argv: list
    environment: Dict[str, str] = field(default_factory=dict)
    # Where its standard output goes.
    output: str = os.devnull


@dataclass(frozen=True)
class Peer:
    name: str
    title: str
    command: Callable[[dict, Place], Command]
    # Whether it replaces at all; of one that does not, it is measured what passing the same costs.
    replaces: bool = True
    # Scenarios that it cannot do, and why.
    cannot: Dict[str, str] = field(default_factory=dict)


def rules(line):
    return "\n".join(line(index, STATUSES[index % len(STATUSES)]) for index in range(RULES))


def retort(name):
    def command(binaries, place):
        forms = """<message media-type="text/html" content-type="text/html"><![CDATA[<h1>%s</h1><p>%U %g</p>]]></message>
        <message><![CDATA[%s %U %g]]></message>"""
        more = rules(lambda index, status: '<status-code id="r%d" code-regex="%d" path="/p%d/.*"><message>rule %d</message></status-code>'
                     % (index, status, index, index))
        file = place.write("retort.cfg.xml", RULES=more if place.variant == "rules" else "",
                           FORMS=forms if place.variant == "browser" else "")
        argv = [binaries[name], "serve", "--rules", file, "--upstream", "http://127.0.0.1:%d" % place.origin,
                "--listen", "127.0.0.1:%d" % place.port, "--threads", str(place.workers), "--keep-alive-timeout", "600s",
                "--tls-listen", "127.0.0.1:%d" % place.tls, "--tls-cert", place.cert, "--tls-key", place.key,
                "--max-connection-requests", "4294967295", "--max-connections", "12000"]
        known = subprocess.run([binaries[name], "serve", "--help"], capture_output=True, text=True).stdout
        if "--admin" in known:
            argv += ["--admin", "127.0.0.1:%d" % place.admin]
        if "--access-log" in known:
            argv += ["--log", "warn", "--access-log", place.log or "off"]
            return Command(argv)
        return Command(argv + ["--log", "warn,retort::access=%s" % ("info" if place.log else "off")])

    return command


def floor(name):
    def command(binaries, place):
        return Command([binaries[name], "127.0.0.1:%d" % place.origin, str(place.workers), "127.0.0.1:%d" % place.port,
                        "127.0.0.1:%d" % place.tls, place.cert, place.key])

    return command


def nginx(binaries, place):
    more = rules(lambda index, status: "location /p%d/ { proxy_pass http://origin; proxy_intercept_errors on; "
                 "error_page %d @404_json; }" % (index, status))
    file = place.write("nginx.conf", MASTER="on" if place.workers > 1 else "off", LOG=place.log or "off",
                       FORM="$form" if place.variant == "browser" else "json",
                       RULES=more if place.variant == "rules" else "")
    return Command([binaries["nginx"], "-p", str(place.folder), "-c", file])


def haproxy(name):
    def command(binaries, place):
        more = rules(lambda index, status: "    http-response return status %d content-type text/plain string 'rule %d' "
                     "if { status %d } { var(txn.path) -m beg /p%d/ }" % (status, index, status, index))
        # It knows no files: syslog, or its standard output.
        file = place.write("haproxy.cfg", LOG_GLOBAL="log stdout format raw local0 info" if place.log else "",
                           LOG="log global\n    option httplog" if place.log else "no log",
                           RULES=more.strip() if place.variant == "rules" else "",
                           FORM="" if place.variant == "browser" else "FALSE")
        # Without the variant there is one form, and two lines less.
        text = Path(file).read_text()
        Path(file).write_text("".join(line for line in text.splitlines(True) if not line.endswith(" FALSE\n")))
        return Command([binaries[name], "-db", "-f", file] + ([] if place.log else ["-q"]),
                       {"LD_LIBRARY_PATH": binaries.get(name + "-lib", "")}, place.log or os.devnull)

    return command


def envoy(binaries, place):
    indent = " " * 24
    more = rules(lambda index, _: indent + '- { predicate: { single_predicate: { input: { name: status, typed_config: { "@type": type.googleapis.com/'
                 'envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput } }, value_match: { exact: "%d" } } }, on_match: { action: { name: r, '
                 'typed_config: { "@type": type.googleapis.com/envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy, '
                 'body: { inline_string: "rule %d" } } } } }' % (10000 + index, index))
    html = """- match: { prefix: /, headers: [{ name: accept, string_match: { contains: text/html } }] }
                route: { cluster: origin, timeout: 60s }
                typed_per_filter_config:
                  envoy.filters.http.custom_response:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.custom_response.v3.CustomResponse
                    custom_response_matcher:
                      matcher_list:
                        matchers:
                        - predicate: { single_predicate: { input: { name: status, typed_config: { "@type": type.googleapis.com/envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput } }, value_match: { exact: "503" } } }
                          on_match:
                            action:
                              name: %(name)s
                              typed_config:
                                "@type": type.googleapis.com/envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy
                                body_format: { text_format_source: { inline_string: '%(text)s' } }
                                response_headers_to_add:
                                - header: { key: content-type, value: %(type)s }
                                  append_action: OVERWRITE_IF_EXISTS_OR_ADD"""
    html %= {"name": "html", "type": "text/html", "text": "<h1>%RESPONSE_CODE%</h1><p>%REQ(:path)% %REQ(x-request-id)%</p>"}
    log = """access_log:
          - name: envoy.access_loggers.file
            typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: %s }""" % place.log
    file = place.write("envoy.yaml", LOG=log if place.log else "", HTML=html if place.variant == "browser" else "",
                       RULES=more.strip() if place.variant == "rules" else "")
    return Command([binaries["envoy"], "-c", file, "--concurrency", str(place.workers), "-l", "off", "--disable-hot-restart"])


def traefik(binaries, place):
    indent = "\n    "
    routers, middlewares = "", ""
    if place.variant == "rules":
        routers = rules(lambda index, _: '    r%d: { rule: "PathPrefix(`/p%d/`)", service: origin, entryPoints: [plain], middlewares: [r%d] }'
                        % (index, index, index)).strip()
        middlewares = rules(lambda index, status: '    r%d: { errors: { status: ["%d"], service: origin, query: "/page?rule=%d" } }'
                            % (index, status, index)).strip()
    if place.variant == "browser":
        routers = ("html: { rule: \"HeaderRegexp(`Accept`, `text/html`)\", service: origin, entryPoints: [plain], priority: 50, "
                   "middlewares: [html] }")
    dynamic = place.write("traefik-dynamic.yaml", ROUTERS=routers, MIDDLEWARES=middlewares)
    file = place.write("traefik.yaml", DYNAMIC=dynamic, LOG="accessLog: { filePath: %s }" % place.log if place.log else "")
    return Command([binaries["traefik"], "--configFile=" + file], go(place))


def caddy(binaries, place):
    more = rules(lambda index, status: "\t\t\thandle /p%d/* {\n\t\t\t\trespond \"rule %d\" %d\n\t\t\t}" % (index, index, status)).strip()
    html = ("@html `{http.request.header.Accept}.contains(\"text/html\")`\n"
            "\t\t\thandle @html {\n\t\t\t\theader Content-Type text/html\n"
            "\t\t\t\trespond `<h1>{rp.status_code}</h1><p>{http.request.uri.path} {http.request.header.X-Request-Id}</p>` {rp.status_code}\n\t\t\t}")
    log = "log {\n\t\toutput file %s {\n\t\t\troll_disabled\n\t\t}\n\t\tlevel INFO\n\t}" % place.log
    file = place.write("Caddyfile", LOG=log if place.log else "", HTML=html if place.variant == "browser" else "",
                       RULES=more if place.variant == "rules" else "")
    home = str(place.folder)
    return Command([binaries["caddy"], "run", "--config", file, "--adapter", "caddyfile"],
                   dict(go(place), HOME=home, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home))


def go(place):
    return {"GOMAXPROCS": str(place.workers)}


FLOOR_CANNOT = {"log": "has none", "rules": "has none", "rules-pass": "has none"}

PEERS = [
    Peer("retort", "Retort", retort("retort")),
    Peer("retort-pgo", "Retort, by a profile", retort("retort-pgo")),
    Peer("floor", "bare Pingora", floor("floor"), replaces=False, cannot=FLOOR_CANNOT),
    Peer("floor-pgo", "bare Pingora, by a profile", floor("floor-pgo"), replaces=False, cannot=FLOOR_CANNOT),
    Peer("nginx", "nginx", nginx),
    Peer("haproxy", "HAProxy 2.6", haproxy("haproxy")),
    Peer("haproxy28", "HAProxy 2.8", haproxy("haproxy28")),
    Peer("envoy", "Envoy", envoy),
    Peer("traefik", "Traefik", traefik),
    Peer("caddy", "Caddy", caddy),
]

# Built by benches/pgo; they take part where they are given.
BY_PROFILE = ("retort-pgo", "floor-pgo")

BY_NAME = {peer.name: peer for peer in PEERS}

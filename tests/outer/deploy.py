"""Checks of what is in deploy/; see deploy.sh."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

import yaml
from helm_python.chart import Chart, lint

import config_map

DEPLOY = pathlib.Path("deploy")
YAML_STYLE = """{extends: default, ignore: [deploy/helm/retort/templates/], rules: {
    document-start: disable, line-length: {max: 120}, braces: {max-spaces-inside: 0},
    indentation: {indent-sequences: consistent},
    truthy: {allowed-values: ['true', 'false', 'yes', 'no']}}}"""
VERDICTS = []


def verdict(what, mistake):
    """Notes a check; without a mistake it has passed."""
    VERDICTS.append(not mistake)
    print(f"WRONG: {what}\n{mistake}" if mistake else f"ok: {what}", flush=True)


def run(*command, **more):
    """What a command says if it fails, else nothing."""
    done = subprocess.run(command, capture_output=True, text=True, **more)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# --- systemd ----------------------------------------------------------------------------------


def systemd(retort, folder):
    unit = DEPLOY / "systemd/retort.service"
    # It names files that are there once it is installed.
    text = unit.read_text().replace("/usr/local/bin/retort", retort)
    installed = folder / "retort.service"
    installed.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", installed], capture_output=True, text=True)
    verdict("systemd has nothing to say about the unit", done.stderr.strip())
    # In tenths: 3.0 is the most.
    analyze = ["systemd-analyze", "security", "--no-pager", "--offline=yes"]
    verdict("the unit's exposure is below 3", run(*analyze, "--threshold=29", installed))
    print("   ", output(*analyze, installed).strip().splitlines()[-1])

    environment = dict(
        line.split("=", 1) for line in (DEPLOY / "systemd/retort.env").read_text().splitlines() if line[:1] not in "#"
    )
    verdict("its settings are those that there are", unknown_settings(retort, environment))
    verdict("its filter lets every system call pass", refused_calls(retort, text, folder))


def unknown_settings(retort, names):
    known = set(re.findall(r"\[env: (\w+)\]", output(retort, "serve", "--help")))
    return ", ".join(sorted(set(names) - known))


def refused_calls(retort, unit, folder):
    """The system calls of a run, from start to end, that the unit's filter does not let pass."""
    # In a directory that is not watched, or each call would be one more change.
    (folder / "traces").mkdir()
    trace = folder / "traces/trace"
    config_map.exercise(retort, folder, wrap=["strace", "-f", "-qq", "-o", trace])
    made = set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z0-9_]+)[( ]", trace.read_text(), re.M))
    allowed = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        names = members(line.removeprefix("~").split())
        allowed = allowed - names if line.startswith("~") else allowed | names
    # Of the default set too: what starting and ending a process takes.
    allowed |= members(["@default", "execve"])
    print(f"    {len(made)} system calls seen")
    return ", ".join(sorted(made - allowed)) if len(made) > 20 else f"too few were seen: {made}"


def members(names):
    """The system calls of a list of them and of sets."""
    calls = set()
    for name in names:
        if name.startswith("@"):
            lines = output("systemd-analyze", "syscall-filter", name).splitlines()[1:]
            calls |= members([line.strip() for line in lines if line.strip() and not line.strip().startswith("#")])
        else:
            calls.add(name)
    return calls


# --- Kubernetes -------------------------------------------------------------------------------


def kubernetes(retort, folder):
    manifest = DEPLOY / "kubernetes/sidecar.yaml"
    verdict("the sidecar's manifest is valid", run("kubernetes-validate", "--strict", "--quiet", manifest))
    documents = list(yaml.safe_load_all(manifest.read_text()))
    (config,) = [document for document in documents if document["kind"] == "ConfigMap"]
    (deployment,) = [document for document in documents if document["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (sidecar,) = pod["initContainers"]
    settings = {variable["name"]: variable["value"] for variable in sidecar["env"]}
    verdict("the sidecar's settings are those that there are", unknown_settings(retort, settings))
    verdict("both containers are as restricted as pods can be", unrestricted(pod))
    verdict("no file is mounted by subPath", "subPath" if "subPath:" in re.sub(r"#.*", "", manifest.read_text()) else "")

    rules = folder / "config-map"
    rules.mkdir()
    for name, text in config["data"].items():
        (rules / name).write_text(text)
    verdict("its rules are good", run(retort, "check", "--strict", rules / "response-messaging.cfg.xml"))
    (mount,) = sidecar["volumeMounts"]
    verdict(
        "its ConfigMap can be replaced under load",
        config_map.swap(retort, folder / "swap", config["data"], mount["mountPath"], settings),
    )


def unrestricted(pod):
    """What the standard `restricted` asks for, and is not there."""
    lacking = []
    for container in pod.get("initContainers", []) + pod["containers"]:
        context = {**pod["securityContext"], **container["securityContext"]}
        wanted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                  "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
        lacking += [f"{container['name']}: {key}" for key, value in wanted.items() if context.get(key) != value]
    return "\n".join(lacking)


# --- Helm -------------------------------------------------------------------------------------

RULES = '<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0"/>\n'
CHARTS = {
    "a proxy": {"upstreams": ["http://orders:9000", "https://orders:9443#weight=2"]},
    "an error backend": {"mode": "error-backend"},
    "rules, settings, and everything else": {
        "upstreams": ["http://orders:9000"],
        "rules": {"files": {"response-messaging.cfg.xml": RULES, "404.txt": "%s: \"quoted\"\n\n  indented\n"}},
        "settings": {"RETORT_READ_TIMEOUT": "10s", "RETORT_MAX_REQUESTS": 100, "RETORT_H2C": True},
        "trustedProxies": ["10.0.0.0/8"],
        "image": {"repository": "registry.example/retort", "tag": "1"},
        "imagePullSecrets": [{"name": "pull"}],
        "podAnnotations": {"a": "b"}, "podLabels": {"team": "shop"}, "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "service": {"type": "LoadBalancer", "port": 8080, "annotations": {"c": "d"}},
    },
    "a ConfigMap that is there already": {"upstreams": ["http://a:1"], "rules": {"existingConfigMap": "mine"}},
    "as little as can be": {
        "upstreams": ["http://a:1"], "replicas": 1, "networkPolicy": {"enabled": False}, "resources": {},
        "podDisruptionBudget": {"enabled": False},
    },
}
REFUSED = {
    "a proxy without an upstream": {},
    "an upstream that is no URL": {"upstreams": ["orders:9000"]},
    "a setting that is none": {"upstreams": ["http://a:1"], "settings": {"LISTEN": "x"}},
    "a value that does not exist": {"upstreams": ["http://a:1"], "replicaCount": 2},
    "files without the rules": {"upstreams": ["http://a:1"], "rules": {"files": {"404.txt": "x"}}},
    "less time than the drain takes": {"upstreams": ["http://a:1"], "terminationGracePeriodSeconds": 5},
}


def helm(retort, folder):
    path = DEPLOY / "helm/retort"
    schema = run("check-jsonschema", "--check-metaschema", path / "values.schema.json")
    verdict("the schema of the chart's values is one", schema)
    report = lint(path, {"upstreams": ["http://a:1"]}, strict=True)
    findings = [message for message in report["messages"] if message["severity"] > 1]
    verdict("Helm's own linter has nothing to say about the chart", "\n".join(map(str, findings + report["errors"])))
    chart = Chart.load(path)
    for number, (what, values) in enumerate(CHARTS.items()):
        rendered = chart.render(values, name="shop", namespace="front")
        notes = [text for name, text in rendered.items() if name.endswith("NOTES.txt")]
        texts = [text for name, text in rendered.items() if name.endswith(".yaml") and text.strip()]
        target = folder / f"chart-{number}.yaml"
        target.write_text("---\n".join(texts))
        mistake = run("kubernetes-validate", "--strict", "--quiet", target)
        documents = {document["kind"]: document for document in yaml.safe_load_all(target.read_text())}
        deployment = documents["Deployment"]["spec"]["template"]["spec"]
        settings = [variable["name"] for variable in deployment["containers"][0]["env"]]
        mistake = mistake or unknown_settings(retort, settings) or unrestricted(deployment)
        files = values.get("rules", {}).get("files")
        if files and documents["ConfigMap"]["data"] != files:
            mistake = f"the files are not what they were: {documents['ConfigMap']['data']}"
        verdict(f"the chart makes valid manifests: {what}", mistake or ("" if notes[0].strip() else "no notes"))
    for what, values in REFUSED.items():
        try:
            chart.validate_schema(values)
            verdict(f"the chart refuses {what}", "it takes it")
        except Exception as error:
            # Helm says where: - at '/upstreams': …
            verdict(f"the chart refuses {what}", "" if "- at '" in str(error) else str(error))


# --- Compose ----------------------------------------------------------------------------------


def compose(retort, _):
    path = DEPLOY / "compose.yaml"
    verdict("the compose file fits Compose's schema", run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", path))
    services = yaml.safe_load(path.read_text())["services"]
    verdict("its settings are those that there are", unknown_settings(retort, services["retort"]["environment"]))


# --- Prometheus, Grafana ----------------------------------------------------------------------


def metrics(retort, folder):
    alerts = DEPLOY / "prometheus/retort.rules.yaml"
    verdict("the alerts are valid", run("promtool", "check", "rules", "--lint-fatal", alerts))
    verdict("the alerts' own tests pass", run("promtool", "test", "rules", "retort.test.yaml", cwd=alerts.parent))
    dashboard = json.loads((DEPLOY / "grafana/retort.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    queries += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    ids = [panel["id"] for panel in dashboard["panels"]]
    verdict("no two panels have the same id", "" if len(set(ids)) == len(ids) else str(ids))
    # What Grafana puts in the place of its variables.
    plain = [query.replace("$__rate_interval", "5m").replace("$__range", "1h") for query in queries]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(plain)]
    target = folder / "dashboard.yaml"
    target.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    verdict(f"the dashboard's {len(rules)} queries are valid", run("promtool", "check", "rules", target))

    known = scrape(retort, folder)
    lint_ = subprocess.run(["promtool", "check", "metrics"], input=known, capture_output=True, text=True)
    verdict("promtool has nothing to say about the metrics", (lint_.stdout + lint_.stderr).strip())
    families = dict(re.findall(r"^# TYPE (\S+) (\S+)$", known, re.M))
    # Of an upstream with TLS only.
    series = set(families) | {f"{name}_bucket" for name, kind in families.items() if kind == "histogram"}
    for what, text in [("alerts", alerts.read_text()), ("dashboard", "\n".join(queries))]:
        used = set(re.findall(r"\b(?:retort|process)_[a-z_]+", re.sub(r"(?m)^ *(description|summary):.*$", "", text)))
        missing = used - series - {"retort_tls_certificate_expiry_timestamp_seconds"}
        verdict(f"every metric of the {what} exists", ", ".join(sorted(missing)))
    told = set(re.findall(r"^(?:retort|process)_[a-z_]+", pathlib.Path("docs/reference/metrics.md").read_text(), re.M))
    told |= set(re.findall(r"^\| `([a-z_]+)`", pathlib.Path("docs/reference/metrics.md").read_text(), re.M))
    verdict("the documentation has every metric", ", ".join(sorted(set(families) - told)))
    extra = told - set(families) - {"retort_tls_certificate_expiry_timestamp_seconds"}
    verdict("the documentation has no other metric", ", ".join(sorted(extra)))


def scrape(retort, folder):
    """The metrics of a proxy that has served some requests."""
    with config_map.Proxy(retort, folder / "scraped", {"response-messaging.cfg.xml": config_map.RULES}) as proxy:
        for _ in range(3):
            proxy.get("/")
        if not proxy.admin:
            raise SystemExit("this retort has no admin listener: it cannot be compared with the dashboard")
        return urllib.request.urlopen(f"http://{proxy.admin}/metrics", timeout=10).read().decode()


def main():
    retort = os.path.abspath(sys.argv[1])
    verdict("yamllint has nothing to say", run("yamllint", "--strict", "-d", YAML_STYLE, DEPLOY))
    with tempfile.TemporaryDirectory() as folder:
        for check in (systemd, kubernetes, helm, compose, metrics):
            print(f"--- {check.__name__}")
            check(retort, pathlib.Path(folder))
    print("NOT RUN: systemd as the first process, a kubelet, Docker, Grafana; none of them is at hand here")
    print(f"{sum(VERDICTS)} passed, {VERDICTS.count(False)} failed")
    return 0 if all(VERDICTS) else 1


if __name__ == "__main__":
    sys.exit(main())

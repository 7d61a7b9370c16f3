#!/usr/bin/env python3
"""certificates.py [COUNT] [--sweep]: from apply to Signed and Running, for COUNT Certificates (default 100) and as many
Servers that use them, with RSA 4096 keys and with ECDSA P-256 keys; and what the operator costs meanwhile.

The CA is a real Puppet Server, a process of this machine that signs what the operator asks it to. The nodes are
simulated: a pod is Running as soon as it is scheduled. Each run has a cluster, a CA and an operator of its own.

--sweep repeats it with ECDSA for 250, 500, 1000 and 2000 of each, to show how the costs grow.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import processes
from operator_process import Operator, build_keys, build_operator
from puppet_ca import PuppetCa
from simulated_cluster import GROUP, Cluster, Connection, Phases
from table import Table

NAMESPACE = "bench"
AUTHORITY = "corp"
SERVICE = f"{AUTHORITY}-internal.{NAMESPACE}.svc"
KEYS = {
    "rsa-4096": {"algorithm": "RSA", "size": 4096},
    "ecdsa-p256": {"algorithm": "ECDSA", "size": 256},
}
SWEEP = (250, 500, 1000, 2000)
# Connections that create the objects. More do not make it quicker: the API server has two cores too.
CREATORS = 4
# Certificates before the clock starts: a CA that has just started compiles its own code first.
WARM_UP = 50
# Without a write of the operator for so long, all of its work is done; no timer of a settled object is shorter.
QUIET_SECONDS = 5
PATIENCE = 900

# Bounds that the project has set itself.
MOST_OVERHEAD = 1.15
MOST_SECONDS_PER_100 = 10
MOST_CERTIFICATE_WRITES = 8
MOST_SERVER_WRITES = 6
MOST_CALLS = 4
MOST_CPU_MS = 20
MOST_MEMORY_MIB = 64
# The bound on memory is for so many of each kind.
MEMORY_COUNT = 1000
# "Linear": the cost for one object in the largest run against that in the smallest.
MOST_GROWTH = 1.25

AUTHORITY_OBJECTS = f"""
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {{name: {AUTHORITY}}}
spec: {{allowSubjectAltNames: true}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {{name: main}}
spec: {{authorityRef: {AUTHORITY}, image: {{repository: example.test/server, tag: v1}}}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {{name: puppet}}
spec: {{authorityRef: {AUTHORITY}, certname: puppet, dnsAltNames: [{SERVICE}]}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {{name: puppet}}
spec: {{configRef: main, certificateRef: puppet, ca: true}}
"""


def pair(name, key):
    """A Certificate and a Server that uses it."""
    version = {"apiVersion": "openvox.voxpupuli.org/v1alpha1", "metadata": {"name": name}}
    certificate = {"authorityRef": AUTHORITY, "certname": f"{name}.example.test", "privateKey": KEYS[key]}
    yield "certificates", {**version, "kind": "Certificate", "spec": certificate}
    server = {"configRef": "main", "certificateRef": name, "server": True, "replicas": 1}
    yield "servers", {**version, "kind": "Server", "spec": server}


class Stand:
    """A cluster, a CA and an operator that have settled, and what was measured on them."""

    def __init__(self, operator, closing):
        self.folder = Path(tempfile.mkdtemp(prefix="openvox-bench."))
        closing.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.cluster = Cluster(self.folder)
        closing.callback(self.cluster.close)
        kubectl = lambda *arguments, **more: self.cluster.kubectl("--namespace", NAMESPACE, *arguments, **more)
        kubectl("create", "namespace", NAMESPACE)
        self.ca = PuppetCa(self.folder)
        closing.callback(self.ca.close)
        self.ca.set_up(operator, self.cluster.kubeconfig, NAMESPACE, AUTHORITY, "puppet", "puppet", [SERVICE])
        self.operator = Operator(operator, self.folder, self.cluster.kubeconfig, [f"{self.ca.address} {SERVICE}"])
        closing.callback(self.operator.close)
        kubectl("apply", "--filename=-", text=AUTHORITY_OBJECTS)
        kubectl("wait", "--for=jsonpath={.status.phase}=Running", "server/puppet", f"--timeout={PATIENCE}s")
        get = lambda what: json.loads(kubectl("get", what, "--output=json"))["data"]
        self.ca.start(get("configmap/main-config"), get("secret/puppet-tls"), get(f"secret/{AUTHORITY}-ca"))
        self.make([f"warm-{number}" for number in range(WARM_UP)], "ecdsa-p256")
        self.settle()

    def settle(self):
        """Waits until the operator writes no more."""
        size = -1
        while size != (size := sum(1 for _ in self.cluster.writes(NAMESPACE))):
            time.sleep(QUIET_SECONDS)

    def make(self, names, key):
        """Creates the pairs and waits for them; answers with the seconds after which all were applied, Signed, Running."""
        clock = time.monotonic
        phases = {plural: Phases(self.cluster, NAMESPACE, plural, clock) for plural in ("certificates", "servers")}
        waiting, refused = iter(names), []
        began = clock()

        def create():
            connection = Connection(self.cluster)
            try:
                # next() of one iterator: each name goes to one thread.
                while (name := next(waiting, None)) is not None:
                    for plural, thing in pair(name, key):
                        connection.call("POST", f"{GROUP}/namespaces/{NAMESPACE}/{plural}", thing)
            except Exception as error:
                refused.append(error)

        creators = [threading.Thread(target=create) for _ in range(CREATORS)]
        for creator in creators:
            creator.start()
        for creator in creators:
            creator.join()
        if refused:
            raise SystemExit(f"the objects could not be created: {refused[0]}")
        applied = clock()
        signed = phases["certificates"].all_reach(names, "Signed", PATIENCE)
        running = phases["servers"].all_reach(names, "Running", PATIENCE)
        return applied - began, signed - began, running - began

    def costs(self):
        """CPU time so far, by who spent it."""
        own = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "operator": self.operator.cpu_seconds(),
            "ca": self.ca.cpu_seconds(),
            "kubernetes": self.cluster.cpu_seconds(),
            "benchmark": own.ru_utime + own.ru_stime,
            "machine": processes.machine_cpu_seconds(),
        }


def bare_keys(program, key, count):
    """Seconds, and seconds of CPU, that as many keys cost by themselves on all cores."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    made = subprocess.run([program, key, str(count)], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(made.stdout), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def since(before, after):
    return {name: after[name] - before.get(name, 0) for name in after}


def run(operator, keys, key, count):
    """One run; everything that was measured, by name."""
    with contextlib.ExitStack() as closing:
        stand = Stand(operator, closing)
        idle = {field: stand.operator.memory_mib(field) for field in ("VmRSS", "RssAnon")}
        key_seconds, key_cpu = bare_keys(keys, key, count)
        writes_before = sum(1 for _ in stand.cluster.writes(NAMESPACE))
        reconciles_before = stand.operator.counters("openvox_reconcile_duration_seconds_count", "kind")
        calls_before = stand.operator.counters("openvox_ca_calls_total", "call")
        requests_before = len(stand.ca.requests())
        before = stand.costs()
        names = [f"node-{number}" for number in range(count)]
        applied, signed, running = stand.make(names, key)
        spent = since(before, stand.costs())
        stand.settle()
        return {
            "key": key,
            "count": count,
            "applied": applied,
            "signed": signed,
            "running": running,
            "key_seconds": key_seconds,
            "key_cpu": key_cpu,
            "cpu": spent,
            "settled_cpu": stand.operator.cpu_seconds() - before["operator"],
            "writes": list(stand.cluster.writes(NAMESPACE))[writes_before:],
            "calls": since(calls_before, stand.operator.counters("openvox_ca_calls_total", "call")),
            "reconciles": since(reconciles_before, stand.operator.counters("openvox_reconcile_duration_seconds_count", "kind")),
            "requests": stand.ca.requests()[requests_before:],
            "peak": stand.operator.memory_mib("VmHWM"),
            "resident": stand.operator.memory_mib("VmRSS"),
            "anonymous": stand.operator.memory_mib("RssAnon"),
            "idle": idle,
            "complaints": stand.operator.complaints(),
        }


def of_certificate(write):
    """The write is for a Certificate: the object, or one of its Secrets."""
    return write[1].split("/")[0] in ("certificates", "secrets")


def by_kind(writes, count):
    """What was written, as often per object."""
    counts = {}
    for verb, resource in writes:
        counts[f"{verb} {resource}"] = counts.get(f"{verb} {resource}", 0) + 1
    return {what: times / count for what, times in sorted(counts.items(), key=lambda item: -item[1])}


def report(result):
    """The table of one run."""
    count, cpu, cores = result["count"], result["cpu"], os.cpu_count()
    table = Table()
    ratio = lambda what, value, goal=None: table.add(
        what, f"{value:.2f}", f"<= {goal}" if goal else "", None if goal is None else value <= goal
    )
    per_100 = MOST_SECONDS_PER_100 * count / 100
    ecdsa = result["key"] == "ecdsa-p256"
    table.add("all objects applied", f"{result['applied']:.1f} s")
    if ecdsa:
        table.at_most("all Certificates Signed", result["signed"], per_100, "s")
    else:
        table.add("all Certificates Signed", f"{result['signed']:.1f} s")
    table.add("all Servers Running", f"{result['running']:.1f} s")
    table.add(f"bare cost of the keys on {cores} cores", f"{result['key_seconds']:.2f} s")
    table.add("  their CPU", f"{result['key_cpu']:.2f} s")
    # With keys that cost nothing the ratio says nothing.
    if not ecdsa:
        others = sum(cpu[who] for who in ("ca", "kubernetes", "benchmark")) / cores
        ratio("Signed / bare cost of the keys", result["signed"] / result["key_seconds"], MOST_OVERHEAD)
        ratio("  without what CA, Kubernetes, benchmark took", (result["signed"] - others) / result["key_seconds"])
    table.add("operator CPU, apply to Running", f"{cpu['operator']:.2f} s")
    table.add("  until it is quiet", f"{result['settled_cpu']:.2f} s")
    besides = (result["settled_cpu"] - result["key_cpu"]) / count * 1000
    if ecdsa:
        table.at_most("  besides keys, for a Certificate and its Server", besides, MOST_CPU_MS, "ms")
    else:
        table.add("  besides keys, for a Certificate and its Server", f"{besides:.0f} ms")
    for kind, times in result["reconciles"].items():
        if times:
            table.add(f"  reconciles of {kind}, for each pair", f"{times / count:.1f}")
    table.add("CPU of Puppet Server", f"{cpu['ca']:.1f} s")
    table.add("CPU of Kubernetes", f"{cpu['kubernetes']:.1f} s")
    table.add("CPU of this benchmark", f"{cpu['benchmark']:.1f} s")
    ours = sum(spent for who, spent in cpu.items() if who != "machine")
    table.add(f"  all four on {cores} cores: nothing can be quicker", f"{ours / cores:.1f} s")
    strangers = cpu["machine"] - ours
    table.add("CPU of others on this machine", f"{strangers:.1f} s")
    events = [write for write in result["writes"] if write[1].startswith("events")]
    work = [write for write in result["writes"] if not write[1].startswith("events")]
    certificates, servers = ([write for write in work if of_certificate(write) is which] for which in (True, False))
    for kind, writes, most in [("Certificate", certificates, MOST_CERTIFICATE_WRITES), ("Server", servers, MOST_SERVER_WRITES)]:
        table.at_most(f"API writes for a {kind}", len(writes) / count, most, "", digits=2)
        for what, times in by_kind(writes, count).items():
            table.add(f"  {what}", f"{times:.2f}")
    table.add("Kubernetes Events for both", f"{len(events) / count:.2f}")
    # The revocation list is fetched by the clock, however many Certificates there are.
    of_certificates = [request for request in result["requests"] if "crl" not in request[1] and "revocation_list" not in request[1]]
    table.at_most("CA calls for a Certificate, by the CA's own log", len(of_certificates) / count, MOST_CALLS, "", digits=2)
    for call, times in result["calls"].items():
        table.add(f"  {call}, as the operator counts", f"{times / count:.2f}")
    busy = sum(float(request[-1]) for request in result["requests"]) / 1000
    table.add("  seconds that the CA took to answer, in sum", f"{busy:.1f} s")
    if count >= MEMORY_COUNT:
        table.at_most("operator memory, peak", result["peak"], MOST_MEMORY_MIB * count / MEMORY_COUNT, "MiB")
    else:
        table.add("operator memory, peak", f"{result['peak']:.1f} MiB")
    table.add("  at the end", f"{result['resident']:.1f} MiB")
    table.add("  of it not from the program's file", f"{result['anonymous']:.1f} MiB")
    table.add("  before the objects", f"{result['idle']['VmRSS']:.1f} MiB")
    table.add("warnings and errors in the operator's log", str(len(result["complaints"])), "0", not result["complaints"])
    print(f"\n{count} Certificates and {count} Servers, {result['key']}\n")
    table.show()
    print("\n".join(result["complaints"][:10]), flush=True)


def growth(results):
    """What one object costs in each run of the sweep."""
    columns = {
        "Signed, ms": lambda one: one["signed"] * 1000,
        "Running, ms": lambda one: one["running"] * 1000,
        "operator CPU, ms": lambda one: one["settled_cpu"] * 1000,
        "Puppet Server CPU, ms": lambda one: one["cpu"]["ca"] * 1000,
        "Kubernetes CPU, ms": lambda one: one["cpu"]["kubernetes"] * 1000,
        "memory beyond idle, KiB": lambda one: (one["peak"] - one["idle"]["VmRSS"]) * 1024,
    }
    print("\nFor one Certificate and its Server, ecdsa-p256\n")
    print(f"{'':<24}" + "".join(f"{one['count']:>10}" for one in results) + f"  {'growth':>7}  {'goal':>7}  verdict")
    for name, value in columns.items():
        each = [value(one) / one["count"] for one in results]
        grown = each[-1] / each[0]
        goal = f"<= {MOST_GROWTH}" if name in ("Signed, ms", "operator CPU, ms", "memory beyond idle, KiB") else ""
        verdict = "" if not goal else "met" if grown <= MOST_GROWTH else "MISSED"
        print(f"{name:<24}" + "".join(f"{one:>10.1f}" for one in each) + f"  {grown:>7.2f}  {goal:>7}  {verdict}".rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", metavar="COUNT", nargs="?", type=int, default=100, help="of each kind")
    parser.add_argument("--keys", choices=KEYS, help="only keys of this kind")
    parser.add_argument("--sweep", action="store_true", help="ECDSA for growing numbers instead")
    options = parser.parse_args()
    if options.count < 1:
        parser.error(f"COUNT {options.count} is not a number of objects: give 1 or more")
    if os.geteuid() != 0:
        print("SKIPPED: needs root, for the root file system of the Puppet Server")
        return
    programs = build_operator(), build_keys()
    if options.sweep:
        results = []
        for count in SWEEP:
            results.append(run(*programs, "ecdsa-p256", count))
            report(results[-1])
        growth(results)
        return
    for key in [options.keys] if options.keys else KEYS:
        report(run(*programs, key, options.count))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""stack.py: how long a stack takes from `helm install` to a running Puppet Server, where the time goes, and what the
operator costs meanwhile. Runs on a devcluster with a real node (root) that tests/e2e/cluster.sh makes.

Times are those of this machine's clock: objects when a watch shows them, processes from /proc, because Kubernetes
itself rounds to whole seconds. The images are on the node before the clock starts.
"""

import calendar
import glob
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import processes
from table import Table

TESTS = Path(__file__).resolve().parent.parent
CHART = TESTS.parent / "charts" / "openvox-stack"
NAMESPACE = "demo"
SYSTEM = "openvox-system"
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 300

# Bounds that the project has set itself.
MOST_OVERHEAD = 1.25
MOST_MEMORY_MIB = 16
MOST_CPU_SECONDS = 1.0


class Cluster:
    """The cluster of the end-to-end tests; it goes with this process."""

    def __init__(self):
        self.name = os.environ.setdefault("CLUSTER", "bench")
        script = TESTS / "e2e" / "cluster.sh"
        self.keeper = subprocess.Popen([script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in self.keeper.stdout:
            name, _, value = line.rstrip("\n").partition("=")
            if name == "ready":
                return
            if name in ("PATH", "KUBECONFIG"):
                os.environ[name] = value
        sys.exit("the cluster did not come up; cluster.sh has said why")

    def close(self):
        self.keeper.stdin.close()
        self.keeper.wait()


def kubectl(*arguments, text=None):
    done = subprocess.run(["kubectl", *arguments], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"kubectl {' '.join(arguments)} failed: {done.stderr}")
    return done.stdout


class Watch:
    """Everything that happens to the objects of one kind, with the time at which it is shown."""

    def __init__(self, kind):
        self.seen = []
        command = ["kubectl", "--namespace", NAMESPACE, "get", kind, "--watch", "--output-watch-events", "--output=json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        # One line for each event.
        for line in self.process.stdout:
            self.seen.append((time.time(), json.loads(line)["object"]))

    def first(self, name, when=lambda _: True):
        """Time at which the object of this name was first shown in this condition."""
        deadline = time.time() + PATIENCE
        while time.time() < deadline:
            for at, thing in list(self.seen):
                if thing["metadata"]["name"] == name and when(thing):
                    return at
            time.sleep(0.02)
        sys.exit(f"waited {PATIENCE} s in vain for {name}")

    def close(self):
        self.process.terminate()
        self.process.wait()


class Processes(threading.Thread):
    """The cluster's processes that matter, while they live: when each began, and its CPU time so far."""

    KINDS = {"operator": "openvox-operator --leader-elect", "set-up": "openvox-operator ca-setup", "server": "clojure.main"}

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cgroup = f"/devcluster-{cluster}/"
        self.found = {}
        # btime of /proc/stat is in whole seconds; this is finer.
        self.boot = time.time() - float(Path("/proc/uptime").read_text().split()[0])
        self.start()

    def run(self):
        while True:
            for folder in glob.glob("/proc/[0-9]*"):
                try:
                    self._look(folder)
                except (OSError, IndexError):
                    continue  # It has ended meanwhile.
            time.sleep(0.05)

    def _look(self, folder):
        if folder not in self.found:
            command = Path(folder, "cmdline").read_bytes().replace(b"\0", b" ").decode()
            kind = next((kind for kind, mark in self.KINDS.items() if mark in command), None)
            if kind is None or self.cgroup not in Path(folder, "cgroup").read_text():
                return
        else:
            kind = self.found[folder]["kind"]
        fields = Path(folder, "stat").read_text().rsplit(")", 1)[1].split()
        self.found[folder] = {
            "kind": kind,
            "began": self.boot + int(fields[19]) / TICKS,
            "cpu": (int(fields[11]) + int(fields[12])) / TICKS,
        }

    def of(self, kind):
        """All of one kind, in the order of their starts."""
        return sorted((found for found in self.found.values() if found["kind"] == kind), key=lambda found: found["began"])

    def latest(self, kind):
        return self.of(kind)[-1]

    def memory_mib(self, kind, field):
        folder = next(folder for folder, found in self.found.items() if found == self.latest(kind))
        return processes.memory_mib(Path(folder).name, field)


def started_serving(server):
    """Time at which the Puppet Server said that it is ready."""
    log = kubectl("--namespace", NAMESPACE, "logs", f"deployment/{server}", "--container=openvox-server", "--timestamps", "--tail=-1")
    line = next(line for line in log.splitlines() if "successfully started" in line)
    seconds, fraction = re.match(r"(\S+?)\.(\d+)Z", line).groups()
    return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) + float("0." + fraction)


def warm_up():
    """Brings the images to the node."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "warm-up"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "server",
                    "image": "ghcr.io/slauger/openvox-server:latest",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["true"],
                    "volumeMounts": [{"name": "code", "mountPath": "/mnt"}],
                }
            ],
            "volumes": [{"name": "code", "image": {"reference": "ghcr.io/voxpupuli/openvox-code:demo", "pullPolicy": "IfNotPresent"}}],
        },
    }
    kubectl("--namespace", NAMESPACE, "apply", "--filename=-", text=json.dumps(pod))
    kubectl("--namespace", NAMESPACE, "wait", "pod/warm-up", "--for=jsonpath={.status.phase}=Succeeded", f"--timeout={PATIENCE}s")
    kubectl("--namespace", NAMESPACE, "delete", "pod/warm-up", "--now")


def phase(name):
    return lambda thing: thing.get("status", {}).get("phase") == name


def main():
    if os.geteuid() != 0 and "KUBECONFIG" not in os.environ:
        print("SKIPPED: a real node needs root")
        return
    if "KUBECONFIG" in os.environ:
        print("SKIPPED: processes are measured on a node of our own; unset KUBECONFIG")
        return
    cluster = Cluster()
    try:
        measure(cluster)
    finally:
        cluster.close()


def measure(cluster):
    kubectl("create", "namespace", NAMESPACE)
    warm_up()
    seen = Processes(cluster.name)
    kinds = ["certificateauthorities", "certificates.openvox.voxpupuli.org", "servers", "jobs", "deployments", "secrets"]
    watches = {kind: Watch(kind) for kind in kinds}
    authorities, certificates, servers, jobs, deployments, secrets = watches.values()
    time.sleep(3)
    idle_cpu = seen.latest("operator")["cpu"]

    table = Table()
    began = time.time()
    values = TESTS / "e2e" / "manifests" / "stack.yaml"
    subprocess.run(["helm", "install", "demo", CHART, "--namespace", NAMESPACE, "--values", values], check=True, capture_output=True)
    # A second server at once, which compiles only: it cannot have a certificate before the CA answers. Its key costs next to
    # nothing, so that the CPU of the operator is that of everything else.
    compiler = (TESTS / "e2e" / "manifests" / "compile-server.yaml").read_text()
    key = "certname: compile, privateKey: {algorithm: ECDSA},"
    kubectl("--namespace", NAMESPACE, "apply", "--filename=-", text=compiler.replace("certname: compile,", key))
    running = servers.first("demo-ca", phase("Running"))
    operator = seen.latest("operator")
    total = running - began
    applied, job = authorities.first("demo-ca"), jobs.first("demo-ca-ca-setup")
    setup, material = seen.latest("set-up"), secrets.first("demo-ca-ca")
    deployed, java, serving = deployments.first("demo-ca"), seen.of("server")[0], started_serving("demo-ca")
    parts = {
        "set-up pod: Job to process": setup["began"] - job,
        f"CA, keys and Secrets ({setup['cpu']:.1f} s of CPU)": material - setup["began"],
        "server pod: Deployment to process": java["began"] - deployed,
        "Puppet Server: process to ready": serving - java["began"],
    }
    table.add("helm install to Server Running", f"{total:.1f} s")
    for part, seconds in parts.items():
        table.add(f"  {part}", f"{seconds:.2f} s")
    table.add("  helm, until its objects are there", f"{applied - began:.2f} s")
    table.add("  operator: objects to set-up Job", f"{job - applied:.2f} s")
    table.add("  operator: CA to Deployment", f"{deployed - material:.2f} s")
    table.add("  ready to Running (probe, Deployment, operator)", f"{running - serving:.2f} s")
    ratio = total / sum(parts.values())
    table.at_most("total / sum of the four parts", ratio, MOST_OVERHEAD, "", digits=2)
    cpu = operator["cpu"] - idle_cpu
    table.at_most("operator CPU, helm install to Running", cpu, MOST_CPU_SECONDS, "s", digits=2)
    table.add("operator CPU before (start, caches)", f"{idle_cpu:.2f} s")

    second = servers.first("demo-compile", phase("Running"))
    signed = certificates.first("demo-compile", phase("Signed"))
    java, ready = seen.latest("server"), started_serving("demo-compile")
    start = ready - deployments.first("demo-compile")
    table.add("compile server: CA answers to Server Running", f"{second - serving:.1f} s")
    table.add("  until the CA server's pod is Ready", f"{running - serving:.2f} s")
    table.add("  until its Certificate is Signed", f"{signed - serving:.2f} s")
    table.add("  server pod: Deployment to process", f"{java['began'] - deployments.first('demo-compile'):.2f} s")
    table.add("  Puppet Server: process to ready", f"{ready - java['began']:.2f} s")
    table.add("  ready to Running", f"{second - ready:.2f} s")
    table.at_most("CA answers to Running / start of a server pod", (second - serving) / start, MOST_OVERHEAD, "", digits=2)

    memory, own = seen.memory_mib("operator", "VmRSS"), seen.memory_mib("operator", "RssAnon")
    table.at_most("operator resident memory", memory, MOST_MEMORY_MIB, "MiB")
    table.add("  of it not from the program's file", f"{own:.1f} MiB")
    log = kubectl("--namespace", SYSTEM, "logs", "deployment/openvox-operator", "--tail=-1")
    complaints = [line for line in log.splitlines() if re.search(r'"level":"(WARN|ERROR)"', line)]
    table.add("warnings and errors in its log", str(len(complaints)), "0", not complaints)
    for watch in watches.values():
        watch.close()

    print()
    table.show()
    print("\n".join(complaints))


if __name__ == "__main__":
    main()

"""A Kubernetes of one's own with simulated nodes, and a client for its API that costs little itself."""

import base64
import http.client
import json
import os
import re
import ssl
import subprocess
import threading
import urllib.parse
from pathlib import Path

import processes

ROOT = Path(__file__).resolve().parent.parent.parent
GROUP = "/apis/openvox.voxpupuli.org/v1alpha1"
# Name under which this client's own requests stand in the audit log.
USER_AGENT = "openvox-benchmark"
# How the operator's requests begin to name their sender there.
OPERATOR = '"userAgent":"openvox-operator/'
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
# On a busy machine the API server may take long.
ANSWER_SECONDS = 120


class ApiError(Exception):
    """The API server refused."""


class Cluster:
    """Control plane and simulated nodes; they go with this process, even if it is killed."""

    def __init__(self, folder):
        built = subprocess.run([ROOT / "tests/devcluster/build.sh", "kwok"], stdout=subprocess.PIPE, text=True, check=True)
        self.bin = Path(built.stdout.splitlines()[-1])
        self.name = f"bench{os.getpid()}"
        down = 'cat >/dev/null; exec "$0" down --name "$1" >/dev/null 2>&1'
        # In a session of its own, so that Ctrl-C in a terminal does not reach it before it has done its work.
        self.guard = subprocess.Popen(
            ["sh", "-c", down, self.bin / "devcluster", self.name], stdin=subprocess.PIPE, start_new_session=True
        )
        self._devcluster("up", "--mode", "kwok")
        self.kubeconfig = Path(self._devcluster("kubeconfig").strip())
        self.audit_log = self.kubeconfig.parent / "log" / "audit.log"
        self.supervisor = int((self.kubeconfig.parent / "supervisor.pid").read_text().split()[0])
        self._read_kubeconfig(folder)
        self._install_crds()

    def _devcluster(self, command, *arguments):
        done = subprocess.run(
            [self.bin / "devcluster", command, "--name", self.name, *arguments], capture_output=True, text=True
        )
        if done.returncode != 0:
            raise SystemExit(f"devcluster {command} failed: {done.stderr}")
        return done.stdout

    def _read_kubeconfig(self, folder):
        text = self.kubeconfig.read_text()
        given = lambda field: re.search(rf"{field}: (\S+)", text).group(1)
        self.address = urllib.parse.urlsplit(given("server")).netloc
        files = {}
        for field in ("certificate-authority-data", "client-certificate-data", "client-key-data"):
            files[field] = folder / field
            files[field].touch(mode=0o600)
            files[field].write_bytes(base64.b64decode(given(field)))
        self.tls = ssl.create_default_context(cafile=files["certificate-authority-data"])
        self.tls.load_cert_chain(files["client-certificate-data"], files["client-key-data"])

    def _install_crds(self):
        self.kubectl("apply", "--server-side", "--filename", str(ROOT / "crds/generated"))
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")

    def kubectl(self, *arguments, text=None):
        done = subprocess.run(
            [self.bin / "kubectl", "--kubeconfig", self.kubeconfig, *arguments], input=text, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise SystemExit(f"kubectl {' '.join(arguments)} failed: {done.stderr}")
        return done.stdout

    def cpu_seconds(self):
        """CPU time of Kubernetes: etcd, API server, controllers, scheduler, simulated nodes."""
        return sum(processes.cpu_seconds(pid) for pid in processes.children(self.supervisor))

    def writes(self, namespace):
        """Writes of the operator, in the order of the audit log: verb, and resource with its subresource."""
        for line in self.audit_log.read_text().splitlines():
            if OPERATOR in line and f'"namespace":"{namespace}"' in line:
                entry = json.loads(line)
                if entry["verb"] in ("get", "list", "watch"):
                    continue
                of = entry["objectRef"]
                yield entry["verb"], "/".join(filter(None, [of["resource"], of.get("subresource")]))

    def close(self):
        self.guard.stdin.close()
        self.guard.wait()


class Connection:
    """One connection to the API server, for one thread."""

    def __init__(self, cluster):
        self.http = http.client.HTTPSConnection(cluster.address, context=cluster.tls, timeout=ANSWER_SECONDS)

    def request(self, method, path, body=None, accept="application/json"):
        headers = {"Accept": accept, "User-Agent": USER_AGENT, "Content-Type": "application/json"}
        self.http.request(method, path, body=body, headers=headers)
        return self.http.getresponse()

    def call(self, method, path, body=None):
        answer = self.request(method, path, body if body is None else json.dumps(body))
        text = answer.read()
        if answer.status >= 300:
            raise ApiError(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
        return json.loads(text)


class Phases(threading.Thread):
    """Follows the phases of a kind's objects. Tables instead of objects: this must not take the CPU that is measured."""

    def __init__(self, cluster, namespace, plural, clock):
        super().__init__(daemon=True)
        self.path = f"{GROUP}/namespaces/{namespace}/{plural}?watch=1&includeObject=None"
        self.connection = Connection(cluster)
        # The answer never ends.
        self.connection.http.timeout = None
        self.clock = clock
        # Object to phase to the time at which it was first seen in it.
        self.seen = {}
        self.change = threading.Condition()
        self.start()

    def run(self):
        columns = None
        for line in self.connection.request("GET", self.path, accept=TABLE):
            table = json.loads(line)["object"]
            if table.get("columnDefinitions"):
                names = [column["name"] for column in table["columnDefinitions"]]
                columns = names.index("Name"), names.index("Phase")
            with self.change:
                for row in table["rows"]:
                    name, phase = (row["cells"][column] for column in columns)
                    self.seen.setdefault(name, {}).setdefault(phase, self.clock())
                self.change.notify_all()

    def reached(self, names, phase):
        """How many of the objects have been in this phase."""
        return sum(phase in self.seen.get(name, {}) for name in names)

    def all_reach(self, names, phase, patience):
        """Time at which the last of the objects was first seen in this phase."""
        with self.change:
            if not self.change.wait_for(lambda: self.reached(names, phase) == len(names), timeout=patience):
                missing = [name for name in names if phase not in self.seen.get(name, {})]
                seen = {name: list(self.seen.get(name, {})) for name in missing[:5]}
                raise SystemExit(f"after {patience} s {len(missing)} objects have not been {phase}, among them {seen}")
            return max(self.seen[name][phase] for name in names)

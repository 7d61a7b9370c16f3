"""The operator as a process of this machine."""

import http.client
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import processes

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 60


def build(*what):
    """A release build; answers with its folder."""
    made = [ROOT / "tests/release.sh", "--quiet", *what]
    return Path(subprocess.run(made, stdout=subprocess.PIPE, text=True, check=True).stdout.strip())


def build_operator():
    """The operator as it is in its image. An example beside it would change the features of its libraries."""
    return build("-p", "openvox-operator", "-p", "openvox-runtime", "--bin", "openvox-operator") / "openvox-operator"


def build_keys():
    """The bare cost of keys."""
    return build("-p", "openvox-operator", "--example", "keys") / "examples" / "keys"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Operator:
    """Runs until it is closed. `hosts` are lines for its /etc/hosts: cluster names mean nothing to this machine."""

    def __init__(self, program, folder, kubeconfig, hosts):
        self.metrics_port, health = free_port(), free_port()
        self.log = folder / "operator.log"
        names = folder / "hosts"
        names.write_text(Path("/etc/hosts").read_text() + "\n".join(hosts) + "\n")
        command = [program, "--kubeconfig", kubeconfig, "--journal", f"sqlite://{folder}/journal.db"]
        command += [f"--metrics-bind-address=127.0.0.1:{self.metrics_port}", f"--health-probe-bind-address=127.0.0.1:{health}"]
        command += ["--history-bind-address=0", "--operator-image", "example.test/openvox-operator:benchmark"]
        # One process all the way, so that its id is the operator's.
        enter = 'mount --bind "$1" /etc/hosts && shift && exec setpriv --pdeathsig KILL "$@"'
        # As the chart sets it.
        environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", enter, "sh", names, *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            )
        self._await(health)

    def _await(self, port):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise SystemExit("the operator did not start:\n" + self.log.read_text())

    def counters(self, metric, label):
        """A counter's values by one of its labels."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=30)
        connection.request("GET", "/metrics")
        values = {}
        for line in connection.getresponse().read().decode().splitlines():
            if line.startswith(metric + "{"):
                of = re.search(rf'\b{label}="([^"]*)"', line).group(1)
                values[of] = values.get(of, 0) + float(line.rsplit(" ", 1)[1])
        return values

    def cpu_seconds(self):
        return processes.cpu_seconds(self.process.pid)

    def memory_mib(self, field):
        return processes.memory_mib(self.process.pid, field)

    def complaints(self):
        """Lines of its log of level warning or error."""
        return [line for line in self.log.read_text().splitlines() if re.search(r'"level":"(WARN|ERROR)"|panicked at', line)]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

"""A real Puppet Server as the CA of a cluster whose pods are only simulated: a process of this machine, with the
root file system of the test image, the CA directory that `ca-setup` made, and the files that the operator rendered."""

import base64
import http.client
import json
import os
import random
import shutil
import ssl
import subprocess
import tarfile
import time
from pathlib import Path

import processes

ROOT = Path(__file__).resolve().parent.parent.parent
USER = "1001"
START_SECONDS = 180
# File of the rendered ConfigMap to its place, as src/build/server_volume.rs mounts them.
FILES = {
    "puppet.conf": "puppet/puppet.conf",
    "puppetdb.conf": "puppet/puppetdb.conf",
    "puppetserver.conf": "puppetserver/conf.d/puppetserver.conf",
    "webserver-ca.conf": "puppetserver/conf.d/webserver.conf",
    "auth.conf": "puppetserver/conf.d/auth.conf",
    "ca.conf": "puppetserver/conf.d/ca.conf",
    "product.conf": "puppetserver/conf.d/product.conf",
    "metrics.conf": "puppetserver/conf.d/metrics.conf",
    "logback.xml": "puppetserver/logback.xml",
    "ca-enabled.cfg": "puppetserver/services.d/ca.cfg",
}

REQUEST_LOG = """<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>/run/puppetserver/requests.log</file>
    <encoder><pattern>%m %U %s %D</pattern></encoder>
  </appender>
  <appender-ref ref="FILE"/>
</configuration>
"""


class PuppetCa:
    """Puppet Server on an address of the loopback network that is its own, so that port 8140 is free."""

    def __init__(self, folder):
        self.root = folder / "puppet-server"
        self.log = folder / "puppet-server.log"
        self.address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        self.process = None
        archive = subprocess.run([ROOT / "tests/images/build.sh", "server"], stdout=subprocess.PIPE, text=True, check=True)
        self._unpack(Path(archive.stdout.strip()))
        self.etc = self.root / "etc/puppetlabs"
        self.directory = self.etc / "puppetserver/ca"

    def _unpack(self, archive):
        self.root.mkdir()
        with tarfile.open(archive) as image:
            (layer,) = json.load(image.extractfile("manifest.json"))[0]["Layers"]
            unpack = subprocess.Popen(["tar", "--extract", "--directory", self.root], stdin=subprocess.PIPE)
            with image.extractfile(layer) as content:
                shutil.copyfileobj(content, unpack.stdin, 1 << 20)
            unpack.stdin.close()
            if unpack.wait() != 0:
                raise SystemExit(f"{archive} could not be unpacked")

    def set_up(self, operator, kubeconfig, namespace, authority, certificate, certname, names):
        """Makes the CA as its set-up Job would, and publishes it in the cluster."""
        command = [operator, "ca-setup", "--directory", self.directory, "--ca-name", authority, "--namespace", namespace]
        command += ["--server-certname", certname, "--server-secret", f"{certificate}-tls", "--server-dns-alt-names", ",".join(names)]
        subprocess.run(command, env={**os.environ, "KUBECONFIG": str(kubeconfig)}, check=True, stdout=subprocess.DEVNULL)

    def start(self, files, pair, authority):
        """`files` is the data of the Config's ConfigMap, `pair` and `authority` are the data of Secrets."""
        for name, place in FILES.items():
            path = self.etc / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._adapted(name, files[name]))
        (self.etc / "puppetserver/requests.xml").write_text(REQUEST_LOG)
        ssl_folder = self.etc / "puppet/ssl"
        for place, text in {
            "certs/puppet.pem": pair["cert.pem"],
            "private_keys/puppet.pem": pair["key.pem"],
            "certs/ca.pem": authority["ca_crt.pem"],
        }.items():
            (ssl_folder / place).parent.mkdir(parents=True, exist_ok=True)
            (ssl_folder / place).write_bytes(base64.b64decode(text))
        shutil.copy(self.directory / "ca_crl.pem", ssl_folder / "crl.pem")
        for tree in [ssl_folder, self.directory]:
            subprocess.run(["chown", "--recursive", f"{USER}:0", tree], check=True)
        # Its own mounts, and the end of this process is its end.
        enter = """
            mkdir -p "$1/proc" "$1/dev" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
            exec chroot "$1" setpriv --reuid "$2" --regid 0 --clear-groups --no-new-privs --pdeathsig KILL /entrypoint.sh
        """
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/opt/puppetlabs/bin",
            "LANG": "C.UTF-8",
            "HOME": "/opt/puppetlabs/server/data/puppetserver",
            "JAVA_ARGS": "-Xms256m -Xmx512m",
            # The full compiler, as in production: the test image's default starts quicker and signs far slower.
            "JAVA_TUNE": "-XX:+UseSerialGC",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", enter, "sh", self.root, USER],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._await()

    def _adapted(self, name, text):
        """The two things that differ from a pod: the address, and a log of the requests."""
        if name == "webserver-ca.conf":
            log = '\n  access-log-config: "/etc/puppetlabs/puppetserver/requests.xml"\n'
            return text.replace('"0.0.0.0"', f'"{self.address}"{log}')
        return text

    def _await(self):
        deadline = time.monotonic() + START_SECONDS
        anyone = ssl._create_unverified_context()
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                connection = http.client.HTTPSConnection(self.address, 8140, context=anyone, timeout=5)
                connection.request("GET", "/status/v1/simple")
                if connection.getresponse().read() == b"running":
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise SystemExit("Puppet Server did not start:\n" + "\n".join(self.log.read_text().splitlines()[-20:]))

    def requests(self):
        """The requests that it has answered so far: method, path, status, milliseconds."""
        return [line.split() for line in (self.root / "run/puppetserver/requests.log").read_text().splitlines()]

    def cpu_seconds(self):
        return processes.cpu_seconds(self.process.pid)

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

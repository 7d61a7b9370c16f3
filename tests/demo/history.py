#!/usr/bin/env python3
"""history.py KIND NAMESPACE NAME: the history of one object as a table, from the operator's history API.

Reaches the API through `kubectl port-forward` to a port that is free here, with a token of the operator's own account,
which may get everything that has a history.
"""

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from datetime import datetime

NAMESPACE = ["--namespace", "openvox-system"]


def read_page(path):
    """One answer of the history API."""
    token = subprocess.check_output(["kubectl", "create", "token", *NAMESPACE, "openvox-operator"], text=True).strip()
    forward = subprocess.Popen(
        ["kubectl", "port-forward", *NAMESPACE, "deployment/openvox-operator", ":8082"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    try:
        port = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
        if not port:
            sys.exit(f"history: no way to the operator: {forward.stderr.read().strip()}")
        headers = {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"http://127.0.0.1:{port.group(1)}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)
    finally:
        forward.kill()
        forward.wait()


def main():
    kind, namespace, name = sys.argv[1:]
    page = read_page(f"/api/v1/history/{kind}/{namespace}/{name}?order=asc")
    first = None
    print(f"  {'AFTER':>7}  {'EVENT':<20} {'FROM':<29} {'TO':<29} CAUSE")
    for item in page["items"]:
        at = datetime.fromisoformat(item["at"].replace("Z", "+00:00"))
        first = first or at
        line = (
            f"  {(at - first).total_seconds():5.0f} s  {item['event']:<20} {item['from']:<29} {item['to']:<29} "
            f"{item.get('cause', '')}"
        )
        print(line[: shutil.get_terminal_size((160, 24)).columns] if sys.stdout.isatty() else line)
    if "nextCursor" in page:
        print("  …")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""watch.py NAMESPACE SELECTOR SECONDS KIND...: shows the state of the objects of these kinds until all are Ready.

SELECTOR is a label and its value. There must be at least one object of each kind; kinds are named as in URLs.

Follows the API server's watch (through `kubectl get --raw`), so every change is shown when it happens. A terminal
gets a table that is redrawn; anything else gets one line per change. Ends with 1 when SECONDS have passed, or when
nothing is left to follow.
"""

import json
import queue
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from urllib.parse import quote

GROUP = "/apis/openvox.voxpupuli.org/v1alpha1"
# What a colour says: green does its work, yellow is on its way, red needs somebody.
AT_WORK = {"Ready", "Running", "Signed", "Active", "External"}
COLOURS = {"green": "\033[32m", "yellow": "\033[33m", "red": "\033[31m", "dim": "\033[2m"}


def colour(name, text):
    return f"{COLOURS[name]}{text}\033[0m" if sys.stdout.isatty() else text


class Row:
    """One object as it is shown."""

    def __init__(self, thing):
        status = thing.get("status", {})
        ready = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})
        self.key = (thing["kind"], thing["metadata"]["name"])
        self.phase = status.get("phase", "-")
        self.state = status.get("state", "-")
        generation = thing["metadata"].get("generation")
        self.ready = ready.get("status") == "True" and status.get("observedGeneration") == generation
        self.message = ready.get("message", "")
        # It needs somebody, or a pod of it does not run although others do.
        self.wrong = self.phase == "Error" or any(c["type"] == "Stalled" and c["status"] == "True" for c in status.get("conditions", []))

    def lines(self, width):
        kind, name = self.key
        tone = "green" if self.phase in AT_WORK else "red" if self.phase == "Error" else "yellow"
        mark = colour("green", "✓") if self.ready else colour(tone, "·")
        left = f"{kind:<21} {name:<25} "
        first = f"  {mark} {left}{colour(tone, f'{self.state:<30}')}"
        if self.wrong:
            # What is wrong is shown to its end.
            return [first] + [f"      {line}" for line in textwrap.wrap(self.message, max(40, width - 8))]
        return [f"{first} {colour('dim', self.message[: max(0, width - len(left) - 36)])}"]


def follow(path, events):
    """Puts every object at path, and then every change, into events. None when the watch ended."""
    watch = subprocess.Popen(
        ["kubectl", "get", "--raw", f"{path}&watch=true&timeoutSeconds=3600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    threading.Thread(target=read, args=(watch, events), daemon=True).start()
    return watch


def read(watch, events):
    for line in watch.stdout:
        events.put(json.loads(line))
    events.put(None)


class Screen:
    """The table in a terminal, or lines elsewhere."""

    def __init__(self, began):
        self.began = began
        self.drawn = 0

    def table(self, rows):
        size = shutil.get_terminal_size()
        lines = [f"  {time.monotonic() - self.began:5.1f} s"]
        for key in sorted(rows):
            lines += rows[key].lines(size.columns)
        # Moving up further than the terminal is high would draw the table twice.
        lines = lines[: max(3, size.lines - 1)]
        up = f"\033[{self.drawn}A" if self.drawn else ""
        sys.stdout.write(up + "".join(f"\033[K{line}\n" for line in lines) + "\033[J")
        sys.stdout.flush()
        self.drawn = len(lines)

    def change(self, row):
        kind, name = row.key
        message = "" if row.ready and not row.wrong else row.message
        print(f"  {time.monotonic() - self.began:6.1f} s  {kind:<21} {name:<25} {row.state:<30} {message}".rstrip(), flush=True)


def main():
    namespace, selector, seconds, kinds = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:]
    began = time.monotonic()
    events, rows, shown = queue.Queue(), {}, {}
    screen, terminal = Screen(began), sys.stdout.isatty()
    watches = [follow(f"{GROUP}/namespaces/{namespace}/{kind}?labelSelector={quote(selector)}", events) for kind in kinds]
    ended = 0
    try:
        while time.monotonic() - began < seconds and ended < len(watches):
            # Half a second without a change: the clock in the terminal goes on, and nothing follows at once.
            try:
                event = events.get(timeout=0.5)
            except queue.Empty:
                event = {}
            if event is None:
                ended += 1
            elif event:
                row = Row(event["object"])
                if event["type"] == "DELETED":
                    rows.pop(row.key, None)
                else:
                    rows[row.key] = row
                what = (row.state, row.ready, row.message if row.wrong else "")
                if not terminal and shown.get(row.key) != what:
                    shown[row.key] = what
                    screen.change(row)
            if terminal:
                screen.table(rows)
            first_answers_are_in = len({kind for kind, _ in rows}) == len(kinds)
            if event == {} and first_answers_are_in and all(row.ready for row in rows.values()):
                return 0
    except KeyboardInterrupt:
        return 130
    finally:
        for watch in watches:
            watch.kill()
    waiting = [row for row in rows.values() if not row.ready]
    print(f"\n  Not Ready after {time.monotonic() - began:.0f} s:")
    for row in waiting:
        print(f"    {row.key[0]} {row.key[1]}: {row.state}: {row.message}")
    if not rows:
        print("    nothing at all: " + (watches[0].stderr.read().strip() or "there is no object of these kinds"))
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""schema.py FILE...: reads dashboards with Grafana's own types and writes them again; ends with 1 when something got lost."""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(before, after, place):
    """What is in `before` and not in `after`, each with its place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in after:
                yield from lost(value, after[key], f"{place}.{key}")
            else:
                yield f"{place}.{key} is no field of Grafana's"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after)):
            yield from lost(one, other, f"{place}[{index}]")
    elif before != after:
        yield f"{place} is {before!r} and was read as {after!r}"


def main():
    plugins.register_default_plugins()
    faults = []
    for file in map(Path, sys.argv[1:]):
        before = json.loads(file.read_text())
        after = json.loads(json.dumps(Dashboard.from_json(before), cls=JSONEncoder))
        faults += [f"{file.name}: {fault}" for fault in lost(before, after, "dashboard")]
    print("\n".join(faults) or f"{len(sys.argv) - 1} dashboards fit Grafana's schema")
    sys.exit(bool(faults) or len(sys.argv) < 2)


main()

#!/usr/bin/env python3
"""picture.py DATA FOLDER: draws each dashboard as it looked in a real run, into FOLDER/dashboard-NAME.png.

DATA is the panels.json that `DASHBOARD_DATA=dir tests/dashboards.sh` leaves. Grafana draws them nicer; the numbers, the
series and their names are the same. Needs matplotlib.
"""

import datetime
import json
import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates as dates
import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

INK, PAPER, PANEL, FAINT = "#d8d9da", "#111217", "#181b1f", "#6e7078"
PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#56a64b", "#e0b400", "#3274d9", "#fa6400", "#a352cc"]
# Of Grafana's palette.
COLOURS = {"dark-green": "#37872d", "semi-dark-green": "#56a64b", "green": "#73bf69", "light-green": "#96d98d", "super-light-green": "#c8f2c2",
           "red": "#f2495c", "yellow": "#e0b400", "orange": "#ff9830", "light-orange": "#ffb357", "blue": "#5794f2", "light-blue": "#8ab8ff", "text": "#8e8e8e"}
# Columns that Prometheus adds and the dashboards hide.
HIDDEN = {"__name__", "instance", "job"}

plt.rcParams.update({"font.size": 7, "text.color": INK, "axes.labelcolor": INK, "xtick.color": FAINT, "ytick.color": FAINT,
                     "axes.edgecolor": "#34363c", "axes.facecolor": PANEL, "figure.facecolor": PAPER, "legend.frameon": False})


def said(value, unit):
    """A value as Grafana says it."""
    value = float(value)
    if unit == "short":
        return f"{value:.0f}"
    if unit == "dateTimeFromNow":
        left = value - datetime.datetime.now().timestamp()
        size, name = next(((s, n) for s, n in [(31536000, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")] if abs(left) >= s), (1, "seconds"))
        return f"in {left / size:.0f} {name}" if left > 0 else f"{-left / size:.0f} {name} ago"
    if unit == "s":
        size, name = next(((s, n) for s, n in [(86400, "d"), (3600, "h"), (60, "min")] if abs(value) >= s), (1, "s"))
        return f"{value / size:.3g} {name}" if value >= 0.001 or not value else f"{value * 1e6:.0f} µs"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    return f"{value:.3g}" + (" /s" if unit == "cps" else "")


def name(series, legend):
    labels = series["metric"]
    if legend and legend != "__auto":
        return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)
    return " ".join(value for label, value in labels.items() if label not in HIDDEN) or "value"


def flatten(entry):
    targets = entry["panel"]["targets"]
    return [(series, target["legendFormat"]) for target, found in zip(targets, entry["series"]) for series in found]


def number(ax, entry, unit):
    found = flatten(entry)
    text = said(found[0][0]["value"][1], unit) if found else "–"
    steps = entry["panel"]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    colour = "green"
    for step in steps:
        if found and step["value"] is not None and float(found[0][0]["value"][1]) >= step["value"]:
            colour = step["color"]
    ax.axis("off")
    ax.text(0.5, 0.42, text, ha="center", va="center", fontsize=17, color=COLOURS[colour], transform=ax.transAxes)


def table(ax, entry, unit):
    ax.axis("off")
    found = flatten(entry)
    if not found:
        empty = entry["panel"]["fieldConfig"]["defaults"].get("noValue", "No data")
        ax.text(0.5, 0.5, empty, ha="center", color=FAINT, transform=ax.transAxes)
        return
    columns = [label for label in dict.fromkeys(label for series, _ in found for label in series["metric"]) if label not in HIDDEN]
    order = {label: index for index, label in enumerate(["kind", "namespace", "name", "phase", "state", "reason", "rest"])}
    columns.sort(key=lambda label: order.get(label, 9))
    rows = [[series["metric"].get(label, "") for label in columns] + [said(series["value"][1], unit)] for series, _ in found]
    most = int(entry["panel"]["gridPos"]["h"] * 1.25)
    drawn = ax.table(cellText=rows[:most], colLabels=columns + [""], loc="upper left", cellLoc="left", bbox=[0, 1 - min(len(rows[:most]) + 1, most + 1) / (most + 1), 1, min(len(rows[:most]) + 1, most + 1) / (most + 1)])
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(6)
    drawn.auto_set_column_width(list(range(len(columns) + 1)))
    for (row, _), cell in drawn.get_celld().items():
        cell.set(facecolor=PANEL, edgecolor="#25272d", linewidth=0.5)
        cell.get_text().set_color("#8ab8ff" if row == 0 else INK)


def points(series):
    return [datetime.datetime.fromtimestamp(float(at)) for at, _ in series["values"]], [float(value) for _, value in series["values"]]


def lines(ax, entry, unit, stacked):
    found = flatten(entry)
    fixed = {one["matcher"]["options"]: COLOURS[one["properties"][0]["value"]["fixedColor"]]
             for one in entry["panel"]["fieldConfig"]["overrides"] if one["properties"][0]["id"] == "color"}
    colours = [fixed.get(name(*item), PALETTE[index % len(PALETTE)]) for index, item in enumerate(found)]
    if stacked and found:
        times = sorted({float(at) for series, _ in found for at, _ in series["values"]})
        heights = [[dict((float(at), float(value)) for at, value in series["values"]).get(at, 0) for at in times] for series, _ in found]
        ax.stackplot([datetime.datetime.fromtimestamp(at) for at in times], heights, labels=[name(s, l) for s, l in found], colors=colours, alpha=0.75)
    else:
        for index, (series, legend) in enumerate(found):
            times, values = points(series)
            ax.plot(times, values, label=name(series, legend), color=colours[index], linewidth=1.3)
    ax.set_ylim(0, ax.get_ylim()[1] * 1.05)
    ax.set_axisbelow(True)
    ax.grid(color="#25272d", linewidth=0.5)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=unit == "short"))
    ax.yaxis.set_major_formatter(lambda value, _: said(value, unit))
    clock(ax)
    if found:
        ax.legend(fontsize=5.5, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.1), handlelength=1, labelcolor=INK)


def clock(ax):
    ax.xaxis.set_major_formatter(dates.DateFormatter("%H:%M:%S"))
    ax.xaxis.set_major_locator(dates.AutoDateLocator(maxticks=7))
    ax.tick_params(labelsize=6)


def timeline(ax, entry):
    mapping = entry["panel"]["fieldConfig"]["defaults"]["mappings"][0]["options"]
    found = sorted(flatten(entry), key=lambda item: name(*item), reverse=True)
    for row, (series, _) in enumerate(found):
        times, values = points(series)
        begin = 0
        for index in range(1, len(values) + 1):
            if index == len(values) or values[index] != values[begin]:
                end = times[index] if index < len(values) else times[-1] + datetime.timedelta(seconds=1)
                phase = mapping[str(int(values[begin]))]
                start, width = dates.date2num(times[begin]), dates.date2num(end) - dates.date2num(times[begin])
                ax.barh(row, width, left=start, height=0.78, color=COLOURS[phase["color"]], edgecolor=PANEL, linewidth=0.8)
                if end - times[begin] > datetime.timedelta(seconds=3):
                    ax.text(start, row, " " + phase["text"], va="center", fontsize=5.5, color="#111217", clip_on=True)
                begin = index
    ax.set_yticks(range(len(found)), [re.sub(r" \S+/", " ", name(*item)) for item in found], fontsize=6)
    ax.xaxis_date()
    clock(ax)


def draw(title, entries, folder):
    column, line = 0.62, 0.3
    rows = max(entry["panel"]["gridPos"]["y"] + entry["panel"]["gridPos"]["h"] for entry in entries)
    top = min(entry["panel"]["gridPos"]["y"] for entry in entries)
    width, height = 24 * column, (rows - top) * line + 0.5
    figure = plt.figure(figsize=(width, height))
    figure.text(0.008, 1 - 0.32 / height, title, fontsize=12)
    for entry in entries:
        panel, at = entry["panel"], entry["panel"]["gridPos"]
        left, bottom = at["x"] * column / width, 1 - (0.5 + (at["y"] - top + at["h"]) * line) / height
        w, h = at["w"] * column / width, at["h"] * line / height
        frame = figure.add_axes([left + 0.002, bottom + 0.002, w - 0.004, h - 0.004])
        frame.set(xticks=[], yticks=[])
        frame.text(0.01, 1 - 0.2 / (at["h"] * line), panel["title"], fontsize=8, transform=frame.transAxes)
        shape, unit = panel["type"], panel["fieldConfig"]["defaults"]["unit"]
        margin = {"timeseries": (0.5, 0.55), "state-timeline": (1.6, 0.3)}.get(shape, (0.1, 0.08))
        ax = figure.add_axes([left + margin[0] / width, bottom + margin[1] / height, w - (margin[0] + 0.12) / width, h - (margin[1] + 0.32) / height])
        if shape == "stat":
            number(ax, entry, unit)
        elif shape == "table":
            table(ax, entry, unit)
        elif shape == "state-timeline":
            timeline(ax, entry)
        else:
            lines(ax, entry, unit, "stacking" in panel["fieldConfig"]["defaults"]["custom"])
    place = folder / f"dashboard-{title.split('/')[1].strip().split(' ')[0].lower()}.png"
    figure.savefig(place, dpi=90, pil_kwargs={"optimize": True})
    plt.close(figure)
    print(place)


def main():
    data, folder = Path(sys.argv[1]), Path(sys.argv[2])
    boards = {}
    for entry in json.loads(data.read_text()):
        boards.setdefault(entry["place"].split(":")[0], []).append(entry)
        # Grafana counts times in milliseconds, which the query says; said() does so in seconds.
        if entry["panel"]["fieldConfig"]["defaults"]["unit"] == "dateTimeFromNow":
            for series in entry["series"]:
                for one in series:
                    one["value"][1] = float(one["value"][1]) / 1000
    for title, entries in boards.items():
        draw(title, entries, folder)


if __name__ == "__main__":
    main()

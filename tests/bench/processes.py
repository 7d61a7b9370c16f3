"""What processes cost: CPU time and memory, from /proc."""

import os
import re
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    # The name of a program, in parentheses, may hold spaces.
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def cpu_seconds(pid):
    """CPU time of a process so far, with its children that have ended."""
    fields = _stat(pid)
    return sum(int(field) for field in fields[11:15]) / TICKS


def memory_mib(pid, field):
    """VmHWM is the most that was resident, VmRSS what is, RssAnon the part that is from no file."""
    size = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(size.group(1)) / 1024


def children(pid):
    """Ids of the processes that this one started."""
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in Path(task, "children").read_text().split()]


def machine_cpu_seconds():
    """CPU time that this machine has spent on anything: user, nice, system, interrupts, and what its host took away."""
    user, nice, system, _, _, irq, softirq, steal = (int(field) for field in Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS

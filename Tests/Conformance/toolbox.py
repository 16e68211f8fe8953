"""For the programs in tools/ that drive a host of their own."""

import os
import sys
from pathlib import Path

from host import Host, process_name, read
from network import enter_network_of_own

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    """User and system time so far."""
    fields = (read(f"/proc/{process}/stat") or "").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS if len(fields) > 12 else 0.0


def by_name(processes, value):
    return {process_name(process) or str(process): value(process) for process in processes}


def kernel_kilobytes():
    """What the kernel has taken for itself and cannot drop: slabs, stacks, page tables, per-CPU memory."""
    table = {line.split(":")[0]: int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines()}
    return sum(table[name] for name in ("SUnreclaim", "KernelStack", "PageTables", "Percpu"))


def proportional_kilobytes(process):
    lines = (read(f"/proc/{process}/smaps_rollup") or "").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def fail(program, reason):
    print(f"{program}: {reason}", file=sys.stderr)
    sys.exit(1)


def open_host(**options):
    """A host with these options, `memory_budget=1` for `--memory-budget 1`, in a network of its own; unsigned requests are served."""
    enter_network_of_own()
    arguments = [word for name, value in {"auth": "none", **options}.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return Host(*arguments)

"""What the figures were measured on."""

import os
import platform
from pathlib import Path


def cpu():
    info = Path("/proc/cpuinfo")
    fields = {}
    for line in info.read_text().splitlines() if info.exists() else []:
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields.get('model')})"
    return name


def machine():
    return f"{cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"

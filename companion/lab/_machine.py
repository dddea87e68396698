"""What this machine is called."""

import platform
import re
from pathlib import Path


def processor() -> str:
    """Return the processor's model as Linux names it, elsewhere what Python knows of it."""
    file = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", file.read_text("utf-8")) if file.exists() else None
    return found[1] if found else platform.processor() or platform.machine()

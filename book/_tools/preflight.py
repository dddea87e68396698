"""Say what is missing before anything is installed. Runs on any Python, even an old one."""

import shutil
import sys

OLDEST = (3, 11)
GIGABYTES = 5  # of the environment with everything in it

problems = []
if sys.version_info < OLDEST:
    problems.append(
        "Python %d.%d or later is needed; this is %s. Name another one: make book PYTHON=python3.11"
        % (OLDEST + (sys.version.split()[0],))
    )
try:
    import ensurepip  # noqa: F401
    import venv  # noqa: F401
except ImportError:
    problems.append(
        "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"
    )
else:
    free = shutil.disk_usage(".").free / 1e9
    if free < GIGABYTES:
        problems.append("%d GB of free disk are needed; there are %.1f GB" % (GIGABYTES, free))
sys.exit("\n".join(problems) or 0)

"""What was freed goes back to the system."""

import subprocess
import sys
from pathlib import Path

import pytest

from dvgs_core.engine.heap import give_back_memory

# small blocks, one of them at the top of the heap still in use: what glibc keeps
CODE = """
import numpy as np
from pathlib import Path
from dvgs_core.engine.heap import give_back_memory

def held():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))

blocks = [np.ones(12_000) for _ in range(1_000)]
last = blocks.pop()
del blocks
before = held()
give_back_memory()
print(before - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measured by /proc")
def test_freed_memory_goes_back_to_the_system():
    import platform

    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc keeps it")
    root = Path(__file__).parents[2]
    said = subprocess.check_output([sys.executable, "-c", CODE], cwd=root, text=True)
    assert int(said) > 60_000  # kB, of 96,000


def test_a_system_that_knows_no_such_call_is_left_alone(monkeypatch):
    class Silent:
        def __init__(self, name):
            pass

    monkeypatch.setattr("ctypes.CDLL", Silent)
    give_back_memory()

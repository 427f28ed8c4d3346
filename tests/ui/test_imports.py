"""Several visitors in a server's first second import everything at once."""

import subprocess
import sys

from .conftest import ROOT

AT_ONCE = """
import sys, threading
from pathlib import Path
sys.setswitchinterval(1e-5)
faults = []

def visit(path):
    lines = [l for l in Path(path).read_text().split("inside_app(")[0].splitlines()
             if l.startswith(("import ", "from "))]
    try:
        for line in lines:
            words = line.split()
            __import__(words[1], fromlist=["x"] if words[0] == "from" else [])
            if words[0] == "from" and words[1] == "ui":
                for name in line.split("import", 1)[1].replace("(", "").split(","):
                    __import__(f"ui.{name.strip()}") if name.strip() else None
    except Exception as fault:
        faults.append(f"{path}: {fault!r}")

paths = ["app.py", *sorted(map(str, Path("pages").glob("*.py")))]
visitors = [threading.Thread(target=visit, args=(path,)) for path in paths]
for visitor in visitors: visitor.start()
for visitor in visitors: visitor.join()
print(faults)
"""


def test_all_pages_can_be_opened_by_first_visitors_at_the_same_time():
    ended = subprocess.run(
        [sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "[]"


AHEAD = """
import sys
from ui import ahead
ahead._import_all()
for page in ("bulk", "performance_views", "export_panels", "target_views", "live", "map.component"):
    assert f"ui.{page}" in sys.modules, page
import gc
assert gc.get_freeze_count() > 10 * len(gc.get_objects())
print(sorted({"torch", "umap", "numba"} & set(sys.modules)))
"""


def test_what_other_pages_need_is_imported_ahead_and_nothing_that_takes_long():
    ended = subprocess.run(
        [sys.executable, "-c", AHEAD], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "[]"

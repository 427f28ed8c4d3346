"""What holds for the code as a whole: directions of imports, what is never used, what is lazy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "dvgs_core").rglob("*.py"))
UI = sorted((ROOT / "ui").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
OURS = [*CORE, *UI, *PAGES, ROOT / "app.py"]

#: Each part of dvgs_core may import the parts before it; those on one line also each other.
LAYERS = (
    ("errors",),
    ("settings",),
    ("samples",),
    ("stopping",),
    ("data",),
    ("models",),
    ("gradients",),
    ("methods", "trajectory", "evaluation"),
    ("neighbours",),
    ("store",),
    ("review",),
    ("engine",),
    ("notebook", "replay"),
    ("paper",),
    ("report",),
    ("cli",),
    ("__main__",),
)
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, at its top or inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)} has an import relative to itself"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an expression, "" for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{dotted(value)}.{attribute}".lstrip(".")
    return ""


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def test_every_part_of_the_core_has_a_layer():
    parts = {path.relative_to(ROOT / "dvgs_core").parts[0].removesuffix(".py") for path in CORE}
    assert parts - {"__init__"} <= set(LEVEL)


def test_imports_of_the_core_run_one_way():
    against = []
    for path in CORE:
        part = path.relative_to(ROOT / "dvgs_core").parts[0].removesuffix(".py")
        for name in imports(path):
            words = name.split(".")
            if words[0] != "dvgs_core" or part == "__init__" or words[1] not in LEVEL:
                continue
            if LEVEL[words[1]] > LEVEL[part]:
                against.append(f"{relative(path)} imports {name}")
    assert not against


def test_the_core_knows_no_page_and_no_streamlit():
    above = {"streamlit", "ui", "pages", "app", "plotly"}
    found = [
        f"{relative(path)} imports {name}"
        for path in CORE
        for name in imports(path)
        if name.split(".")[0] in above
    ]
    assert not found


def test_ui_knows_no_page():
    found = [p for p in UI if any(n.split(".")[0] in ("pages", "app") for n in imports(p))]
    assert not found


def test_charts_draw_without_streamlit():
    assert not [n for n in imports(ROOT / "ui" / "charts.py") if n.startswith("streamlit")]


def fresh(statements: str) -> str:
    """What a new Python prints after these statements."""
    ended = subprocess.run(
        [sys.executable, "-c", statements], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def modules(paths: list[Path]) -> list[str]:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


HEAVY = ("torch", "umap", "numba", "sklearn")
APP_SIDE = ("data", "store", "review", "engine", "methods", "evaluation")


@pytest.mark.parametrize(
    "names",
    [["dvgs_core", *(f"dvgs_core.{part}" for part in APP_SIDE)], modules(UI)],
    ids=["core", "ui"],
)
def test_what_the_app_imports_loads_nothing_heavy(names):
    lines = [f"import {name}" for name in names]
    lines += ["import sys", f"print([name for name in {HEAVY!r} if name in sys.modules])"]
    assert fresh("\n".join(lines)).strip() == "[]"


def test_every_name_in_the_design_can_be_imported():
    names = [
        *("Samples", "DVGS", "methods", "corrupt_labels", "add_feature_noise"),
        *("detection", "value_frame", "Valuation", "Step", "Trajectory", "InputError"),
    ]
    statements = [f"from dvgs_core import {', '.join(names)}", "import dvgs_core"]
    statements += [
        "assert methods.names()[0] == 'dvgs' and callable(methods.create)",
        "assert callable(detection) and callable(value_frame) and callable(DVGS.paper)",
        f"assert set({names!r}) <= set(dir(dvgs_core)) and dvgs_core.__version__",
        "print('fine')",
    ]
    assert fresh("\n".join(statements)) == "fine\n"


def test_a_name_that_is_not_there_is_an_attribute_error():
    import dvgs_core

    with pytest.raises(AttributeError, match="nonsense"):
        dvgs_core.nonsense  # noqa: B018


def test_nothing_runs_text_or_unpickles():
    modules_never = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    found = []
    for path in OURS:
        bad = [n for n in imports(path) if n.split(".")[0] in modules_never]
        for name, call in calls(path):
            last = name.split(".")[-1]
            if name in ("eval", "exec", "compile") or last in ("read_pickle", "to_pickle"):
                bad.append(f"{name}()")
            if name in ("np.load", "numpy.load") or (last == "save" and name.startswith("np.")):
                kept = {k.arg: k.value for k in call.keywords}.get("allow_pickle")
                if not (isinstance(kept, ast.Constant) and kept.value is False):
                    bad.append(f"{name}() without allow_pickle=False")
            if name == "torch.load":
                bad.append("torch.load()")
        found += [f"{relative(path)}: {what}" for what in bad]
    assert not found


def test_nothing_hides_missing_numbers_or_puts_data_into_html():
    found = []
    for path in OURS:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute | ast.Name) and dotted(node).endswith("nan_to_num"):
                found.append(f"{relative(path)}: nan_to_num")
            if isinstance(node, ast.keyword) and node.arg == "unsafe_allow_html":
                found.append(f"{relative(path)}: unsafe_allow_html")
    assert not found


def test_scripts_of_components_run_no_text_and_write_no_html():
    never = ("eval(", "new Function(", ".innerHTML", ".outerHTML", "document.write", "insertAdj")
    scripts = sorted((ROOT / "ui").rglob("*.js"))
    found = [
        f"{relative(path)}: {line.strip()}"
        for path in scripts
        for line in path.read_text(encoding="utf-8").splitlines()
        # our own constant drawings
        if any(word in line for word in never) and ".innerHTML = ICONS[name];" not in line
    ]
    assert scripts and not found


def test_no_global_seed_is_set():
    seeds = ("np.random.seed", "numpy.random.seed", "random.seed", "torch.manual_seed")
    found = [relative(p) for p in OURS if any(name in seeds for name, _ in calls(p))]
    assert not found


def test_the_session_is_touched_in_one_place():
    found = {
        relative(path)
        for path in OURS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "session_state"
    }
    assert found == {"ui/state.py"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_is_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 120


def test_the_app_only_routes():
    lines = (ROOT / "app.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 10


def public(body: list[ast.stmt], outer: str = "") -> Iterator[tuple[str, Named]]:
    """Functions and classes without a leading underscore, and methods of such classes."""
    for node in body:
        if not isinstance(node, Named) or node.name.startswith("_"):
            continue
        yield f"{outer}{node.name}", node
        if isinstance(node, ast.ClassDef):
            yield from public(node.body, f"{outer}{node.name}.")


def told_by_protocols(module: ast.Module) -> set[str]:
    """Methods that a protocol documents for all classes that follow it."""
    return {
        method.name
        for _, node in public(module.body)
        if isinstance(node, ast.ClassDef) and any(dotted(b) == "Protocol" for b in node.bases)
        for _, method in public(node.body)
        if ast.get_docstring(method)
    }


def test_every_public_name_of_the_core_has_a_docstring():
    without = []
    for path in CORE:
        module = tree(path)
        told = told_by_protocols(module)
        if not ast.get_docstring(module):
            without.append(relative(path))
        for name, node in public(module.body):
            if not ast.get_docstring(node) and not ("." in name and node.name in told):
                without.append(f"{relative(path)}: {name}")
    assert not without


def test_every_public_function_of_the_core_says_what_it_returns():
    without = [
        f"{relative(path)}: {name}"
        for path in CORE
        for name, node in public(tree(path).body)
        if isinstance(node, ast.FunctionDef) and node.returns is None
    ]
    assert not without


def test_words_that_are_not_used():
    never = {"res", "vals", "crit", "utils", "helpers"}
    found = [relative(path) for path in OURS if path.stem in never]
    for path in OURS:
        for node in ast.walk(tree(path)):
            named = getattr(node, "id", None) or getattr(node, "arg", None)
            if named in never:
                found.append(f"{relative(path)}: {named}")
    assert not found

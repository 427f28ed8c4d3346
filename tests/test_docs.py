"""What README and guide name is there: commands, options, settings, methods, files, imports."""

import ast
import importlib
import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest

from dvgs_core import Samples, methods
from dvgs_core.cli import dvgs
from dvgs_core.methods import registry
from dvgs_core.settings import fields
from ui.words import MEANINGS

ROOT = Path(__file__).resolve().parents[1]
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/guide.md")}
GUIDE = PAGES["docs/guide.md"]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def command_lines(text: str) -> list[str]:
    """Every `dvgs ...` of the code blocks and of inline code, one line each."""
    shell = "\n".join(blocks(text, "bash")).replace("\\\n", " ")
    inline = [line for line in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text) if " " in line]
    lines = [line.strip() for line in [*shell.splitlines(), *inline]]
    return [line for line in lines if re.match(r"(dvgs|\.?/?\S*python -m dvgs_core) ", line)]


LINES = [(name, line) for name, text in PAGES.items() for line in command_lines(text)]


def parsed(line: str) -> tuple[click.Command, dict]:
    """A command line as click understands it, without running it."""
    words = shlex.split(line.replace(".venv/bin/python -m dvgs_core", "dvgs"), comments=True)[1:]
    # as the program does: a command keeps the help option of the first context it meets
    context = click.Context(dvgs, **dvgs.context_settings)
    name, command, rest = dvgs.resolve_command(context, words)
    given = command.make_context(name, list(rest), parent=context, resilient_parsing=False)
    return command, given.params


@pytest.mark.parametrize(("page", "line"), LINES, ids=[line for _, line in LINES])
def test_a_command_that_is_named_can_be_typed(page, line):
    command, given = parsed(line)
    if "assignments" in given:
        entry = methods.entry(given["method"])
        known = {setting.name for setting in fields(entry.settings)}
        assert {text.partition("=")[0] for text in given["assignments"]} <= known
    if command.name == "methods" and given["name"]:
        assert given["name"] in methods.names()


def test_the_documents_name_every_command():
    named = {shlex.split(line)[1] for _, line in LINES if line.startswith("dvgs ")}
    assert named <= set(dvgs.commands) and len(LINES) > 12
    in_guide = {shlex.split(line)[1] for page, line in LINES if page != "README.md"}
    wanted = {"value", "corrupt", "detect", "compare", "curve", "apply", "replay", "report"}
    wanted |= {"methods"}
    assert wanted <= in_guide


@pytest.mark.parametrize("page", PAGES)
def test_options_in_the_text_exist(page):
    options = {
        word
        for c in dvgs.commands.values()
        for p in c.params
        for word in (*p.opts, *p.secondary_opts)
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGES[page])) - {
        "--help",
        "--version",
        "--editable",
    }
    assert named and named <= options


def test_the_guide_has_a_line_for_every_method():
    part = GUIDE.split("## Which method when")[1].split("## ")[0]
    named = re.findall(r"^\| `([a-z-]+)` \|", part, re.M)
    assert sorted(named) == sorted(methods.names())


@pytest.mark.parametrize("page", PAGES)
def test_pictures_and_linked_files_are_there(page):
    folder = (ROOT / page).parent
    links = re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", PAGES[page])
    links = [link for link in links if not link.startswith(("http", "#"))]
    assert links
    missing = [link for link in links if not (folder / link.partition("#")[0]).exists()]
    assert not missing


def test_links_inside_the_guide_lead_to_headings():
    headings = re.findall(r"^#+ (.+)$", GUIDE, re.M)
    slugs = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
    inside = set(re.findall(r"\]\(#([^)]+)\)", GUIDE))
    assert len(inside) >= 10 and inside <= slugs


def test_the_guide_has_a_section_and_a_picture_for_every_page():
    from ui.sidebar import STEPS

    for name, (title, _) in STEPS.items():
        section = GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]
        assert f"(images/{name}-light.png)" in section


@pytest.mark.parametrize("page", PAGES)
def test_python_in_the_text_imports_what_there_is(page):
    code = blocks(PAGES[page], "python")
    assert code
    for block in code:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names)


def test_methods_damage_and_judgement_from_python_are_as_the_guide_says(capsys):
    (code,) = [block for block in blocks(GUIDE, "python") if "methods.register" in block]
    rng = np.random.default_rng(0)
    y = np.arange(150) % 2
    rows = Samples(rng.normal(size=(150, 3)) + 3 * y[:, None], y)
    names = {
        "source": rows.rows(np.arange(80)),
        "target": rows.rows(np.arange(80, 120)),
        "holdout": rows.rows(np.arange(120, 150)),
    }
    try:
        exec(compile(code, "docs/guide.md", "exec"), names)  # the guide's own lines
    finally:
        registry._entries.pop("length", None)
    assert names["detection"](names["wrong"], names["values"]["confidence"]).auroc > 0.9
    assert set(names["curve"]["which"]) == {"lowest", "highest", "random", "oracle"}
    took, ranking = capsys.readouterr().out.splitlines()
    assert took.startswith("It took") and ranking.startswith("Over 5 draws of the target")


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_and_variables_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z]+)", PAGES[page], re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
    sources = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("dvgs_core", "ui", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
    )
    for name in set(re.findall(r"\bDVGS_[A-Z]+\b", PAGES[page])):
        assert name in sources


def test_make_and_the_readme_install_the_command_that_the_lines_begin_with():
    pins = ("-r requirements.txt --editable .", "-r requirements-test.txt --editable .")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(line in makefile for line in pins) and pins[0] in PAGES["README.md"]
    assert "source .venv/bin/activate\ndvgs " in PAGES["README.md"]


def test_the_words_of_the_guide_are_those_explained_on_the_pages():
    rows = re.findall(r"^\| ([A-Za-z ]+) \| (.+) \|$", GUIDE.split("## Words")[1], re.M)
    assert dict(rows[1:]) == MEANINGS and rows[0] == ("word", "meaning")

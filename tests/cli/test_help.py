"""What the command line says about itself, and that it is drawn from the declarations."""

import json
import os
from pathlib import Path

import pytest

from dvgs_core import __version__, methods
from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.split import SplitSettings
from dvgs_core.settings import fields

COMMANDS = ["value", "corrupt", "detect", "apply", "methods", "app", "reproduce"]
COMMANDS += ["replay", "report", "curve", "compare"]


def squeezed(text):
    """Without the line breaks and hyphens that a terminal's width brings."""
    return " ".join(text.split())


def test_without_a_command_the_commands_are_listed(dvgs):
    bare, asked = dvgs(), dvgs("--help")
    assert bare == asked and bare.code == 0 and bare.err == ""
    listed = bare.out.split("Commands:")[1].split("\n")
    assert [line.split()[0] for line in listed if line.strip()] == sorted(COMMANDS)
    assert "..." not in bare.out.split("Commands:")[1]


def test_module_and_version(dvgs_process):
    assert dvgs_process("--version").out == f"dvgs, version {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_each_of_its_options(dvgs, command):
    said, short = dvgs(command, "--help"), dvgs(command, "-h")
    assert said == short and said.code == 0 and said.err == ""
    usage, _, options = said.out.partition("Options:")
    assert usage.splitlines()[0].startswith("Usage:") and len(squeezed(usage)) > 50
    assert "--help" in options


def test_options_of_value_are_the_declared_settings(dvgs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = squeezed(dvgs("value", "--help").out)
    not_options = ("target_rows", "holdout_rows", "stratify", "seed")
    shown = [s for s in fields(SplitSettings) if s.name not in not_options]
    shown += [s for s in fields(EncodingSettings) if s.name == "numeric"]
    for setting in shown:
        assert f"--{setting.name.replace('_', '-')} " in text
        assert squeezed(setting.help) in text
    assert "[1 to 20; default: 1]" in text and "[default: quantile]" in text
    assert "[quantile|standard|minmax]" in text
    for role in ("label", "feature", "id", "group", "image", "ignore", "numeric", "text"):
        assert role in text


def test_methods_lists_names_and_every_setting_with_its_bounds(dvgs):
    listed = json.loads(dvgs("methods", "--json").out)
    assert listed["methods"] == methods.names()
    assert set(listed["about"]) == set(methods.names())
    named = dvgs("methods").out.splitlines()[::2]
    assert [line.split(":")[0] for line in named] == methods.names()
    for name in methods.names():
        entry = methods.entry(name)
        settings = list(fields(entry.settings))
        said = dvgs("methods", name)
        assert said.code == 0 and len(said.out.splitlines()) == 2 + 2 * (
            len(settings) + len(entry.presets())
        )
        about = [f"{name}: {entry.title} ({', '.join(entry.tasks)})", f"    {entry.help}"]
        assert said.out.splitlines()[:2] == about
        assert "\n".join(about) in dvgs("methods").out
        facts = {"title": entry.title, "help": entry.help, "tasks": list(entry.tasks)}
        assert listed["about"][name] == facts
        for setting in settings:
            assert f"    {setting.help}\n" in said.out
            line = next(x for x in said.out.splitlines() if x.startswith(f"{setting.name} = "))
            default = "automatic" if setting.default is None else str(setting.default)
            if setting.column:
                default = "none yet  (a column of DATA)"
            assert line.startswith(f"{setting.name} = {default}")
            assert all(str(choice) in line for choice in setting.choices)
        defaults = {setting.name: setting.default for setting in settings}
        assert json.loads(dvgs("methods", name, "--json").out) == {
            "method": name,
            **facts,
            "settings": defaults,
            "presets": [
                {"name": p.name, "tasks": list(p.tasks), "settings": dict(p.settings)}
                for p in entry.presets()
            ],
        }
        for preset in entry.presets():
            assert f"--preset {preset.name}" in said.out and f"    {preset.help}\n" in said.out
    assert "restarts = 3 networks  (int 1–100)" in dvgs("methods", "dvgs").out


def test_an_unknown_method_lists_those_there_are(dvgs):
    said = dvgs("methods", "shap")
    assert said.code == 2 and said.err == "dvgs: There is no method 'shap'; known: " + (
        ", ".join(methods.names()) + ".\n"
    )


def test_app_serves_on_the_address_and_workspace_asked_for(dvgs, monkeypatch, tmp_path):
    calls = []

    def become(program, command, environment):
        calls.append((command, environment, Path.cwd()))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", become)  # it would put Streamlit in this process's place
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVGS_WORKSPACE", raising=False)
    said = dvgs("app", "--port", "8602", "--workspace", tmp_path / "work")
    assert said.code == 0 and "http://localhost:8602" in said.out
    (command, environment, folder), *rest = calls
    assert not rest
    assert command[1:4] == ["-m", "streamlit", "run"] and command[4].endswith("app.py")
    assert Path(command[4]).is_file()
    assert command[5:] == ["--server.port", "8602", "--server.address", "localhost"]
    assert environment["DVGS_WORKSPACE"] == str(tmp_path / "work")
    assert (folder / ".streamlit" / "config.toml").is_file()
    assert dvgs("app", "--port", "0").code == 2

"""The database: one form, whoever opens it first, and all or nothing."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from dvgs_core.errors import InputError
from dvgs_core.store import Workspace
from dvgs_core.store.processes import birth, there


def test_importing_what_the_app_needs_loads_nothing_heavy():
    code = (
        "import sys, dvgs_core.store, dvgs_core.review, dvgs_core.engine.supervisor\n"
        "print([m for m in ('torch', 'umap', 'sklearn', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_many_may_open_a_new_workspace_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        spaces = list(pool.map(lambda _: Workspace(tmp_path / "new"), range(8)))
    spaces[0].set_setting(None, "x", 1)
    assert [space.get_setting(None, "x") for space in spaces] == [1] * 8


def test_every_connection_waits_for_the_disk_and_guards_references(workspace):
    with workspace.database.writing(durable=False) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 1
    with workspace.database.reading() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


def test_a_block_that_fails_writes_nothing(workspace):
    with pytest.raises(RuntimeError), workspace.database.writing() as connection:
        connection.execute("INSERT INTO settings VALUES ('', 'x', '1')")
        raise RuntimeError
    assert workspace.get_setting(None, "x") is None
    workspace.set_setting(None, "x", 2)  # and the lock is free
    assert workspace.get_setting(None, "x") == 2


def test_a_full_disk_is_told_in_one_line(workspace):
    with pytest.raises(InputError, match="full"), workspace.database.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connection.execute("INSERT INTO settings VALUES ('', 'x', ?)", ("1" * 100_000,))
    assert workspace.get_setting(None, "x") is None


def test_a_workspace_of_a_newer_program_is_left_alone(workspace):
    path = workspace.database.path
    workspace.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InputError, match="newer version"):
        Workspace(workspace.root)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "workspace.sqlite").write_text("not a database, but long enough to be one" * 50)
    with pytest.raises(InputError, match="cannot be opened"):
        Workspace(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        Workspace(tmp_path / "file" / "workspace")


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DVGS_WORKSPACE", str(tmp_path / "named"))
    assert Workspace().root == tmp_path / "named"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_process_is_gone_even_before_its_parent_asks():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        born = birth(process.pid)
        assert there(process.pid, born, heartbeat=None)
        assert not there(process.pid, born[:-1] + "x", heartbeat=None)
        process.kill()
        # waits for the death without taking the zombie away
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not there(process.pid, born, heartbeat=None)

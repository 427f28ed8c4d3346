"""The lines that pages show are found by a terminal that knows nothing yet."""

import sys

from ui import terminal


def test_in_a_virtual_environment_the_first_line_makes_dvgs_known(tmp_path, monkeypatch):
    own = tmp_path / "my work" / ".venv"
    (own / "bin").mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(own))
    # nothing is promised that is not there
    assert terminal.with_dvgs("dvgs app") == "dvgs app"
    for name in ("activate", "dvgs"):
        (own / "bin" / name).touch()
    assert terminal.with_dvgs("dvgs app") == f"source '{own}/bin/activate'\ndvgs app"
    assert terminal.with_python("import a") == f"# with {own}/bin/python\nimport a"
    # a system's own Python has its commands on the path
    monkeypatch.setattr(sys, "base_prefix", str(own))
    assert terminal.with_dvgs("dvgs app") == "dvgs app"

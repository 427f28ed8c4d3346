"""What all tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; tests that need it are skipped where there is none."""
    folder = os.environ.get("DVGS_DATA")
    if not folder:
        pytest.skip("DVGS_DATA is not set")
    return Path(folder)

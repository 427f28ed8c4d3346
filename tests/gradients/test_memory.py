"""How much memory scoring takes beside the rows, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

# rows that are one in memory, so that the test needs no room for 100,000 of them
_SCORE = """
import pathlib, torch
from dvgs_core.gradients.factored import Checkpoint, Scorer
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import SquaredError
from dvgs_core.models.network import autoencoder

def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return int(next(x for x in lines if x.startswith("VmHWM")).split()[1]) / 1024

network = autoencoder(978, layers=2, width=256, latent=64)
parameters = network.initial(1, 0)
at = Checkpoint(0, parameters, torch.ones_like(parameters), torch.zeros(1))
X = torch.ones(1, 978).expand(100_000, -1)
before = peak()
with Scorer(network, SquaredError(), X, X, torch.arange(100_000)) as scorer:
    own = scorer.score(at, Dropout(0.0, 0, 1, 0, 1)).own
print(own.shape[1], peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are Linux's to tell")
def test_a_hundred_thousand_wide_rows_take_less_than_400_mb_beside_themselves():
    found = subprocess.run(
        [sys.executable, "-c", _SCORE], capture_output=True, text=True, check=True
    )
    rows, megabytes = found.stdout.split()
    assert rows == "100000"
    assert float(megabytes) < 400

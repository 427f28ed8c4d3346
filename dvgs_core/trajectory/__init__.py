"""Fit once, score any row: the two halves of DVGS.

Training on the target leaves a *trajectory* of checkpoints; scoring needs the trajectory and the
row, nothing else. `DVGS.steps` does both at once, checkpoint after checkpoint, and keeps none.

    plan       what follows from the settings, the target's shape and the network
    networks   the plan of built-in networks; modules, that of any torch.nn.Module
    training   plan + target -> checkpoints
    running    similarities so far -> values and standard errors
    scoring    checkpoints + rows -> steps
    kept       a trajectory in memory and on the disk

Source: Evans et al. 2024, algorithm 1.
"""

from dvgs_core.trajectory.kept import Replay, Trajectory
from dvgs_core.trajectory.scoring import fit_and_score

__all__ = ["Replay", "Trajectory", "fit_and_score"]

"""How well networks predict rows, for many networks at once.

auroc      binary classification: chance that a row of class 1 is given more of it than one of
           class 0; ties count half, exactly
accuracy   share of rows whose class is given most; of equals the first
r2         1 - squared error / squared deviation from the mean (of each column), over all numbers
loss       minus the mean loss (cross entropy, or squared error of standardised labels)

Higher is better in each. Importing this module loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

Metric = Literal["auroc", "accuracy", "r2", "loss"]
MetricChoice = Literal["auto", "auroc", "accuracy", "r2", "loss"]

#: What a person reads.
METRIC_NAMES: dict[str, str] = {
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "r2": "R²",
    "loss": "minus the loss",
}


def metric_for(task: str, classes: int, wanted: MetricChoice = "auto") -> Metric:
    """The metric that is meant.

    Args:
        task: "classification", "regression" or "reconstruction".
        classes: how many classes there are; 0 where the task has none.
        wanted: "auto" takes AUROC for two classes, accuracy for more, else R².

    Raises:
        InputError: the metric does not go with the task; the message lists those that do.
    """
    known: tuple[Metric, ...] = ("r2", "loss")
    if task == "classification":
        known = ("auroc", "accuracy", "loss") if classes == 2 else ("accuracy", "loss")
    if wanted == "auto":
        return known[0]
    if wanted not in known:
        what = f"{task} with {classes} classes" if task == "classification" else task
        raise InputError(f"The metric {wanted} is not for {what}; use {' or '.join(known)}.")
    return wanted


def scores(metric: Metric, output: Tensor, y: Tensor) -> NDArray[np.float64]:
    """The score of each member.

    Args:
        metric: which.
        output: (members, rows, outputs), what the networks give; logits for classification.
        y: (rows,) int64 classes, or (rows, outputs) float.

    Returns:
        (members,) float64, higher = better.

    Raises:
        InputError: AUROC of rows that are all of one class, or R² of rows that are all alike.
    """
    match metric:
        case "auroc":
            found = _auroc(output[..., 1] - output[..., 0], y)
        case "accuracy":
            found = (output.argmax(dim=2) == y).double().mean(dim=1)
        case "r2":
            spread = (y - y.mean(dim=0)).double().square().sum()
            if float(spread) == 0:
                raise InputError("R² needs rows that differ; these are all alike. Choose others.")
            found = 1 - (output - y).square().sum(dim=2).double().sum(dim=1) / spread
        case "loss":
            from dvgs_core.models.losses import loss_for

            loss = loss_for("regression" if y.is_floating_point() else "classification")
            found = -loss.rows(output, y.unsqueeze(0)).double().mean(dim=1)
        case _:
            raise ValueError(f"Unknown metric {metric!r}; known: {', '.join(METRIC_NAMES)}.")
    return found.cpu().numpy()


def _auroc(score: Tensor, y: Tensor) -> Tensor:
    """(members,) float64, given (members, rows) scores."""
    import torch

    ones, zeros = score[:, y == 1].contiguous(), score[:, y == 0]
    pairs = ones.shape[1] * zeros.shape[1]
    if not pairs:
        raise InputError("AUROC needs rows of both classes to be scored on. Choose other rows.")
    ordered = zeros.sort(dim=1).values
    # rows of class 0 below each row of class 1, and those not above it: their mean halves ties
    below = torch.searchsorted(ordered, ones).sum(dim=1)
    not_above = torch.searchsorted(ordered, ones, right=True).sum(dim=1)
    return (below + not_above).double() / (2 * pairs)


def uninformed(metric: Metric, y: NDArray) -> float:
    """The score of who knows nothing of the rows but how often each answer comes.

    That is the best constant answer: AUROC 0.5, the share of the commonest class, R² 0.

    Args:
        metric: which.
        y: (rows,) int64 classes, or (rows, outputs) float, standardised where the networks' are.
    """
    y = np.asarray(y)
    match metric:
        case "auroc":
            return 0.5
        case "r2":
            return 0.0
        case "accuracy":
            return float(np.unique(y, return_counts=True)[1].max() / len(y))
        case "loss" if np.issubdtype(y.dtype, np.integer):
            share = np.unique(y, return_counts=True)[1] / len(y)
            return float((share * np.log(share)).sum())
        case "loss":
            return -float(np.var(y.astype(np.float64), axis=0).mean())
    raise ValueError(f"Unknown metric {metric!r}; known: {', '.join(METRIC_NAMES)}.")

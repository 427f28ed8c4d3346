"""What a network is trained on, with the loss's gradient at the network's output.

Every loss is per row; a batch's loss is a weighted sum of its rows' losses.
"""

from typing import Protocol

import torch
from torch import Tensor

from dvgs_core.models.narrow import softmax


class Loss(Protocol):
    """One row's loss and its gradient with respect to the network's output."""

    def rows(self, output: Tensor, y: Tensor) -> Tensor:
        """(members, rows, outputs) and targets -> (members, rows) losses."""
        ...

    def gradient(self, output: Tensor, y: Tensor) -> Tensor:
        """(members, rows, outputs) and targets -> (members, rows, outputs) d loss / d output."""
        ...


class CrossEntropy:
    """−log of the softmax probability of the row's class. y: (members or 1, rows) int64."""

    def rows(self, output: Tensor, y: Tensor) -> Tensor:
        y = y.expand(output.shape[:2]).unsqueeze(2)
        return -torch.log_softmax(output, dim=2).gather(2, y).squeeze(2)

    def gradient(self, output: Tensor, y: Tensor) -> Tensor:
        y = y.expand(output.shape[:2]).unsqueeze(2)
        gradient = softmax(output)
        return gradient.scatter_add(2, y, gradient.new_full((), -1.0).expand(y.shape))

    def gradient_by_label(self, output: Tensor) -> Tensor:
        """(members, rows, classes, classes): entry [.., c, :] is the gradient were c the label."""
        eye = torch.eye(output.shape[2], dtype=output.dtype, device=output.device)
        return softmax(output).unsqueeze(2) - eye


class SquaredError:
    """Mean over outputs of the squared error. y: (members or 1, rows, outputs) float."""

    def rows(self, output: Tensor, y: Tensor) -> Tensor:
        return (output - y).square().mean(dim=2)

    def gradient(self, output: Tensor, y: Tensor) -> Tensor:
        return (output - y) * (2 / output.shape[2])


def loss_for(task: str) -> CrossEntropy | SquaredError:
    """The loss of a task: cross entropy for classification, squared error otherwise."""
    return CrossEntropy() if task == "classification" else SquaredError()

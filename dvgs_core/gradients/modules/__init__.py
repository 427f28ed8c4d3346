"""Gradient similarity for any torch.nn.Module, exact.

`rules` are the layers whose per-row gradients need never be built; `factored` runs them; `whole`
builds every row's gradient for the rest and is what `factored` is tested against.
"""

from dvgs_core.gradients.modules.public import (
    TargetGradient,
    gradient_similarity,
    target_gradient,
)

__all__ = ["TargetGradient", "gradient_similarity", "target_gradient"]

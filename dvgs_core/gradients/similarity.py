"""The four similarities of two gradients, from their inner product and norms."""

from typing import Literal, get_args

import torch
from torch import Tensor

Similarity = Literal["cosine", "dot", "projection", "euclidean"]


def similarity(
    dot: Tensor, source_norm: Tensor, target_norm: Tensor, *, kind: str = "cosine"
) -> Tensor:
    """Similarity of each source gradient to the target gradient.

    cosine      dot / (|s| |t|)                  no unit, [-1, 1]
    dot         dot                              loss² / parameter²
    projection  dot / |t|                        loss / parameter
    euclidean   -√(|s|² - 2 dot + |t|²)          loss / parameter, ≤ 0

    Args:
        dot, source_norm: (members, ...) float, inner product of source and target gradients, and
            the source gradients' norms.
        target_norm: (members,) float.
        kind: one of "cosine", "dot", "projection", "euclidean".

    Returns:
        (members, ...) float, higher = more helpful. With a zero gradient on either side cosine and
        projection are 0: neither help nor harm.

    Raises:
        ValueError: unknown kind; the message lists the known ones.

    Source: Evans et al. 2024, section 2.1 and table 4.
    """
    target_norm = target_norm.reshape(-1, *[1] * (dot.ndim - 1))
    match kind:
        case "cosine":
            scale = source_norm * target_norm
            # rounding can push |cosine| past 1 by an ulp
            return torch.where(scale > 0, dot / scale, 0.0).clamp_(-1.0, 1.0)
        case "dot":
            return dot
        case "projection":
            return torch.where(target_norm > 0, dot / target_norm, 0.0)
        case "euclidean":
            squared = source_norm.square() - 2 * dot + target_norm.square()
            return -squared.clamp_min_(0).sqrt_()
    raise ValueError(
        f"Unknown similarity {kind!r}; known: {', '.join(map(repr, get_args(Similarity)))}."
    )

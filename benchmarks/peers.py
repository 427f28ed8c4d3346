"""The same scores by libraries that others would pick: opacus and captum, where they are installed.

    pip install dvgs-workbench[peers]

Neither is needed for anything else. Both are given the network as torch's own layers; a row's
similarity to the target is what is timed, under every label where the case asks for it.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from benchmarks.engine import Case


def module(case: "Case") -> nn.Module:
    """The case's network of torch's own layers."""
    network, layers = case.network, []
    for index, (given, gives) in enumerate(network.shapes):
        layers.append(nn.Linear(given - 1, gives))
        if network.activated[index]:
            layers += [nn.Dropout(network.dropout), nn.Mish()]
            if network.normalise:
                layers.append(nn.LayerNorm(gives, elementwise_affine=False))
    return nn.Sequential(*layers)


def losses(output: Tensor, y: Tensor) -> Tensor:
    """(rows,) losses, as the case's task has them."""
    if y.is_floating_point():
        return (output - y).square().mean(1)
    return functional.cross_entropy(output, y, reduction="none")


def opacus(case: "Case", X: Tensor, y: Tensor) -> Callable[[], object] | None:
    """opacus's per-row gradients (layer rules, materialised), then their cosine; None without it.

    Args:
        case: the network.
        X, y: (rows, ...), rows repeated for every label if the case asks for that.
    """
    if find_spec("opacus") is None:
        return None
    from opacus import GradSampleModule

    wrapped = GradSampleModule(module(case), loss_reduction="sum")
    towards = torch.cat([torch.randn_like(p).flatten() for p in wrapped.parameters()])

    def score() -> Tensor:
        losses(wrapped(X), y).sum().backward()
        parts = [p.grad_sample.flatten(1) for p in wrapped.parameters()]
        wrapped.zero_grad()
        return functional.cosine_similarity(torch.cat(parts, dim=1), towards[None])

    return score


def captum(case: "Case", X: Tensor, y: Tensor) -> Callable[[], object] | None:
    """captum's TracInCP at one checkpoint against one target row (inner products); None without.

    It has no cosine and no gradient of a whole target batch: of its cost for a real target this is
    the least.
    """
    if find_spec("captum") is None:
        return None
    from captum.influence import TracInCP

    tracin = TracInCP(
        module(case),
        torch.utils.data.TensorDataset(X, y),
        ["the only one"],
        checkpoints_load_func=lambda network, path: 1.0,
        loss_fn=losses,
        batch_size=len(X),
        sample_wise_grads_per_batch=False,
    )
    return lambda: tracin.influence((X[:1], y[:1]))

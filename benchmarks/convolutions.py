"""Convolutions in modules of your own: the layers' rules against vmap over whole gradients.

    python -m benchmarks.convolutions [--repeats 6] [--only TEXT]

Microseconds of processor time for one row, on one thread, both sides in turns in this process on
the same rows, the least of the repeats; so another busy process disturbs little. Each side takes
the rows a block that `gradient_similarity` would find for it; the two must agree.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dvgs_core.gradients.modules import target_gradient
from dvgs_core.gradients.modules.blocks import MEMORY_LIMIT, rows_for, spans
from dvgs_core.gradients.modules.factored import Factored
from dvgs_core.gradients.modules.problem import Problem
from dvgs_core.gradients.modules.whole import Mapped
from dvgs_core.models.convolutional import autoencoder

Products = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        build: makes the module.
        shape: of one row.
        rows: how many are scored at each repeat.
    """

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    rows: int


def cases() -> list[Case]:
    """What people build: autoencoders, classifiers, one dimension, depthwise, transposed alone."""
    act, last = nn.ReLU, (nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def of(*layers: nn.Module) -> nn.Module:
        return nn.Sequential(*layers)

    return [
        Case("the paper's autoencoder, 3 × 32 × 32", lambda: autoencoder(3072), (3072,), 128),
        Case("the same, 1 × 8 × 8", lambda: autoencoder(64), (64,), 1024),
        Case(
            "3-16-32 channels, 3 × 3, 32 × 32",
            lambda: of(nn.Conv2d(3, 16, 3, padding=1), act(), nn.Conv2d(16, 32, 3, 2), *last),
            (3, 32, 32),
            256,
        ),
        Case(
            "3-32-64-128, stride 2, and a linear layer",
            lambda: of(
                *(nn.Conv2d(3, 32, 3, 2, 1), act(), nn.Conv2d(32, 64, 3, 2, 1), act()),
                *(nn.Conv2d(64, 128, 3, 2, 1), act(), nn.Flatten(), nn.Linear(2048, 10)),
            ),
            (3, 32, 32),
            128,
        ),
        Case(
            "1-16-16 in one dimension, length 256",
            lambda: of(nn.Conv1d(1, 16, 5), act(), nn.Conv1d(16, 16, 5, 2), act(), nn.Flatten()),
            (1, 256),
            1024,
        ),
        Case(
            "64-256-256, 3 × 3, 8 × 8",
            lambda: of(nn.Conv2d(64, 256, 3, 1, 1), act(), nn.Conv2d(256, 256, 3, 1, 1), *last),
            (64, 8, 8),
            32,
        ),
        Case(
            "one convolution, then linear layers",
            lambda: of(
                *(nn.Conv2d(1, 8, 3, 2), act(), nn.Flatten()),
                *(nn.Linear(8 * 13 * 13, 64), act(), nn.Linear(64, 10)),
            ),
            (1, 28, 28),
            512,
        ),
        Case(
            "depthwise and 1 × 1, 16 channels",
            lambda: of(
                nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 16, 1), act(), *last
            ),
            (16, 16, 16),
            512,
        ),
        Case(
            "transposed 10-32-3, 4 × 4, 8 × 8 to 32 × 32",
            lambda: of(
                nn.ConvTranspose2d(10, 32, 4, 2, 1), act(), nn.ConvTranspose2d(32, 3, 4, 2, 1)
            ),
            (10, 8, 8),
            128,
        ),
        Case(
            "transposed 8-16-1 in one dimension, 64 to 256",
            lambda: of(
                nn.ConvTranspose1d(8, 16, 4, 2, 1), act(), nn.ConvTranspose1d(16, 1, 4, 2, 1)
            ),
            (8, 64),
            1024,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    choice = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread; us of processor time a row")
    print(f"{'':48}{'by layer':>10}{'vmap':>10}{'vmap / by layer':>18}")
    for case in cases():
        if choice.only in case.name:
            ours, mapped = compare(case, choice.repeats)
            print(f"{case.name:48}{ours:10.1f}{mapped:10.1f}{mapped / ours:18.2f}", flush=True)


def compare(case: Case, repeats: int) -> tuple[float, float]:
    """Microseconds of a row: by the layers' rules, and by vmap."""
    torch.manual_seed(0)
    module = case.build()
    X = torch.randn(case.rows, *case.shape)
    y = torch.zeros(case.rows)

    def loss(output: Tensor, y: Tensor) -> Tensor:
        return (output - 1).flatten(1).square().mean(1)

    target = dict(target_gradient(module, loss, X, y))
    problem = Problem(module, loss, tuple(target))
    sides = [run(kind(problem, target), X, y) for kind in (Factored, Mapped)]
    for one, other in zip(*(side() for side in sides), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5 * float(other.abs().max()))
    times = [[seconds(side) for side in sides] for _ in range(repeats)]
    ours, mapped = (1e6 * min(column) / case.rows for column in zip(*times, strict=True))
    return ours, mapped


def run(way: Factored | Mapped, X: Tensor, y: Tensor) -> Callable[[], Products]:
    """All rows in blocks as large as `gradient_similarity` takes them."""
    block_rows = rows_for(way.products, X, y, MEMORY_LIMIT)

    def blocks() -> Products:
        found = [way.products(X[span], y[span]) for span in spans(len(X), block_rows)]
        dots, squares = zip(*found, strict=True)
        return torch.cat(dots), torch.cat(squares)

    return blocks


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == "__main__":
    main()

"""Scoring rows: us, a vmap reference that builds every row's gradient, and the bound.

    python -m benchmarks.engine [--repeats 5] [--only TEXT]

Microseconds for one row of one member at one checkpoint, all in this process and on the same
threads, in turns, the best of the repeats. "bound" is the time the matrix products alone would
take (forward through [W | G], backward through W) at the rate measured here for a large product;
nothing exact can be faster. "memory" is how far scoring pushes the peak of a fresh process that
already holds the data; it includes what torch takes on its first product.
"""

import argparse
import itertools
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from dvgs_core.gradients.factored import Checkpoint, Scorer
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import loss_for
from dvgs_core.models.network import Network, autoencoder, mlp


@dataclass(frozen=True)
class Case:
    """One line of the table; `rows` are ours, `reference_rows` the reference's."""

    name: str
    network: Network
    rows: int
    reference_rows: int
    members: int = 1
    by_label: bool = False
    precision: str = "float32"

    @property
    def task(self) -> str:
        return "reconstruction" if self.network.widths[-1] > 100 else "classification"

    @property
    def labels(self) -> int:
        return self.network.widths[-1] if self.by_label else 1

    @property
    def operations(self) -> int:
        """Floating-point operations of the matrix products of one row and member."""
        forward = sum(2 * rows * 2 * columns for rows, columns in self.network.shapes)
        backward = sum(2 * given * gives for given, gives in hidden(self.network))
        return forward + self.labels * backward


def hidden(network: Network) -> list[tuple[int, int]]:
    """(width in, width out) of the layers the backward pass goes through."""
    return list(itertools.pairwise(network.widths))[1:]


def cases() -> list[Case]:
    """The issue's table, and what suggestions of labels cost."""
    trained = dict(dropout=0.1, normalise=True)
    adult = mlp(108, 2, layers=2, width=100, **trained)
    ten, forty = (mlp(108, classes, layers=2, width=100, **trained) for classes in (10, 40))
    l1000 = autoencoder(978, layers=2, width=256, latent=64)
    return [
        Case("ADULT, 1 member", adult, 50_000, 500),
        Case("ADULT, 3 members", adult, 20_000, 500, members=3),
        Case("ADULT, 1 member, 2 labels", adult, 50_000, 500, by_label=True),
        Case("ADULT, 3 members, 2 labels", adult, 20_000, 500, members=3, by_label=True),
        Case("10 classes, 1 member, all labels", ten, 20_000, 100, by_label=True),
        Case("40 classes, 1 member, all labels", forty, 5_000, 50, by_label=True),
        Case("L1000 autoencoder", l1000, 8_192, 30),
        Case("L1000 autoencoder, bfloat16", l1000, 8_192, 30, precision="bfloat16"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    choice = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; us a row and checkpoint")
    heads = ("ours", "vmap", "vmap/ours", "bound", "ours/bound", "memory MB")
    print(f"{'':34}" + "".join(f"{head:>11}" for head in heads))
    for case in cases():
        if choice.only in case.name:
            print(line(case, choice.repeats), flush=True)


def line(case: Case, repeats: int) -> str:
    """Time a case, the sides in turns, and say it."""
    ours, reference, product = us(case), vmap(case), matrix_product(case.precision)
    sides = [
        (ours, case.rows * case.members),
        (reference, case.reference_rows),
        (product, None),
    ]
    times = []
    for call, _ in sides:
        call()
    for _ in range(repeats):
        times.append([seconds(call) for call, _ in sides])
    best = [min(column) for column in zip(*times, strict=True)]
    own, other = (1e6 * best[side] / sides[side][1] for side in (0, 1))
    bound = 1e6 * case.operations * best[2] / PRODUCT_OPERATIONS
    figures = (own, other, other / own, bound, own / bound, memory(case))
    return f"{case.name:34}" + "".join(f"{figure:11.2f}" for figure in figures)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def data(case: Case, rows: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    X = torch.randn(rows, case.network.widths[0], generator=g)
    if case.task == "reconstruction":
        return X, X
    return X, torch.randint(case.network.widths[-1], (rows,), generator=g)


def us(case: Case) -> Callable[[], object]:
    """Our scorer on all rows."""
    network = case.network
    X, y = data(case, case.rows)
    parameters = network.initial(case.members, 0)
    gradient = torch.randn(parameters.shape, generator=torch.Generator().manual_seed(1))
    checkpoint = Checkpoint(0, parameters, gradient, torch.zeros(case.members))
    dropout = Dropout(network.dropout, 0, 1, 0, case.members)
    more = {} if case.precision == "float32" else {"precision": case.precision}
    ids = torch.arange(case.rows)
    scorer = Scorer(network, loss_for(case.task), X, y, ids, by_label=case.by_label, **more)
    return lambda: scorer.score(checkpoint, dropout)


def vmap(case: Case) -> Callable[[], object]:
    """Every row's whole gradient by torch.func, then its cosine; under every label if asked."""
    network = case.network
    weights = [layer[0] for layer in network.layers(network.initial(1, 0))]
    towards = [torch.randn_like(weight) for weight in weights]
    X, y = data(case, case.reference_rows)
    if case.by_label:
        X = X.repeat_interleave(case.labels, dim=0)
        y = torch.arange(case.labels).repeat(case.reference_rows)

    def loss(weights: list[Tensor], x: Tensor, answer: Tensor) -> Tensor:
        h = x
        for index, weight in enumerate(weights):
            h = h @ weight[:-1] + weight[-1]
            if network.activated[index]:
                h = functional.mish(functional.dropout(h, network.dropout))
                if network.normalise:
                    h = functional.layer_norm(h, h.shape)
        if case.task == "reconstruction":
            return (h - answer).square().mean()
        return functional.cross_entropy(h, answer)

    by_row = torch.func.vmap(torch.func.grad(loss), (None, 0, 0), randomness="different")

    def score() -> Tensor:
        parts = by_row(weights, X, y)
        flat = torch.cat([part.flatten(1) for part in parts], dim=1)
        return functional.cosine_similarity(flat, torch.cat([t.flatten() for t in towards])[None])

    return score


PRODUCT_SHAPE = (2048, 1024, 1024)
PRODUCT_OPERATIONS = 2 * 2048 * 1024 * 1024


def matrix_product(precision: str) -> Callable[[], object]:
    """One product large enough to reach this machine's best rate."""
    rows, inner, columns = PRODUCT_SHAPE
    dtype = getattr(torch, precision)
    left, right = torch.randn(rows, inner).to(dtype), torch.randn(inner, columns).to(dtype)
    return lambda: torch.mm(left, right)


def memory(case: Case) -> float:
    """Megabytes scoring adds to the peak of a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(growth, (case,))


def growth(case: Case) -> float:
    score = us(case)
    before = peak()
    score()
    return peak() - before


def peak() -> float:
    """Most megabytes this process ever held; Linux only, nan elsewhere."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()

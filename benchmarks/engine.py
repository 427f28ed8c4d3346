"""Scoring rows: us, references and libraries that build every row's gradient, and the bound.

    python -m benchmarks.engine [--repeats 5] [--only TEXT]

Microseconds for one row of one member at one checkpoint, all in this process and on the same
threads, in turns, the best of the repeats. "vmap" is torch.func over a block of rows, "one by one"
the backward pass a row that ships as our own reference, "opacus" and "captum" what these give where
they are installed (`benchmarks.peers`; a dash where not). "bound" is the time the matrix products
alone would take (forward through [W | G], backward through W) at the rate measured here for a large
product; nothing exact can be faster. "memory" is how far scoring pushes the peak of a fresh process
that already holds the data; it includes what torch takes on its first product.

The last lines are all of the paper's experiment 1 (`DVGS.paper("adult-labels")`: 3 restarts × 100
checkpoints, 1,000 source and 400 target rows, suggested labels too), training included, the best of
the repeats: seconds, and what vmap's gradients of the same rows alone would take at the rate above.
"""

import argparse
import itertools
import multiprocessing
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import peers
from dvgs_core import DVGS, Samples
from dvgs_core.gradients.factored import Checkpoint, Scorer
from dvgs_core.gradients.reference import row_similarities
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
        Case("L1000 autoencoder, 100,000 rows", l1000, 100_000, 30),
        Case("L1000 autoencoder, bfloat16", l1000, 8_192, 30, precision="bfloat16"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    choice = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # opacus and captum give one at every call
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; us a row and checkpoint")
    print(f"{'':34}" + "".join(f"{head:>11}" for head in HEADS))
    for case in cases():
        if choice.only in case.name:
            print(line(case, choice.repeats), flush=True)
    if choice.only in EXPERIMENT_ONE:
        ours, mapped = experiment_one(choice.repeats)
        print(f"{EXPERIMENT_ONE}: {ours:.2f} s; the gradients alone by vmap: {mapped:.0f} s")


HEADS = (
    *("ours", "vmap", "one by one", "opacus", "captum"),
    *("vmap/ours", "bound", "ours/bound", "memory MB"),
)
#: Rows of a backward pass each are as slow at the tenth as at the thousandth.
_ROWS_ONE_BY_ONE = 10


@dataclass(frozen=True)
class Side:
    """One of those compared: what to time, and how many rows, members and all, a call scores."""

    call: Callable[[], object]
    rows: int


def sides(case: Case) -> dict[str, Side]:
    """Whom there is to compare, ours first."""
    X, y = data(case, case.reference_rows)
    if case.by_label:
        X = X.repeat_interleave(case.labels, dim=0)
        y = torch.arange(case.labels).repeat(case.reference_rows)
    found = {
        "ours": Side(us(case), case.rows * case.members),
        "vmap": Side(vmap(case, X, y), case.reference_rows),
        "one by one": Side(one_by_one(case), _ROWS_ONE_BY_ONE),
    }
    for name, make in (("opacus", peers.opacus), ("captum", peers.captum)):
        call = make(case, X, y)
        if call is not None:
            found[name] = Side(call, case.reference_rows)
    return found


EXPERIMENT_ONE = "ADULT, experiment 1 end to end"


def experiment_one(repeats: int) -> tuple[float, float]:
    """Seconds of all of experiment 1 on generated rows, and of its row gradients by vmap."""
    rng = np.random.default_rng(0)

    def rows(count: int) -> Samples:
        X = rng.normal(size=(count, 108)).astype(np.float32)
        return Samples(X, rng.integers(0, 2, count))

    source, target = rows(1000), rows(400)
    method = DVGS.paper("adult-labels")
    settings = method.settings
    row_gradients = settings.restarts * settings.epochs * len(source)
    case = next(case for case in cases() if case.name == "ADULT, 1 member")
    by_vmap = vmap(case, *data(case, case.reference_rows))
    by_vmap()
    # in turns, so that both meet the same machine
    times = [
        (seconds(lambda: method.value(source, target)), seconds(by_vmap)) for _ in range(repeats)
    ]
    ours, mapped = (min(column) for column in zip(*times, strict=True))
    return ours, mapped / case.reference_rows * row_gradients


def line(case: Case, repeats: int) -> str:
    """Time a case, the sides in turns, and say it."""
    compared, product = sides(case), matrix_product(case.precision)
    calls = [side.call for side in compared.values()] + [product]
    for call in calls:
        call()
    times = [[seconds(call) for call in calls] for _ in range(repeats)]
    best = [min(column) for column in zip(*times, strict=True)]
    each = {
        name: 1e6 * seconds_of / side.rows
        for (name, side), seconds_of in zip(compared.items(), best[:-1], strict=True)
    }
    bound = 1e6 * case.operations * best[-1] / PRODUCT_OPERATIONS
    figures = each | {
        "vmap/ours": each["vmap"] / each["ours"],
        "bound": bound,
        "ours/bound": each["ours"] / bound,
        "memory MB": memory(case),
    }
    shown = (f"{figures[head]:11.2f}" if head in figures else f"{'–':>11}" for head in HEADS)
    return f"{case.name:34}" + "".join(shown)


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


def one_by_one(case: Case) -> Callable[[], object]:
    """The shipped reference: a backward pass for each row, and label if asked."""
    network = case.network
    parameters = network.initial(1, 0)
    gradient = torch.randn(parameters.shape, generator=torch.Generator().manual_seed(1))
    X, y = data(case, _ROWS_ONE_BY_ONE)
    labels = [torch.full_like(y, label) for label in range(case.labels)] if case.by_label else [y]
    ids, dropout = torch.arange(len(X)), Dropout(network.dropout, 0, 1, 0, 1)
    return lambda: [
        row_similarities(network, parameters, gradient, X, answers, ids, dropout)
        for answers in labels
    ]


def vmap(case: Case, X: Tensor, y: Tensor) -> Callable[[], object]:
    """Every row's whole gradient by torch.func, then its cosine; X holds a row for every label."""
    network = case.network
    weights = [layer[0] for layer in network.layers(network.initial(1, 0))]
    towards = [torch.randn_like(weight) for weight in weights]

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

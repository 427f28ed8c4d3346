"""The L1000 shape on a GPU: 710,216 generated rows, 500 checkpoints, the 666,642-parameter network.

    python -m benchmarks.gpu [--rows 710216] [--checkpoints 500] [--timed 25] [--device cuda]

The network is the autoencoder 978-256-256-64-256-256-978. Every checkpoint costs the same, so
`--timed` of them are timed after two that warm up, and the time of all follows; `--timed 500` runs
them all. "scoring" is the scorer alone, rows on the device; "all" is what `Trajectory.score` does
with rows that come from the host (their one transfer aside): values, standard errors, how settled.
"products" is the rate of the matrix products over the scorer's time, "share" its share of the rate
that one large product reaches on this device in the same run. Without CUDA: says so and ends,
unless `--device cpu` is asked for (with few rows, to see that the script works).
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.engine import PRODUCT_OPERATIONS, Case
from dvgs_core import DVGS, Samples
from dvgs_core.gradients.cuda import fixed_arithmetic
from dvgs_core.gradients.factored import Checkpoint, Scorer
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import loss_for
from dvgs_core.models.network import Network
from dvgs_core.trajectory.networks import NetworkPlan, network_plan
from dvgs_core.trajectory.scoring import score_steps

PRECISIONS = ("float32", "tf32", "bfloat16")
_WARM_UP = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=710_216)
    parser.add_argument("--checkpoints", type=int, default=500)
    parser.add_argument("--timed", type=int, default=25)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    choice = parser.parse_args()
    device = torch.device(choice.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("No CUDA device here; nothing was measured.")
        return
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"torch {torch.__version__}, {name}")
    print(f"{choice.rows:,} rows, {choice.checkpoints} checkpoints ({choice.timed} timed)")
    heads = ("scoring s", "all s", "products TF/s", "share", "memory GB")
    print(f"{'':10}" + "".join(f"{head:>15}" for head in heads))
    X = np.random.default_rng(0).standard_normal((choice.rows, 978), dtype=np.float32)
    source = Samples(X)
    for precision in PRECISIONS:
        plan = plan_of(source, precision, choice.checkpoints)
        scoring = scoring_seconds(plan, source, device, choice.timed, precision)
        held = torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else float("nan")
        whole = whole_seconds(plan, source, device, choice.timed)
        operations = choice.rows * Case("", plan.network, 0, 0).operations
        rate = operations / scoring
        share = rate / best_rate(precision, device)
        figures = f"{choice.checkpoints * scoring:15.1f}{choice.checkpoints * whole:15.1f}"
        print(f"{precision:10}{figures}{rate / 1e12:15.1f}{share:15.0%}{held:15.1f}", flush=True)


def plan_of(source: Samples, precision: str, checkpoints: int) -> NetworkPlan:
    """The paper's experiment 9, with so many checkpoints."""
    settings = DVGS.paper("lincs").settings.model_copy(
        update={"precision": precision, "epochs": checkpoints}
    )
    return network_plan(
        settings, source.rows(np.arange(min(5000, len(source)))), classes=None, seed=0
    )


def checkpoint_of(network: Network, device: torch.device) -> Checkpoint:
    parameters = network.initial(1, 0, device)
    g = torch.Generator(device).manual_seed(0)
    gradient = torch.randn(parameters.shape, generator=g, device=device)
    return Checkpoint(0, parameters, gradient, torch.zeros(1, device=device))


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def scoring_seconds(
    plan: NetworkPlan, source: Samples, device: torch.device, timed: int, precision: str
) -> float:
    """Seconds of one checkpoint over all rows, which are on the device."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    X = torch.from_numpy(source.X).to(device)
    checkpoint, dropout = checkpoint_of(plan.network, device), Dropout(0.0, 0, 1, 0, 1)
    ids = torch.arange(len(X), device=device)
    with Scorer(plan.network, loss_for(plan.task), X, X, ids, precision=precision) as scorer:
        for _ in range(_WARM_UP):
            scorer.score(checkpoint, dropout)
        return seconds_each(lambda: scorer.score(checkpoint, dropout), timed, device)


def whole_seconds(plan: NetworkPlan, source: Samples, device: torch.device, timed: int) -> float:
    """Seconds of one checkpoint with all that goes with it."""
    checkpoints = [checkpoint_of(plan.network, device)] * (_WARM_UP + timed)
    steps = score_steps(plan, checkpoints, source, device)
    for _ in range(_WARM_UP):
        next(steps)
    return seconds_each(lambda: next(steps), timed, device)


def seconds_each(call: Callable[[], object], times: int, device: torch.device) -> float:
    wait(device)
    start = time.perf_counter()
    for _ in range(times):
        call()
    wait(device)
    return (time.perf_counter() - start) / times


def best_rate(precision: str, device: torch.device) -> float:
    """Operations a second of one large product."""
    # as large a product as the engine benchmark's, so many times larger along each side
    larger = 4 if device.type == "cuda" else 1
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32

    def factor(rows: int) -> Tensor:
        return torch.randn(larger * rows, larger * 1024, device=device).to(dtype)

    left, right = factor(2048), factor(1024)
    with fixed_arithmetic(device, precision):
        best = min(seconds_each(lambda: torch.mm(left, right), 1, device) for _ in range(10))
    return larger**3 * PRODUCT_OPERATIONS / best


if __name__ == "__main__":
    main()

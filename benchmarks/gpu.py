"""The L1000 shape on a GPU: 710,216 generated rows, 500 checkpoints, the 666,642-parameter network.

    python -m benchmarks.gpu [--rows 710216] [--checkpoints 500] [--timed 25]

The network is the autoencoder 978-256-256-64-256-256-978. Every checkpoint costs the same, so
`--timed` of them are timed after a warm-up and the time of all follows; `--timed 500` runs them
all. "products" is the rate of the matrix products alone over the whole time; its share is of the
rate that one large product reaches on this device in the same run. Without CUDA: says so, ends.
"""

import argparse
import time

import torch

from benchmarks.engine import PRODUCT_OPERATIONS, Case
from dvgs_core.gradients.factored import Checkpoint, Scorer
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import loss_for
from dvgs_core.models.network import autoencoder

#: Name, the scorer's precision, torch's precision of float32 products.
MODES = (
    ("float32", "float32", "highest"),
    ("TF32", "float32", "high"),
    ("bfloat16", "bfloat16", "high"),
)
# As large a product as the engine benchmark's, this many times larger along each side.
_LARGER = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=710_216)
    parser.add_argument("--checkpoints", type=int, default=500)
    parser.add_argument("--timed", type=int, default=25)
    choice = parser.parse_args()
    if not torch.cuda.is_available():
        print("No CUDA device here; nothing was measured.")
        return
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}")
    print(f"{choice.rows:,} rows, {choice.checkpoints} checkpoints ({choice.timed} timed)")
    heads = ("seconds", "TFLOP/s", "share", "memory GB")
    print(f"{'':10}" + "".join(f"{head:>12}" for head in heads))
    for name, precision, products in MODES:
        torch.set_float32_matmul_precision(products)
        torch.cuda.reset_peak_memory_stats()
        seconds, operations = timed(choice.rows, choice.timed, precision)
        seconds *= choice.checkpoints
        rate = operations * choice.checkpoints / seconds
        memory = torch.cuda.max_memory_allocated() / 1e9
        share = rate / best_rate(precision)
        print(f"{name:10}{seconds:12.1f}{rate / 1e12:12.1f}{share:12.0%}{memory:12.1f}", flush=True)


def timed(rows: int, checkpoints: int, precision: str) -> tuple[float, float]:
    """Seconds, and operations of the matrix products, of one checkpoint over all rows."""
    device = torch.device("cuda")
    network = autoencoder(978, layers=2, width=256, latent=64)
    g = torch.Generator(device).manual_seed(0)
    X = torch.randn(rows, 978, generator=g, device=device)
    parameters = network.initial(1, 0, device)
    gradient = torch.randn(parameters.shape, generator=g, device=device)
    checkpoint = Checkpoint(0, parameters, gradient, torch.zeros(1, device=device))
    dropout = Dropout(network.dropout, 0, 1, 0, 1)
    ids = torch.arange(rows, device=device)
    scorer = Scorer(network, loss_for("reconstruction"), X, X, ids, precision=precision)
    for _ in range(2):
        scorer.score(checkpoint, dropout)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(checkpoints):
        scorer.score(checkpoint, dropout)
    torch.cuda.synchronize()
    seconds = (time.perf_counter() - start) / checkpoints
    return seconds, float(rows * Case("", network, rows, 0).operations)


def best_rate(precision: str) -> float:
    """Operations a second of one large product, in the precision that torch is set to."""
    dtype = getattr(torch, precision)
    left = torch.randn(_LARGER * 2048, _LARGER * 1024, device="cuda").to(dtype)
    right = torch.randn(_LARGER * 1024, _LARGER * 1024, device="cuda").to(dtype)
    best = float("inf")
    for _ in range(10):
        torch.cuda.synchronize()
        start = time.perf_counter()
        torch.mm(left, right)
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return _LARGER**3 * PRODUCT_OPERATIONS / best


if __name__ == "__main__":
    main()

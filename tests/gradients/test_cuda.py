"""What is particular to CUDA: as much as can be tested without a GPU, then the real thing."""

import contextlib

import numpy as np
import pytest
import torch

from dvgs_core.gradients import factored
from dvgs_core.gradients.cuda import Feed, Replayed, fits, fixed_arithmetic, one_ahead
from dvgs_core.gradients.factored import Checkpoint, Scorer
from dvgs_core.methods.dvgs import DVGS
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import CrossEntropy
from dvgs_core.models.network import mlp
from dvgs_core.samples import Samples

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
PRODUCTS = torch.backends.cuda.matmul


def allowed():
    return PRODUCTS.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("before", [False, True])
def test_precision_and_determinism_are_as_asked_and_restored(before):
    caller = PRODUCTS.allow_tf32
    PRODUCTS.allow_tf32 = before
    state = allowed()
    try:
        for precision in ("float32", "tf32", "bfloat16"):
            with pytest.raises(KeyError), fixed_arithmetic(CUDA, precision):
                short = getattr(PRODUCTS, "fp32_precision", PRODUCTS)
                if short is PRODUCTS:
                    short = "tf32" if PRODUCTS.allow_tf32 else "ieee"
                assert (short == "tf32") == (precision == "tf32")
                assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark
                raise KeyError
            assert allowed() == state
        with fixed_arithmetic(CPU, "tf32"):
            assert allowed() == state
    finally:
        PRODUCTS.allow_tf32 = caller


def test_the_next_is_fetched_before_the_one_is_used():
    said = []
    for task, fetched in one_ahead("abc", lambda task: said.append(f"fetch {task}") or task * 2):
        said.append(f"use {fetched}")
        assert fetched == task * 2
    assert said == ["fetch a", "fetch b", "use aa", "fetch c", "use bb", "use cc"]
    assert list(one_ahead([], str)) == []


def test_rows_that_are_there_are_handed_out_as_they_are():
    X, y = torch.arange(12.0).view(6, 2), torch.arange(6)
    feed = Feed((X, y, X), CPU)
    rows = feed.arrived(feed.fetch(slice(2, 5)))
    assert [part.data_ptr() for part in rows] == [t[2:].data_ptr() for t in (X, y, X)]


def test_what_fits_is_asked_of_the_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (8_000, 10_000))
    assert fits(CUDA, 1000) and not fits(CUDA, 1001)
    assert fits(CPU, 10**15)


class Recorder:
    """Captures as a GPU does: the function runs once, a replay repeats it on the same memory."""

    def __init__(self, fails=None, wrong=False):
        self.fails, self.wrong, self.captured, self.replayed = fails, wrong, 0, 0

    def __call__(self, function):
        self.captured += 1
        if self.fails:
            raise self.fails
        results = function()

        def replay():
            self.replayed += 1
            for result, found in zip(results, function(), strict=True):
                result.copy_(found + 1 if self.wrong else found)

        return replay, results


def twice_and_square(a, b):
    return [2 * a + b, a.square()]


def test_a_replay_gives_what_the_function_gives_and_nothing_is_overwritten():
    recorder = Recorder()
    replayed = Replayed(recorder)
    g = torch.Generator().manual_seed(0)
    calls = []
    for rows in (4, 4, 4, 3, 4, 3):
        a, b = torch.randn(rows, 2, generator=g), torch.randn(rows, 2, generator=g)
        calls.append((a, b, replayed("key", twice_and_square, [a, b])))
    for a, b, results in calls:
        assert all(map(torch.equal, results, twice_and_square(a, b)))
    # once a shape; then a check each, and a replay for every later call
    assert (recorder.captured, recorder.replayed) == (2, 2 + 4)
    replayed("another", twice_and_square, [a, b])
    assert recorder.captured == 3


@pytest.mark.parametrize(
    "recorder", [Recorder(fails=RuntimeError("not permitted when stream is capturing")),
                 Recorder(wrong=True)]
)  # fmt: skip
def test_what_cannot_be_replayed_is_called_as_it_is(recorder):
    replayed, a = Replayed(recorder), torch.ones(2)
    for factor in (1.0, 2.0, 3.0):
        results = replayed("key", twice_and_square, [factor * a, a])
        assert all(map(torch.equal, results, twice_and_square(factor * a, a)))
    assert recorder.captured == 1


def problem(rows=300):
    network = mlp(5, 3, width=8, dropout=0.25, normalise=True)
    g = torch.Generator().manual_seed(0)
    X, y = torch.randn(rows, 5, generator=g), torch.randint(3, (rows,), generator=g)
    parameters = network.initial(2, 0)
    checkpoints = [
        Checkpoint(step, parameters + step, torch.randn(parameters.shape, generator=g), None)
        for step in range(3)
    ]
    return network, X, y, checkpoints


@pytest.mark.parametrize("by_label", [False, True])
def test_a_whole_block_can_be_replayed(by_label, monkeypatch):
    """With the GPU's way through the scorer, on the CPU."""
    network, X, y, checkpoints = problem()
    ids = torch.arange(len(X))
    plain = Scorer(network, CrossEntropy(), X, y, ids, by_label=by_label, block_rows=128)
    other = Scorer(network, CrossEntropy(), X, y, ids, by_label=by_label, block_rows=128)
    recorder = Recorder()
    other.replayed, other.pool = Replayed(recorder), None
    monkeypatch.setattr(factored, "fixed_arithmetic", lambda *given: contextlib.nullcontext())
    for checkpoint in checkpoints:
        dropout = Dropout(0.25, 0, 1, checkpoint.step, 2)
        expected = plain.score(checkpoint, dropout)
        other.device = CUDA
        found = other.score(checkpoint, dropout)
        torch.testing.assert_close(found.own, expected.own, rtol=0, atol=1e-6)
        if by_label:
            torch.testing.assert_close(found.by_label, expected.by_label, rtol=0, atol=1e-6)
    # two shapes of block: a capture and a check each, and a replay for all others of nine
    assert (recorder.captured, recorder.replayed) == (2, 2 + 7)


def test_too_little_memory_makes_smaller_blocks_and_changes_nothing(monkeypatch):
    network, X, y, (checkpoint, *_) = problem(3000)
    dropout = Dropout(0.25, 0, 1, 0, 2)
    expected = Scorer(network, CrossEntropy(), X, y, torch.arange(3000)).score(checkpoint, dropout)
    scorer = Scorer(network, CrossEntropy(), X, y, torch.arange(3000), block_rows=3000)
    real, sizes = factored.Block.score, []

    def score(self, X, *rest, **more):
        sizes.append(len(X))
        if len(X) > 800:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, X, *rest, **more)

    monkeypatch.setattr(factored.Block, "score", score)
    found = scorer.score(checkpoint, dropout)
    assert max(sizes) == 3000 and scorer.block_rows == 750
    torch.testing.assert_close(found.own, expected.own, rtol=0, atol=1e-6)
    monkeypatch.setattr(factored, "_FEWEST_BLOCK_ROWS", 801)
    with pytest.raises(torch.OutOfMemoryError):
        Scorer(network, CrossEntropy(), X, y, torch.arange(3000), block_rows=801).score(
            checkpoint, dropout
        )


def test_a_gpus_blocks_follow_its_free_memory_and_stay(monkeypatch):
    network, X, y, _ = problem()
    scorer = Scorer(network, CrossEntropy(), X, y, torch.arange(300))
    scorer.device, scorer.rows = CUDA, 10_000_000
    sizes = []
    for free in (10**12, 10**8, 10**3):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, free))
        sizes.append(scorer._block_rows(2, 1))
    assert factored._MOST_BLOCK_ROWS >= sizes[0] > sizes[1] > sizes[2] >= 15


def rows(n, seed, task="classification"):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 64)) + 2 * y[:, None]
    return Samples(X, y if task == "classification" else None)


@pytest.mark.gpu
@GPU
@pytest.mark.parametrize(
    "settings", [dict(), dict(network="convolutional"), dict(precision="bfloat16", width=256)]
)
def test_values_on_a_gpu_are_the_cpus_and_the_same_every_time(settings):
    task = "reconstruction" if "network" in settings else "classification"
    source, target = rows(500, 1, task), rows(100, 2, task)
    short = dict(restarts=2, epochs=20, stop_when_settled=None) | settings
    on_cpu = DVGS(device="cpu", **short).value(source, target).values
    first, again = (DVGS(device="cuda", **short).value(source, target).values for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.corrcoef(first, on_cpu)[0, 1] > 0.999


@pytest.mark.gpu
@GPU
def test_rows_in_the_hosts_memory_have_the_same_values(monkeypatch):
    source, target = rows(5000, 1), rows(100, 2)
    short = dict(restarts=2, epochs=5, device="cuda")
    there = DVGS(**short).value(source, target).values
    monkeypatch.setattr("dvgs_core.trajectory.networks.fits", lambda *given: False)
    monkeypatch.setattr(factored, "_MOST_BLOCK_ROWS", 700)
    np.testing.assert_allclose(DVGS(**short).value(source, target).values, there, atol=1e-6)


@pytest.mark.gpu
@GPU
def test_a_graph_replays_what_was_captured():
    replayed = Replayed()
    g = torch.Generator("cuda").manual_seed(0)
    for _ in range(4):
        a, b = (torch.randn(100, 2, generator=g, device="cuda") for _ in range(2))
        results = replayed("key", twice_and_square, [a, b])
        assert all(map(torch.equal, results, twice_and_square(a, b)))
    assert all(found is not None for found in replayed.known.values())


@pytest.mark.gpu
@GPU
def test_a_function_that_waits_for_the_gpu_is_not_captured():
    replayed = Replayed()
    a = torch.ones(3, device="cuda")
    for _ in range(3):
        (result,) = replayed("key", lambda a: [a * float(a.sum())], [a])
        assert torch.equal(result, 3 * a)
    assert list(replayed.known.values()) == [None]


@pytest.mark.gpu
@GPU
def test_shorter_products_are_only_taken_when_asked_for():
    a = torch.randn(512, 512, device="cuda", generator=torch.Generator("cuda").manual_seed(0))
    exact = a.double() @ a.double()
    errors = {}
    for precision in ("float32", "tf32"):
        with fixed_arithmetic(CUDA, precision):
            errors[precision] = float((a @ a - exact).abs().max())
    assert errors["float32"] < 1e-3
    if torch.cuda.get_device_capability() >= (8, 0):
        assert errors["tf32"] > 3 * errors["float32"]

"""The factored path against the slow, obviously right one: a backward pass for each row."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import grad, vmap

from dvgs_core.gradients.factored import Checkpoint, Scorer
from dvgs_core.gradients.reference import (
    network_output,
    row_gradients,
    row_loss,
    row_similarities,
)
from dvgs_core.gradients.similarity import similarity
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import CrossEntropy, SquaredError
from dvgs_core.models.network import ACTIVATIONS, autoencoder, mlp
from dvgs_core.models.passes import forward
from dvgs_core.models.training import Adam, batch_gradient, row_weights

KINDS = ["cosine", "dot", "projection", "euclidean"]

shapes = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 9),
        "features": st.integers(1, 7),
        "layers": st.integers(0, 3),
        "width": st.integers(2, 6),
        "classes": st.integers(2, 4),
        "members": st.integers(1, 3),
        "task": st.sampled_from(["classification", "regression", "reconstruction"]),
        "activation": st.sampled_from(ACTIVATIONS),
        "dropout": st.sampled_from([0.0, 0.25, 0.5]),
        "normalise": st.booleans(),
        "seed": st.integers(0, 2**31),
    }
)


def make(shape):
    """A network, its parameters and gradient in float64, and rows with answers."""
    g = torch.Generator().manual_seed(shape["seed"])
    rest = {k: shape[k] for k in ("layers", "width", "activation", "dropout", "normalise")}
    X = torch.randn(shape["rows"], shape["features"], generator=g, dtype=torch.float64)
    if shape["task"] == "classification":
        network, loss = mlp(shape["features"], shape["classes"], **rest), CrossEntropy()
        y = torch.randint(shape["classes"], (shape["rows"],), generator=g)
    elif shape["task"] == "regression":
        network, loss = mlp(shape["features"], 1, **rest), SquaredError()
        y = torch.randn(shape["rows"], 1, generator=g, dtype=torch.float64)
    else:
        network, loss = autoencoder(shape["features"], latent=2, **rest), SquaredError()
        y = X
    parameters = network.initial(shape["members"], shape["seed"]).double()
    gradient = torch.randn(parameters.shape, generator=g, dtype=torch.float64)
    ids = torch.randint(2**40, (shape["rows"],), generator=g)
    dropout = Dropout(shape["dropout"], shape["seed"], 1, 7, shape["members"])
    return network, loss, parameters, gradient, X, y, ids, dropout


def checkpoint(parameters, gradient):
    return Checkpoint(7, parameters, gradient, torch.zeros(len(parameters)))


@settings(max_examples=60)
@given(shape=shapes, kind=st.sampled_from(KINDS))
def test_similarity_matches_one_backward_pass_a_row(shape, kind):
    network, loss, parameters, gradient, X, y, ids, dropout = make(shape)
    scorer = Scorer(network, loss, X, y, ids, kind=kind, block_rows=3)
    fast = scorer.score(checkpoint(parameters, gradient), dropout).own
    slow = row_similarities(network, parameters, gradient, X, y, ids, dropout, kind=kind)
    torch.testing.assert_close(fast, slow, rtol=1e-7, atol=1e-9)


def in_float32(parts):
    """The parts rounded to float32, and those same numbers in float64."""
    small = [t.float() if t.is_floating_point() else t for t in parts]
    return small, [t.double() if t.is_floating_point() else t for t in small]


def magnified(network, parameters, X, ids, dropout):
    """(members, rows) how many times normalisation magnifies what rounding did before it.

    Numbers that differ by little are brought to variance 1: so are the differences in their last
    digits, by one over their deviation, up to 316 a layer. No order of computing avoids it; torch's
    own float32 is off by as much.
    """
    passed = forward(network, network.layers(parameters), X.unsqueeze(0), ids.unsqueeze(0), dropout)
    times = torch.ones(len(parameters), len(X), dtype=torch.float64)
    for deviation in passed.deviations:
        if deviation is not None:
            times *= deviation.squeeze(2).clamp_min(1)
    return times


@settings(max_examples=60)
@given(shape=shapes, kind=st.sampled_from(KINDS))
def test_float32_is_exact_to_a_hundred_thousandth(shape, kind):
    network, loss, *parts, ids, dropout = make(shape)
    small, wide = in_float32(parts)
    scorer = Scorer(network, loss, *small[2:], ids, kind=kind)
    fast = scorer.score(checkpoint(*small[:2]), dropout).own.double()
    parameters, gradient, X, y = wide
    by_row = row_gradients(network, parameters, X, y, ids, dropout)
    dot = torch.einsum("mrp,mp->mr", by_row, gradient)
    source, target = by_row.norm(dim=2), gradient.norm(dim=1)
    slow = similarity(dot, source, target, kind=kind)
    # the largest that a similarity of such gradients can be
    largest = {
        "cosine": torch.ones_like(source),
        "dot": source * target[:, None],
        "projection": source,
        "euclidean": source + target[:, None],
    }[kind]
    error = (fast - slow).abs() / largest.clamp_min(1)
    times = magnified(network, parameters, X, ids, dropout)
    allowed = torch.where(times <= 10, 1e-5, 3e-6 * times)
    assert bool((error <= allowed).all()), float((error / allowed).max())


@settings(max_examples=30)
@given(shape=shapes, kind=st.sampled_from(KINDS))
def test_torchs_own_mapped_gradients_agree(shape, kind):
    network, loss, parameters, gradient, X, y, ids, dropout = make({**shape, "dropout": 0.0})

    def loss_of(member, x, answer):
        return row_loss(network_output(network, member, x, 0, dropout, 0), answer)

    by_row = vmap(vmap(grad(loss_of), (None, 0, 0)), (0, None, None))(parameters, X, y)
    dot = torch.einsum("mrp,mp->mr", by_row, gradient)
    mapped = similarity(dot, by_row.norm(dim=2), gradient.norm(dim=1), kind=kind)
    scorer = Scorer(network, loss, X, y, ids, kind=kind)
    fast = scorer.score(checkpoint(parameters, gradient), dropout).own
    torch.testing.assert_close(fast, mapped, rtol=1e-7, atol=1e-9)


@settings(max_examples=40)
@given(shape=shapes, kind=st.sampled_from(KINDS))
def test_value_under_every_label_is_the_value_with_that_label(shape, kind):
    shape = {**shape, "task": "classification"}
    network, loss, parameters, gradient, X, y, ids, dropout = make(shape)
    by_label = (
        Scorer(network, loss, X, y, ids, kind=kind, by_label=True)
        .score(checkpoint(parameters, gradient), dropout)
        .by_label
    )
    for label in range(shape["classes"]):
        relabelled = torch.full_like(y, label)
        slow = row_similarities(
            network, parameters, gradient, X, relabelled, ids, dropout, kind=kind
        )
        torch.testing.assert_close(by_label[:, :, label], slow, rtol=1e-7, atol=1e-9)


@settings(max_examples=40)
@given(shape=shapes, balanced=st.booleans())
def test_target_gradient_is_the_weighted_sum_of_row_gradients(shape, balanced):
    network, loss, parameters, _, X, y, ids, dropout = make(shape)
    balanced = balanced and shape["task"] == "classification"
    members = shape["members"]
    spread = [t.expand(members, *t.shape) for t in (X, y, ids)]
    weights = row_weights(spread[1], balanced=balanced).double()
    fast, value = batch_gradient(network, parameters, loss, *spread, weights, dropout)
    by_row = row_gradients(network, parameters, X, y, ids, dropout)
    torch.testing.assert_close(fast, torch.einsum("mrp,mr->mp", by_row, weights))
    assert value.shape == (members,)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(members, dtype=torch.float64))


@settings(max_examples=25)
@given(shape=shapes, block=st.integers(1, 9), data=st.data())
def test_block_size_and_row_order_do_not_matter(shape, block, data):
    network, loss, parameters, gradient, X, y, ids, dropout = make(shape)
    at = checkpoint(parameters, gradient)
    whole = Scorer(network, loss, X, y, ids).score(at, dropout).own
    order = torch.tensor(data.draw(st.permutations(range(shape["rows"]))))
    moved = Scorer(network, loss, X[order], y[order], ids[order], block_rows=block)
    torch.testing.assert_close(moved.score(at, dropout).own, whole[:, order], atol=1e-12, rtol=0)


def test_members_and_threads_do_not_change_a_members_values():
    network = mlp(5, 3, width=8, dropout=0.25, normalise=True)
    g = torch.Generator().manual_seed(0)
    X, y = torch.randn(1000, 5, generator=g), torch.randint(3, (1000,), generator=g)
    parameters = network.initial(3, 0)
    gradient = torch.randn(parameters.shape, generator=g)
    found = []
    for members in (1, 3):
        at = checkpoint(parameters[:members], gradient[:members])
        with Scorer(network, CrossEntropy(), X, y, torch.arange(1000), block_rows=64) as scorer:
            found.append(scorer.score(at, Dropout(0.25, 0, 1, 7, members)).own)
    torch.testing.assert_close(found[1][:1], found[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("by_label", [False, True])
def test_bfloat16_ranks_as_float64_does(by_label):
    from scipy.stats import spearmanr
    from sklearn.datasets import load_digits

    digits = load_digits()
    X = torch.from_numpy(digits.data).double() / 16
    y = torch.from_numpy(digits.target).long()
    ids = torch.arange(len(y))
    network = mlp(64, 10, layers=3, width=256, dropout=0.25, normalise=True)
    parameters, dropout = network.initial(1, 0), Dropout(0.25, 0, 1, 0, 1)
    target = torch.arange(0, len(y), 4).unsqueeze(0)
    weights = row_weights(y[target], balanced=True)
    adam = Adam(parameters, 0.003)
    for _ in range(5):
        gradient, _ = batch_gradient(
            network, parameters, CrossEntropy(), X[target].float(), y[target], target, weights,
            dropout,
        )  # fmt: skip
        adam.update(parameters, gradient)
    exact = Scorer(network, CrossEntropy(), X, y, ids, by_label=by_label)
    short = Scorer(
        network, CrossEntropy(), X.float(), y, ids, by_label=by_label, precision="bfloat16"
    )
    one = exact.score(checkpoint(parameters.double(), gradient.double()), dropout)
    other = short.score(checkpoint(parameters, gradient), dropout)
    assert not torch.allclose(one.own, other.own.double(), atol=1e-5)
    assert spearmanr(one.own[0], other.own[0]).statistic > 0.999
    if by_label:
        assert spearmanr(one.by_label.flatten(), other.by_label.flatten()).statistic > 0.999


def test_an_unknown_precision_names_the_known_ones():
    with pytest.raises(ValueError, match="'float16'; known: float32, tf32, bfloat16"):
        Scorer(
            mlp(2, 2), CrossEntropy(), torch.ones(1, 2), torch.zeros(1), torch.zeros(1).long(),
            precision="float16",
        )  # fmt: skip


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@settings(max_examples=20)
@given(shape=shapes, by_label=st.booleans())
def test_a_gpu_gives_what_the_cpu_gives(shape, by_label):
    by_label = by_label and shape["task"] == "classification"
    network, loss, parameters, gradient, X, y, ids, dropout = make(shape)
    found = []
    for device, held in (("cpu", "cpu"), ("cuda", "cuda"), ("cuda", "cpu")):
        moved = [t.to(held) for t in (X, y, ids)]
        scorer = Scorer(
            network, loss, *moved, by_label=by_label, block_rows=3, device=torch.device(device)
        )
        at = checkpoint(parameters.to(device), gradient.to(device))
        for _ in range(3):  # the first is launched, the others are replayed
            scores = scorer.score(at, dropout)
            found.append((scores.by_label if by_label else scores.own).cpu())
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-7, atol=1e-9)


def test_a_zero_gradient_is_neither_help_nor_harm():
    network = mlp(2, 1, layers=0)
    X, y = torch.zeros(1, 2), torch.zeros(1, 1)
    at = checkpoint(torch.zeros(1, network.parameters), torch.ones(1, network.parameters))
    scorer = Scorer(network, SquaredError(), X, y, torch.zeros(1, dtype=torch.int64))
    assert scorer.score(at, Dropout(0.0, 0, 1, 0, 1)).own.item() == 0.0


def test_an_unknown_similarity_names_the_known_ones():
    with pytest.raises(ValueError, match="'cosine', 'dot', 'projection', 'euclidean'"):
        similarity(torch.ones(1, 1), torch.ones(1, 1), torch.ones(1), kind="angle")


def test_balanced_weights_give_each_class_the_same_say():
    y = torch.tensor([[0, 0, 0, 2]])
    weights = row_weights(y, balanced=True)
    np.testing.assert_allclose(weights.numpy(), [[1 / 6, 1 / 6, 1 / 6, 1 / 2]], rtol=1e-6)

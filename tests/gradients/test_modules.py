"""Any module's similarities against plain autograd, one backward pass a row."""

import copy
from itertools import pairwise
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from dvgs_core.errors import InputError
from dvgs_core.gradients.modules import TargetGradient, gradient_similarity, rules, target_gradient
from dvgs_core.gradients.modules.blocks import plan
from dvgs_core.gradients.modules.factored import Factored
from dvgs_core.gradients.modules.problem import Problem, chosen_names
from dvgs_core.gradients.modules.rules import Geometry, Grouped, Outer, rule_for
from dvgs_core.gradients.modules.whole import Mapped, OneByOne
from dvgs_core.gradients.similarity import similarity

KINDS = ["cosine", "dot", "projection", "euclidean"]
ROWS = 5
seeds = st.integers(0, 2**31)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tensors this small only wait for torch's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def normal(seed, *shape):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def squares(output, y):
    """(rows,) a loss of outputs of any shape against y of any shape."""
    flat = output.flatten(1)
    return (flat.tanh() * flat.cos() + flat).square().mean(1) * (1 + y.double().flatten(1).mean(1))


def drawn(module, seed):
    """The module in float64 with every parameter drawn anew: no zero bias, no unit scale."""
    module = module.double()
    g = generator(seed)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(torch.randn(value.shape, generator=g, dtype=torch.float64) * 0.5)
    return module


def row_gradients(module, loss, X, y, names):
    """(rows, parameters), by one ordinary backward pass a row on the module itself."""
    values = dict(module.named_parameters())
    chosen = [values[name] for name in names]
    rows = []
    for i in range(len(X)):
        value = loss(module(X[i : i + 1]), y[i : i + 1]).sum()
        found = torch.autograd.grad(value, chosen, allow_unused=True, materialize_grads=True)
        rows.append(torch.cat([g.flatten() for g in found]))
    return torch.stack(rows)


def expected(module, loss, X, y, target, kind):
    by_row = row_gradients(module, loss, X, y, list(target))
    flat = torch.cat([g.flatten() for g in target.values()])
    return similarity(
        (by_row @ flat).unsqueeze(0), by_row.norm(dim=1).unsqueeze(0), flat.norm(), kind=kind
    )[0]


def random_target(module, seed, names=None):
    g = generator(seed + 1)
    return {
        name: torch.randn(value.shape, generator=g, dtype=torch.float64)
        for name, value in module.named_parameters()
        if names is None or name in names
    }


def chosen_way(module, loss, X, y, parameters=None):
    problem = Problem(module, loss, chosen_names(module, parameters))
    return type(plan(problem, random_target(module, 0), X, y, None, 2**29).way)


def agrees(module, X, *, seed, kind="cosine", loss=squares, y=None, way=Factored):
    """Check one module in all three ways."""
    y = normal(seed, len(X), 2) if y is None else y
    target = random_target(module, seed)
    slow = expected(module, loss, X, y, target, kind)
    fast = gradient_similarity(module, loss, X, y, target, kind, block_rows=3)
    torch.testing.assert_close(fast, slow, rtol=1e-8, atol=1e-10)
    assert chosen_way(module, loss, X, y) is way
    problem = Problem(module, loss, tuple(target))
    dot, norm_squared = Mapped(problem, target).products(X, y)
    flat = torch.cat([g.flatten() for g in target.values()]).norm()
    mapped = similarity(dot[None], norm_squared.sqrt()[None], flat, kind=kind)[0]
    torch.testing.assert_close(fast, mapped, rtol=1e-8, atol=1e-10)


@settings(max_examples=30)
@given(
    leading=st.lists(st.integers(1, 9), max_size=2),
    widths=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    bias=st.booleans(),
    inplace=st.booleans(),
    kind=st.sampled_from(KINDS),
    seed=seeds,
)
def test_linear_layers_over_any_leading_dimensions(leading, widths, bias, inplace, kind, seed):
    layers = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs, bias=bias), nn.LeakyReLU(0.2, inplace=inplace)]
    module = drawn(nn.Sequential(*layers), seed)
    agrees(module, normal(seed, ROWS, *leading, widths[0]), seed=seed, kind=kind)


class Convolved(nn.Module):
    """A convolution behind another layer, so that its input's gradient is needed too."""

    def __init__(self, convolution, channels):
        super().__init__()
        self.before = nn.Conv1d(channels, channels, 1) if rank(convolution) == 1 else nn.Identity()
        self.convolution = convolution

    def forward(self, x):
        return self.convolution(self.before(x))


def rank(convolution):
    return len(convolution.kernel_size)


axes = st.tuples(
    st.integers(1, 3),  # kernel
    st.integers(1, 3),  # stride
    st.integers(0, 2),  # padding
    st.integers(1, 2),  # dilation
    st.integers(5, 8),  # length
)


@settings(max_examples=50)
@given(
    drawn_axes=st.lists(axes, min_size=1, max_size=2),
    groups=st.integers(1, 3),
    inputs=st.integers(1, 2),
    outputs=st.integers(1, 2),
    bias=st.booleans(),
    padding=st.sampled_from(["given", "same", "valid", "circular", "reflect"]),
    kind=st.sampled_from(KINDS),
    seed=seeds,
)
def test_convolutions(drawn_axes, groups, inputs, outputs, bias, padding, kind, seed):
    kernel, stride, pad, dilation, length = zip(*drawn_axes, strict=True)
    options = dict(stride=stride, padding=pad, dilation=dilation, groups=groups, bias=bias)
    if padding in ("same", "valid"):
        options |= dict(padding=padding, stride=1 if padding == "same" else stride)
    elif padding != "given":
        options |= dict(padding_mode=padding)
    kind_of = nn.Conv1d if len(drawn_axes) == 1 else nn.Conv2d
    layer = kind_of(inputs * groups, outputs * groups, kernel, **options)
    module = drawn(Convolved(layer, inputs * groups), seed)
    agrees(module, normal(seed, ROWS, inputs * groups, *length), seed=seed, kind=kind)


@settings(max_examples=40)
@given(
    drawn_axes=st.lists(axes, min_size=1, max_size=2),
    groups=st.integers(1, 3),
    inputs=st.integers(1, 2),
    outputs=st.integers(1, 2),
    bias=st.booleans(),
    extra=st.integers(0, 2),
    seed=seeds,
)
def test_transposed_convolutions(drawn_axes, groups, inputs, outputs, bias, extra, seed):
    kernel, stride, pad, dilation, length = zip(*drawn_axes, strict=True)
    layer = (nn.ConvTranspose1d if len(kernel) == 1 else nn.ConvTranspose2d)(
        inputs * groups,
        outputs * groups,
        kernel,
        stride=stride,
        padding=pad,
        dilation=dilation,
        groups=groups,
        bias=bias,
        output_padding=tuple(
            min(extra, max(s, d) - 1) for s, d in zip(stride, dilation, strict=True)
        ),
    )
    module = drawn(Convolved(layer, inputs * groups), seed)
    agrees(module, normal(seed, ROWS, inputs * groups, *length), seed=seed)


@settings(max_examples=60)
@given(
    drawn_axes=st.lists(axes, min_size=1, max_size=2),
    groups=st.integers(1, 3),
    inputs=st.integers(1, 3),
    outputs=st.integers(1, 3),
    transposed=st.booleans(),
    seed=seeds,
)
def test_both_ways_to_build_a_kernels_gradient(
    drawn_axes, groups, inputs, outputs, transposed, seed
):
    """The processor's grouped convolution, and windows copied out one by one."""
    kernel, stride, pad, dilation, length = zip(*drawn_axes, strict=True)
    name = f"Conv{'Transpose' if transposed else ''}{len(kernel)}d"
    options = dict(stride=stride, padding=pad, dilation=dilation, groups=groups)
    layer = getattr(nn, name)(inputs * groups, outputs * groups, kernel, **options).double()
    x = normal(seed, ROWS, inputs * groups, *length)
    d = normal(seed + 1, *layer(x).shape)
    built = [rule_for(layer)(layer, "weight", x, d).build()]
    with mock.patch.object(rules, "GROUPED", torch.float64):
        with mock.patch.object(Geometry, "grouping_pays", return_value=True):
            found = rule_for(layer)(layer, "weight", x, d)
        assert isinstance(found, Grouped)
    slow = [
        torch.autograd.grad(layer(x[i : i + 1]), layer.weight, d[i : i + 1])[0] for i in range(ROWS)
    ]
    torch.testing.assert_close(built[0], torch.stack(slow))
    torch.testing.assert_close(found.build(), torch.stack(slow))
    target = normal(seed + 2, *layer.weight.shape)
    for rows in (1, 2, ROWS):  # built at a time
        with mock.patch.object(rules, "_BUILT_BYTES", rows * target.numel() * 8):
            dot, norm_squared = found.products(target)
        flat = torch.stack(slow).flatten(1)
        torch.testing.assert_close(dot, flat @ target.flatten())
        torch.testing.assert_close(norm_squared, flat.square().sum(1))


@given(inputs=st.integers(1, 40), outputs=st.integers(1, 40), groups=st.integers(1, 2), seed=seeds)
def test_a_sum_of_outer_products_is_built_either_way_round(inputs, outputs, groups, seed):
    """The side that fills the processor's vectors better comes last; the result is the same."""
    x, d = normal(seed, ROWS, groups, 5, inputs), normal(seed + 1, ROWS, groups, 5, outputs)
    built = Outer(x, d, torch.Size((groups * outputs, inputs))).build()
    slow = torch.einsum("bgpo,bgpi->bgoi", d, x).flatten(1, 2)
    torch.testing.assert_close(built, slow)


@pytest.mark.parametrize("layer", [nn.Conv2d(8, 9, 3, 2), nn.ConvTranspose2d(9, 16, 4, 2, 1)])
def test_convolutions_of_many_channels_are_grouped_and_exact(layer):
    X, y = normal(1, ROWS, layer.in_channels, 9, 9).float(), normal(2, ROWS, 2).float()
    target = {name: value.float() for name, value in random_target(layer, 3).items()}
    with mock.patch.object(
        Geometry, "grouped", autospec=True, side_effect=Geometry.grouped
    ) as seen:
        fast = gradient_similarity(layer, squares, X, y, target)
    assert seen.called
    wide = {name: value.double() for name, value in target.items()}
    slow = expected(layer.double(), squares, X.double(), y.double(), wide, "cosine")
    torch.testing.assert_close(fast.double(), slow, rtol=0, atol=1e-5)


class Reader(nn.Module):
    def __init__(self, words, width, padding):
        super().__init__()
        self.table = nn.Embedding(words, width, padding_idx=padding)
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.table(x).tanh().flatten(1, -2).mean(1))


@settings(max_examples=20)
@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=2),
    words=st.integers(2, 5),
    padding=st.sampled_from([None, 0, 1]),
    kind=st.sampled_from(KINDS),
    seed=seeds,
)
def test_embeddings_with_repeated_words_and_padding(shape, words, padding, kind, seed):
    module = drawn(Reader(words, 3, padding), seed)
    X = torch.randint(words, (ROWS, *shape), generator=generator(seed))
    agrees(module, X, seed=seed, kind=kind)


NORMALISATIONS = {
    "layer": lambda scale: nn.LayerNorm([6, 5], elementwise_affine=scale),
    "layer, last": lambda scale: nn.LayerNorm(5, elementwise_affine=scale),
    "layer, no bias": lambda scale: nn.LayerNorm(5, elementwise_affine=scale, bias=False),
    "group": lambda scale: nn.GroupNorm(2, 4, affine=scale),
    "instance": lambda scale: nn.InstanceNorm2d(4, affine=scale),
    "instance, running": lambda scale: nn.InstanceNorm2d(
        4, affine=scale, track_running_stats=True
    ).eval(),
    "batch": lambda scale: nn.BatchNorm2d(4, affine=scale).eval(),
}


@pytest.mark.parametrize("name", NORMALISATIONS)
@settings(max_examples=4)
@given(scale=st.booleans(), kind=st.sampled_from(KINDS), seed=seeds)
def test_normalisations_with_and_without_scale(name, scale, kind, seed):
    layer = NORMALISATIONS[name](scale)
    if getattr(layer, "running_var", None) is not None:
        layer.running_var.fill_(0.3 + seed % 7)
        layer.running_mean.fill_(0.1)
    module = nn.Sequential(nn.Conv2d(3, 4, 1), layer, nn.ReLU(inplace=True), nn.Conv2d(4, 2, 2))
    module.train(layer.training)
    agrees(drawn(module, seed), normal(seed, ROWS, 3, 6, 5), seed=seed, kind=kind)


def test_one_dimensional_normalisations():
    for layer in (nn.InstanceNorm1d(4, affine=True), nn.GroupNorm(2, 4), nn.LayerNorm(6)):
        module = drawn(nn.Sequential(nn.Conv1d(3, 4, 2), layer, nn.Conv1d(4, 2, 2)), 3)
        agrees(module, normal(3, ROWS, 3, 7), seed=3)
    flat = drawn(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), 3).eval()
    agrees(flat, normal(3, ROWS, 3), seed=3)


class Shared(nn.Module):
    """Weights shared by two layers, one layer called twice, one bias shared alone."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.twice = nn.Linear(4, 4)
        self.third = nn.Linear(4, 4, bias=False)
        self.third.bias = self.twice.bias
        self.convolution = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x):
        x = self.second(self.first(x).tanh()).tanh()
        x = self.twice(self.twice(input=x).tanh())
        x = self.convolution(self.convolution(x.unsqueeze(1)))
        return self.third(x.squeeze(1))


@settings(max_examples=10)
@given(kind=st.sampled_from(KINDS), seed=seeds)
def test_shared_weights_and_layers_called_twice_are_summed_before_the_norm(kind, seed):
    agrees(drawn(Shared(), seed), normal(seed, ROWS, 4), seed=seed, kind=kind)


def test_a_table_tied_to_the_output_layer():
    module = Reader(6, 3, None)
    module.head = nn.Linear(3, 6, bias=False)
    module.head.weight = module.table.weight
    X = torch.randint(6, (ROWS, 4), generator=generator(1))
    agrees(drawn(module, 1), X, seed=1)


CLOSE = {
    "linear": (lambda: nn.Sequential(nn.Linear(12, 9), nn.Mish(), nn.Linear(9, 4)), (12,)),
    "positions": (lambda: nn.Sequential(nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 4)), (7, 12)),
    "convolution": (
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.Mish(), nn.Conv2d(6, 2, 2)),
        (3, 8, 8),
    ),
    "transposed": (lambda: nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1), (3, 6, 6)),
    "normalised": (
        lambda: nn.Sequential(nn.Linear(12, 32), nn.LayerNorm(32), nn.Linear(32, 4)),
        (12,),
    ),
    "shared": (lambda: Shared(), (4,)),
}


@pytest.mark.parametrize("name", CLOSE)
@settings(max_examples=8)
@given(seed=seeds)
def test_float32_is_exact_to_a_hundred_thousandth(name, seed):
    make, shape = CLOSE[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = make()
    X, y = normal(seed, ROWS, *shape).float(), normal(seed, ROWS, 2).float()
    target = {name: value.float() for name, value in random_target(module, seed).items()}
    ways = [
        gradient_similarity(module, squares, X, y, target),
        torch.func.vmap(F.cosine_similarity, (0, None, None))(
            row_gradients(module, squares, X, y, list(target)),
            torch.cat([g.flatten() for g in target.values()]),
            0,
        ),
    ]
    exact = expected(
        module.double(), squares, X.double(), y.double(),
        {name: value.double() for name, value in target.items()}, "cosine",
    )  # fmt: skip
    for found in ways:
        torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-5)


class Borrower(Reader):
    """Uses the table's weight outside the table's own forward."""

    def forward(self, x):
        return F.linear(self.table(x).tanh().mean(1), self.table.weight)


class Scaled(nn.Module):
    """A parameter of its own, not in any layer."""

    def __init__(self):
        super().__init__()
        self.linear, self.scale = nn.Linear(3, 2), nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.linear(x) * self.scale


class Doubled(nn.Linear):
    """A subclass that computes something else than its parent."""

    def forward(self, x):
        return 2 * super().forward(x).sin()


class PositionsFirst(nn.Module):
    """Hands its layer (positions, rows, width): the rows are not in front."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return self.linear(x.transpose(0, 1)).tanh().transpose(0, 1)


class Positions(nn.Module):
    """A table of positions, read once for all rows."""

    def __init__(self):
        super().__init__()
        self.table, self.linear = nn.Embedding(4, 3), nn.Linear(3, 2)

    def forward(self, x):
        return self.linear(x + self.table(torch.arange(x.shape[1])))


UNRULED = {
    "borrowed weight": (lambda: Borrower(6, 3, None), "words"),
    "own parameter": (Scaled, (3,)),
    "subclass": (lambda: nn.Sequential(nn.Linear(3, 3), Doubled(3, 2)), (3,)),
    "positions first": (PositionsFirst, (ROWS, 3)),
    "positions first, block": (PositionsFirst, (3, 3)),
    "positions table": (Positions, (4, 3)),
    "PReLU": (lambda: nn.Sequential(nn.Linear(3, 3), nn.PReLU(3)), (3,)),
    "Conv3d": (lambda: nn.Conv3d(1, 2, 2), (1, 3, 3, 3)),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), (3,)),
    "transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 5, 0.0, batch_first=True), (3, 4)),
    "transformer, eval": (
        lambda: nn.TransformerEncoderLayer(4, 2, 5, batch_first=True).eval(),
        (3, 4),
    ),
}


@pytest.mark.parametrize("name", UNRULED)
def test_what_has_no_rule_is_mapped(name):
    make, shape = UNRULED[name]
    X = (
        torch.randint(6, (ROWS, 4), generator=generator(2))
        if shape == "words"
        else normal(2, ROWS, *shape)
    )
    agrees(drawn(make(), 2), X, seed=2, way=Mapped)


class Reversed(torch.autograd.Function):
    """An operation that torch cannot map."""

    @staticmethod
    def forward(ctx, x):
        return -x

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class Unmappable(Scaled):
    def forward(self, x):
        return Reversed.apply(super().forward(x))


def test_what_cannot_be_mapped_takes_a_backward_pass_a_row():
    module, X, y = drawn(Unmappable(), 4), normal(4, ROWS, 3), normal(5, ROWS, 2)
    target = random_target(module, 4)
    fast = gradient_similarity(module, squares, X, y, target)
    slow = expected(module, squares, X, y, target, "cosine")
    torch.testing.assert_close(fast, slow, rtol=1e-8, atol=1e-10)
    assert chosen_way(module, squares, X, y) is OneByOne


class Forked(nn.Module):
    """Borrows its layer's weight for large rows only, which the first rows are not."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x):
        h = self.linear(x)
        return F.linear(h, self.linear.weight) if bool(x.abs().max() > 50) else h


def test_later_rows_that_take_another_path_are_exact_too():
    module, X, y = drawn(Forked(), 4), normal(4, ROWS, 3), normal(5, ROWS, 2)
    X[4] += 100
    target = random_target(module, 4)
    fast = gradient_similarity(module, squares, X, y, target, block_rows=1)
    slow = expected(module, squares, X, y, target, "cosine")
    torch.testing.assert_close(fast, slow, rtol=1e-8, atol=1e-10)


def network():
    return drawn(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3)), 7)


LOSSES = {
    "classes": lambda **r: nn.CrossEntropyLoss(**r),
    "smoothed": lambda **r: nn.CrossEntropyLoss(label_smoothing=0.1, **r),
}


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("way", [Factored, Mapped])
def test_a_reduced_loss_counts_as_each_rows_own(name, reduction, way):
    module, X = network(), normal(8, 9, 3)
    if way is Mapped:
        module.append(nn.PReLU().double())
    y = torch.randint(3, (9,), generator=generator(1))
    target = random_target(module, 1)
    slow = expected(module, LOSSES[name](reduction="sum"), X, y, target, "cosine")
    loss = LOSSES[name](reduction=reduction)
    fast = gradient_similarity(module, loss, X, y, target, block_rows=4)
    torch.testing.assert_close(fast, slow, rtol=1e-8, atol=1e-10)
    pulled = target_gradient(module, loss, X, y)
    mean = row_gradients(module, LOSSES[name](reduction="sum"), X, y, list(pulled)).mean(0)
    torch.testing.assert_close(torch.cat([g.flatten() for g in pulled.values()]), mean)
    assert pulled.norm == pytest.approx(float(mean.norm()))
    assert pulled.loss == pytest.approx(float(F.cross_entropy(module(X), y).detach()), rel=0.5)


@pytest.mark.parametrize("extra", [[], [nn.PReLU().double()]])
def test_a_reduction_that_cannot_be_told_apart_asks_for_none(extra):
    module, X = nn.Sequential(*network(), *extra), normal(8, 9, 3)
    y = torch.tensor([0, 0, 0, 1, 2, 1, 0, 2, 1])
    weighted = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0]).double())
    for loss in (weighted, nn.MSELoss(reduction="none")):
        answers = y if loss is weighted else X
        with pytest.raises(InputError, match='reduction="none"'):
            gradient_similarity(module, loss, X, answers, random_target(module, 1))
        with pytest.raises(InputError, match='reduction="none"'):
            target_gradient(module, loss, X, answers)


@settings(max_examples=15)
@given(seed=seeds, block=st.integers(1, 10), weighted=st.booleans())
def test_target_gradient_is_the_weighted_mean_of_row_gradients(seed, block, weighted):
    module, X, y = drawn(Shared(), seed), normal(seed, 7, 4), normal(seed, 7, 2)
    weights = torch.rand(7, generator=generator(seed)) + 0.1 if weighted else torch.ones(7)
    found = target_gradient(module, squares, X, y, weights=weights, block_rows=block)
    share = weights.double() / weights.double().sum()
    mean = share @ row_gradients(module, squares, X, y, list(found))
    torch.testing.assert_close(torch.cat([g.flatten() for g in found.values()]), mean)
    assert found.loss == pytest.approx(float(share @ squares(module(X), y).detach()))
    assert isinstance(found, TargetGradient) and len(found) == len(list(module.parameters()))


def test_no_answers_means_reconstruction():
    module, X = network(), normal(9, ROWS, 3)

    def loss(output, y):
        return (output - y).square().mean(1)

    with_x, without = (target_gradient(module, loss, X, y) for y in (X, None))
    assert all(torch.equal(with_x[name], without[name]) for name in with_x)
    similarities = [gradient_similarity(module, loss, X, y, with_x) for y in (X, None)]
    assert torch.equal(*similarities)


@pytest.mark.parametrize("parameters", ["0.*", ["2.weight"], ["*.bias", "0.weight"]])
def test_a_subset_of_parameters_by_name_or_pattern(parameters):
    module, X, y = network(), normal(9, ROWS, 3), normal(9, ROWS, 2)
    names = chosen_names(module, parameters)
    target = random_target(module, 3)
    subset = {name: target[name] for name in names}
    slow = expected(module, squares, X, y, subset, "cosine")
    for given_target, chosen in ((target, parameters), (subset, None)):
        fast = gradient_similarity(module, squares, X, y, given_target, parameters=chosen)
        torch.testing.assert_close(fast, slow, rtol=1e-8, atol=1e-10)
    assert tuple(target_gradient(module, squares, X, y, parameters=parameters)) == names


def test_frozen_parameters_are_left_out_unless_named():
    module = network()
    module[0].requires_grad_(False)
    assert chosen_names(module, None) == ("2.weight", "2.bias")
    agreed = {name: g for name, g in random_target(module, 1).items() if name.startswith("0")}
    X, y = normal(9, ROWS, 3), normal(9, ROWS, 2)
    fast = gradient_similarity(module, squares, X, y, agreed)
    module[0].requires_grad_(True)
    slow = expected(module, squares, X, y, agreed, "cosine")
    torch.testing.assert_close(fast, slow, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("extra", [[], [nn.PReLU().double()]])
def test_lowering_the_memory_limit_makes_smaller_blocks_and_changes_nothing(extra):
    module, X, y = nn.Sequential(*network(), *extra), normal(1, 300, 3), normal(2, 300, 2)
    target = random_target(module, 5)
    largest, results = [], []
    for limit in (2**29, 2**16, 2**14, 1):
        sizes = []
        handle = module.register_forward_hook(
            lambda *call, sizes=sizes: sizes.append(call[2].shape[0])
        )
        results.append(gradient_similarity(module, squares, X, y, target, memory_limit=limit))
        pulled = target_gradient(module, squares, X, y, memory_limit=limit)
        handle.remove()
        largest.append(max(sizes))
        torch.testing.assert_close(results[-1], results[0], rtol=1e-10, atol=1e-12)
        assert pulled.norm == pytest.approx(target_gradient(module, squares, X, y).norm)
    if not extra:  # a hook inside a mapped call sees one row at a time
        assert largest[0] == 300 > largest[1] > largest[2] > largest[3] == 2


def test_blocks_of_mapped_rows_shrink_with_the_limit():
    module, X, y = drawn(Scaled(), 1), normal(1, 300, 3), normal(2, 300, 2)
    problem = Problem(module, squares, chosen_names(module, None))
    target = random_target(module, 1)
    sizes = [plan(problem, target, X, y, None, limit).block_rows for limit in (2**29, 2**16, 1)]
    assert sizes[0] > sizes[1] > sizes[2] == 1


def test_the_module_is_left_as_it_was_even_after_an_exception():
    module = nn.Sequential(
        nn.Conv1d(2, 4, 2), nn.InstanceNorm1d(4, affine=True, track_running_stats=True)
    )
    module = drawn(module, 3).train()
    module[0].bias.requires_grad_(False)
    module[0].weight.grad = torch.ones_like(module[0].weight)
    before = copy.deepcopy(module)
    X, y = normal(3, ROWS, 2, 5), normal(3, ROWS, 2)
    target = target_gradient(module, squares, X, y)

    def failing(output, y):
        raise KeyError("stop")

    gradient_similarity(module, squares, X, y, target)
    for call in (
        lambda: gradient_similarity(module, failing, X, y, target),
        lambda: target_gradient(module, failing, X, y),
    ):
        with pytest.raises(KeyError):
            call()
    for (name, now), (_, then) in zip(
        module.named_parameters(), before.named_parameters(), strict=True
    ):
        assert torch.equal(now, then) and now.requires_grad == then.requires_grad
        assert (now.grad is None) == (name != "0.weight")
        assert isinstance(now, nn.Parameter)
    assert torch.equal(module[0].weight.grad, torch.ones_like(module[0].weight))
    for now, then in zip(module.buffers(), before.buffers(), strict=True):
        assert torch.equal(now, then)
    for layer in module.modules():
        assert layer.training and not layer._forward_hooks and not layer._forward_pre_hooks


def test_batch_normalisation_in_training_mode_is_refused():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    X, y = torch.randn(ROWS, 3, generator=generator(0)), torch.zeros(ROWS, 2)
    with pytest.raises(InputError, match=r"BatchNorm1d '1'.*module\.eval\(\).*GroupNorm"):
        target_gradient(module, squares, X, y)
    with pytest.raises(InputError, match=r"module\.eval\(\)"):
        gradient_similarity(module, squares, X, y, random_target(module, 1))


class Centred(nn.Linear):
    def forward(self, x):
        return super().forward(x - x.mean(0))


def test_rows_that_depend_on_each_other_are_refused():
    module, X, y = drawn(Centred(3, 2), 1), normal(1, ROWS, 3), normal(1, ROWS, 2)
    with pytest.raises(InputError, match="independent"):
        gradient_similarity(module, squares, X, y, random_target(module, 1))
    with pytest.raises(InputError, match="independent"):
        target_gradient(module, squares, X, y)


def test_rows_without_a_finite_gradient_are_named():
    module, X, y = network(), normal(1, 6, 3), normal(1, 6, 2)
    X[1, 0], X[4, 2] = torch.nan, torch.inf
    for module in (network(), nn.Sequential(*network(), nn.PReLU().double())):
        target = random_target(module, 1)
        with pytest.raises(InputError, match=r"2 rows.*positions 1, 4\)"):
            gradient_similarity(module, squares, X, y, target, block_rows=2)
    with pytest.raises(InputError, match="not finite"):
        target_gradient(module, squares, X, y)


def test_a_zero_gradient_is_neither_help_nor_harm():
    module, X = nn.Linear(2, 1, bias=False), torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    found = gradient_similarity(
        module, lambda o, y: o.sum(1), X, None, {"weight": torch.tensor([[3.0, 0.0]])}
    )
    assert found.tolist() == [0.0, 1.0]
    nothing = gradient_similarity(
        module, lambda o, y: o.sum(1), X, None, {"weight": torch.zeros(1, 2)}
    )
    assert nothing.tolist() == [0.0, 0.0]


def test_positions_that_cancel_keep_their_digits():
    """Eight positions whose outer products sum to nearly nothing, in float32."""
    module = nn.Linear(30, 30, bias=False)
    x = torch.randn(1, 1, 30, generator=generator(1))
    X = torch.cat([x, x * (1 + 1e-4)], dim=1)
    signs = torch.tensor([1.0, -1.0])

    def loss(output, y):
        return (output * signs[:, None]).sum((1, 2))

    target = {"weight": torch.ones(30, 30)}
    slow = expected(
        module.double(), lambda o, y: (o * signs[:, None].double()).sum((1, 2)), X.double(), X,
        {"weight": torch.ones(30, 30).double()}, "cosine",
    )  # fmt: skip
    fast = gradient_similarity(module.float(), loss, X, None, target)
    torch.testing.assert_close(fast.double(), slow, rtol=2e-3, atol=1e-5)


def test_dropout_draws_its_masks_from_torchs_generator():
    module = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2)).double().train()
    X, y = normal(1, ROWS, 3), normal(2, ROWS, 2)
    target = random_target(module, 1)
    results = []
    for _ in range(2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            results.append(gradient_similarity(module, squares, X, y, target))
    assert torch.equal(*results)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        losses = squares(module(X), y)
        by_row = torch.stack(
            [
                torch.cat(
                    [
                        g.flatten()
                        for g in torch.autograd.grad(row, module.parameters(), retain_graph=True)
                    ]
                )
                for row in losses
            ]
        )
    flat = torch.cat([g.flatten() for g in target.values()])
    slow = F.cosine_similarity(by_row, flat[None], dim=1)
    torch.testing.assert_close(results[0], slow, rtol=1e-8, atol=1e-10)


def test_a_single_row_no_rows_and_low_precision():
    module, X, y = network(), normal(1, 1, 3), normal(1, 1, 2)
    target = random_target(module, 2)
    slow = expected(module, squares, X, y, target, "cosine")
    torch.testing.assert_close(gradient_similarity(module, squares, X, y, target), slow)
    assert gradient_similarity(module, squares, X[:0], y[:0], target).shape == (0,)
    with pytest.raises(InputError, match="at least one target row"):
        target_gradient(module, squares, X[:0], y[:0])
    half = copy.deepcopy(module).bfloat16()
    X, y = normal(3, 20, 3), normal(3, 20, 2)
    low = gradient_similarity(half, squares, X.bfloat16(), y, target)
    assert low.is_floating_point() and low.dtype != torch.bfloat16
    high = gradient_similarity(module, squares, X, y, target)
    torch.testing.assert_close(low.double(), high, rtol=0, atol=0.1)


def test_errors_say_what_came_and_what_to_do():
    module, X, y = network(), normal(1, ROWS, 3), normal(1, ROWS, 2)
    target = random_target(module, 1)
    with pytest.raises(ValueError, match="'cosine', 'dot', 'projection', 'euclidean'"):
        gradient_similarity(module, squares, X, y, target, "angle")
    with pytest.raises(InputError, match=r"No parameter is called 'encoder\.\*'.*0\.weight"):
        target_gradient(module, squares, X, y, parameters="encoder.*")
    with pytest.raises(InputError, match=r"no parameter '0\.bias'"):
        gradient_similarity(module, squares, X, y, {"0.weight": target["0.weight"]}, parameters="*")
    with pytest.raises(InputError, match=r"shape \(8, 3\).*\(2, 2\) came"):
        gradient_similarity(module, squares, X, y, {"0.weight": torch.zeros(2, 2)})
    with pytest.raises(InputError, match="one entry a row"):
        gradient_similarity(module, squares, X, y[:3], target)
    with pytest.raises(InputError, match="block_rows"):
        gradient_similarity(module, squares, X, y, target, block_rows=0)
    for weights in (torch.zeros(ROWS), -torch.ones(ROWS), torch.ones(2)):
        with pytest.raises(InputError, match="weight"):
            target_gradient(module, squares, X, y, weights=weights)
    table = nn.Embedding(3, 2, max_norm=1.0)
    with pytest.raises(InputError, match="max_norm"):
        target_gradient(table, squares, torch.zeros(2, 1).long(), y[:2])
    frozen = copy.deepcopy(module).requires_grad_(False)
    with pytest.raises(InputError, match="requires a gradient"):
        target_gradient(frozen, squares, X, y)

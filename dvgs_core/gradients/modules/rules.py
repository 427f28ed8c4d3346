"""Per-row parameter gradients by layer, from a layer's input and its output's gradient.

Four shapes of gradient cover all layers that have a rule:

    Outer    a sum over positions of d xᵀ, never built if another way is cheaper: Linear, Conv
    Lookup   rows of an embedding table that one data row touches: Embedding
    Small    no bigger than the layer's own output: every bias, every scale of a normalisation
    Grouped  a kernel's, where building it is cheaper than not: Conv with some channels

A layer without a rule is not approximated: `rule_for` returns None and the caller builds whole
gradients instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Products = tuple[Tensor, Tensor]


class RowGradients(Protocol):
    """The gradients of one parameter, one a row, from one call of one layer."""

    def products(self, target: Tensor) -> Products:
        """((rows,) inner products with `target`, (rows,) squared norms)."""
        ...

    def build(self) -> Tensor:
        """(rows, *shape of the parameter)."""
        ...


@dataclass(frozen=True)
class Small:
    """Gradients cheap enough to hold.

    Attributes:
        gradient: (rows, *shape of the parameter).
    """

    gradient: Tensor

    def products(self, target: Tensor) -> Products:
        return _built_products(self.gradient, target)

    def build(self) -> Tensor:
        return self.gradient


@dataclass(frozen=True)
class Outer:
    """Sums over positions of outer products, in independent groups.

    One position: norm² = |d|²|x|². Several: norm² = Σ (x_s · x_t)(d_s · d_t), or the gradient is
    built where that takes fewer operations.

    Attributes:
        x: (rows, groups, positions, inputs).
        d: (rows, groups, positions, outputs).
        shape: the parameter's; reshapes from (groups, outputs, inputs).
    """

    x: Tensor
    d: Tensor
    shape: torch.Size

    def products(self, target: Tensor) -> Products:
        positions, inputs = self.x.shape[2:]
        outputs = self.d.shape[3]
        if positions > 1 and positions * (inputs + outputs) >= inputs * outputs:
            return _built_products(self.build(), target)
        target = target.reshape(-1, outputs, inputs)
        pulled_back = torch.einsum("bgti,goi->bgto", self.x, target)
        dot = pulled_back.mul_(self.d).flatten(1).sum(1)
        lengths = self.x.square().sum(3) * self.d.square().sum(3)
        if positions == 1:
            return dot, lengths.flatten(1).sum(1)
        norm_squared = (self.x @ self.x.mT).mul_(self.d @ self.d.mT).flatten(1).sum(1)
        # Where the positions nearly cancel, the sum above has lost the digits that remain.
        largest = lengths.sqrt_().sum(2).square().sum(1)
        doubtful = norm_squared < 10 * torch.finfo(dot.dtype).eps ** 0.5 * largest
        for row in doubtful.nonzero().flatten().tolist():
            one = Outer(self.x[row : row + 1], self.d[row : row + 1], self.shape)
            norm_squared[row] = one.build().square().sum()
        return dot, norm_squared

    def build(self) -> Tensor:
        inputs, outputs = self.x.shape[3], self.d.shape[3]
        if _unused(outputs) < _unused(inputs):
            return (self.x.mT @ self.d).mT.reshape(-1, *self.shape)
        return (self.d.mT @ self.x).reshape(-1, *self.shape)


def _unused(columns: int) -> float:
    """Share of a product's work spent on columns that are not there: they come 16 at a time."""
    return -columns % 16 / (columns + -columns % 16)


@dataclass(frozen=True)
class Lookup:
    """Gradients of a table of which each row reads a few lines, some of them repeatedly.

    Attributes:
        index: (rows, positions) int64.
        d: (rows, positions, width), zero where the padding line was read.
        lines: length of the table.
    """

    index: Tensor
    d: Tensor
    lines: int

    def products(self, target: Tensor) -> Products:
        rows, _, width = self.d.shape
        dot = (target[self.index].to(self.d.dtype) * self.d).flatten(1).sum(1)
        row = torch.arange(rows, device=self.d.device).unsqueeze(1)
        read, which = (row * self.lines + self.index).unique(return_inverse=True)
        summed = self.d.new_zeros(len(read), width)
        summed.index_add_(0, which.flatten(), self.d.reshape(-1, width))
        norm_squared = self.d.new_zeros(rows)
        return dot, norm_squared.index_add_(0, read // self.lines, summed.square().sum(1))

    def build(self) -> Tensor:
        rows, _, width = self.d.shape
        table = self.d.new_zeros(rows, self.lines, width)
        index = self.index.unsqueeze(2).expand(-1, -1, width)
        return table.scatter_add_(1, index, self.d)


def _built_products(gradient: Tensor, target: Tensor) -> Products:
    flat = gradient.flatten(1)
    return flat @ target.flatten().to(flat.dtype), flat.square().sum(1)


# A rule: (layer, parameter's name, input, gradient of the output) -> the parameter's RowGradients.
Rule = Callable[[nn.Module, str, Tensor, Tensor], RowGradients]


def _linear(layer: nn.Module, name: str, x: Tensor, d: Tensor) -> RowGradients:
    assert isinstance(layer, nn.Linear)
    rows = len(x)
    d = d.reshape(rows, 1, -1, layer.out_features)
    if name == "bias":
        return Small(d.sum((1, 2)))
    return Outer(x.reshape(rows, 1, -1, layer.in_features), d, layer.weight.shape)


def _embedding(layer: nn.Module, name: str, x: Tensor, d: Tensor) -> RowGradients:
    assert isinstance(layer, nn.Embedding)
    index, d = x.reshape(len(x), -1), d.reshape(len(x), -1, layer.embedding_dim)
    if layer.padding_idx is not None:
        d = d.masked_fill((index == layer.padding_idx).unsqueeze(2), 0)
    return Lookup(index.long(), d, layer.num_embeddings)


# The type of numbers for which processors have fast convolutions of their own.
GROUPED = torch.float32

Convolution = nn.Conv1d | nn.Conv2d
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d


def _convolution(layer: nn.Module, name: str, x: Tensor, d: Tensor) -> RowGradients:
    assert isinstance(layer, Convolution)
    if name == "bias":
        return Small(d.flatten(2).sum(2))
    mode = layer.padding_mode
    x = F.pad(x, _padding(layer), mode="constant" if mode == "zeros" else mode)
    return _windows(layer, x, d)


def _transposed(layer: nn.Module, name: str, x: Tensor, d: Tensor) -> RowGradients:
    """A transposed convolution is a convolution with input and output gradient exchanged."""
    assert isinstance(layer, Transposed)
    if name == "bias":
        return Small(d.flatten(2).sum(2))
    # output padding only adds places at the far end that no window reaches
    return _windows(layer, F.pad(d, _padding(layer)), x)


def _windows(layer: Convolution | Transposed, x: Tensor, d: Tensor) -> RowGradients:
    """The gradients of a kernel that saw padded x and gave d."""
    axes = zip(d.shape[2:], layer.stride, layer.kernel_size, layer.dilation, strict=True)
    for axis, (places, stride, kernel, dilation) in enumerate(axes, start=2):
        # places beyond the last window belong to no gradient
        x = x.narrow(axis, 0, (places - 1) * stride + (kernel - 1) * dilation + 1)
    geometry = Geometry(layer.kernel_size, layer.stride, layer.dilation, layer.groups)
    if x.device.type == "cpu" and x.dtype == GROUPED and geometry.grouping_pays(x, d):
        return Grouped(geometry, x, d)
    return geometry.unfolded(x, d, layer.weight.shape)


@dataclass(frozen=True)
class Geometry:
    """How a kernel passes over padded input."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    def grouping_pays(self, x: Tensor, d: Tensor) -> bool:
        """Whether the processor's own convolution builds all rows' gradients faster.

        By nanoseconds of one thread (benchmarks/README.md): from a few channels on, where unfolding
        copies each number several times, as long as the gradient itself is not large.
        """
        inputs, outputs = x.shape[1] // self.groups, d.shape[1] // self.groups
        places, window = d[0, 0].numel(), prod(self.kernel) * inputs
        built_anyway = places * (window + outputs) >= window * outputs
        channels = inputs >= 8 or self.groups >= 8
        return built_anyway and prod(self.kernel) > 1 and channels and outputs <= 64

    def grouped(self, x: Tensor, d: Tensor) -> Tensor:
        """(rows, *shape of the weight): one convolution in which every row is a group."""
        rows, inputs = len(x), x.shape[1] // self.groups
        outputs = d.shape[1]
        none = [0] * len(self.kernel)
        (_, gradient, _) = torch.ops.aten.convolution_backward(
            d.reshape(1, rows * outputs, *d.shape[2:]),
            x.reshape(1, rows * x.shape[1], *x.shape[2:]),
            x.new_empty(rows * outputs, inputs, *self.kernel),
            None, self.stride, none, self.dilation, False, none, rows * self.groups,
            [False, True, False],
        )  # fmt: skip
        return gradient.view(rows, outputs, inputs, *self.kernel)

    def unfolded(self, x: Tensor, d: Tensor, shape: torch.Size) -> Outer:
        """The windows of x that the kernel sees, position by position of d."""
        rows, groups, places = len(x), self.groups, d.shape[2:]
        steps = x.stride()[2:]
        kernel_steps = [a * b for a, b in zip(self.dilation, steps, strict=True)]
        place_steps = [a * b for a, b in zip(self.stride, steps, strict=True)]
        # one strided copy; torch's unfold is several times slower
        seen = x.as_strided(
            (*x.shape[:2], *self.kernel, *places),
            (*x.stride()[:2], *kernel_steps, *place_steps),
            x.storage_offset(),
        )
        # of one channel in one dimension that is a view still, which no product takes as it is
        windows = seen.reshape(rows, groups, -1, places.numel()).contiguous()
        return Outer(
            windows.mT,
            d.reshape(rows, groups, d.shape[1] // groups, -1).mT,
            shape,
        )


# Gradients built at a time: in the cache, and so small that memory is used again, not fetched anew.
_BUILT_BYTES = 2**20


@dataclass(frozen=True)
class Grouped:
    """A kernel's gradients by the processor's grouped convolution, some rows at a time.

    Attributes:
        geometry: of the kernel.
        x: (rows, channels, ...), padded input; d: (rows, channels, ...).
    """

    geometry: Geometry
    x: Tensor
    d: Tensor

    def products(self, target: Tensor) -> Products:
        rows = max(1, _BUILT_BYTES // (target.numel() * target.element_size()))
        pairs = zip(self.x.split(rows), self.d.split(rows), strict=True)
        found = [_built_products(self.geometry.grouped(x, d), target) for x, d in pairs]
        dots, norms_squared = zip(*found, strict=True)
        return torch.cat(dots), torch.cat(norms_squared)

    def build(self) -> Tensor:
        return self.geometry.grouped(self.x, self.d)


def _padding(layer: Convolution | Transposed) -> list[int]:
    """As torch.nn.functional.pad wants it: last dimension first, before and after."""
    sides: list[int] = []
    for axis in reversed(range(len(layer.kernel_size))):
        if layer.padding == "same":
            total = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
            sides += [total // 2, total - total // 2]
        elif layer.padding == "valid":
            sides += [0, 0]
        else:
            sides += [int(layer.padding[axis])] * 2
    return sides


def _over_features(normalised: Callable[[nn.Module, Tensor], Tensor]) -> Rule:
    """The rule of a normalisation whose scale has the shape of its last dimensions."""

    def rule(layer: nn.Module, name: str, x: Tensor, d: Tensor) -> RowGradients:
        if name == "weight":
            d = d * normalised(layer, x)
        shape = layer.normalized_shape
        assert isinstance(shape, tuple)
        return Small(d.reshape(len(d), -1, *shape).sum(1))

    return rule


def _over_channels(normalised: Callable[[nn.Module, Tensor], Tensor]) -> Rule:
    """The rule of a normalisation with one scale a channel (dimension 1)."""

    def rule(layer: nn.Module, name: str, x: Tensor, d: Tensor) -> RowGradients:
        if name == "weight":
            d = d * normalised(layer, x)
        return Small(d.reshape(len(d), d.shape[1], -1).sum(2))

    return rule


def _layer_norm(layer: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(layer, nn.LayerNorm)
    return F.layer_norm(x, layer.normalized_shape, eps=layer.eps)


def _group_norm(layer: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(layer, nn.GroupNorm)
    return F.group_norm(x, layer.num_groups, eps=layer.eps)


def _instance_norm(layer: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(layer, nn.InstanceNorm1d | nn.InstanceNorm2d)
    if layer.training or not layer.track_running_stats:
        return F.instance_norm(x, eps=layer.eps)
    return _running(layer, x)


def _running(layer: nn.Module, x: Tensor) -> Tensor:
    """Normalised by stored statistics: a fixed map, so rows stay independent."""
    assert isinstance(layer, nn.modules.batchnorm._NormBase)
    mean, variance = layer.running_mean, layer.running_var
    assert mean is not None and variance is not None
    return F.batch_norm(x, mean.to(x.dtype), variance.to(x.dtype), eps=layer.eps)


_RULES: dict[type[nn.Module], tuple[Rule, tuple[int, ...]]] = {
    # rule, and the ranks of input it holds for: () is any rank that leaves a row dimension
    nn.Linear: (_linear, ()),
    nn.Embedding: (_embedding, ()),
    nn.Conv1d: (_convolution, (3,)),
    nn.Conv2d: (_convolution, (4,)),
    nn.ConvTranspose1d: (_transposed, (3,)),
    nn.ConvTranspose2d: (_transposed, (4,)),
    nn.LayerNorm: (_over_features(_layer_norm), ()),
    nn.GroupNorm: (_over_channels(_group_norm), ()),
    nn.InstanceNorm1d: (_over_channels(_instance_norm), (3,)),
    nn.InstanceNorm2d: (_over_channels(_instance_norm), (4,)),
    nn.BatchNorm1d: (_over_channels(_running), (2, 3)),
    nn.BatchNorm2d: (_over_channels(_running), (4,)),
}


def rule_for(layer: nn.Module) -> Rule | None:
    """The rule of exactly this type of layer; a subclass may compute anything, so has none."""
    known = _RULES.get(type(layer))
    if known is None or not set(layer._parameters) <= {"weight", "bias"}:
        return None
    return known[0]


def keeps_rows_first(layer: nn.Module, x: Tensor) -> bool:
    """Whether this input's rank leaves its first dimension to the rows."""
    ranks = _RULES[type(layer)][1]
    least = 1
    if isinstance(layer, nn.Linear):
        least = 2
    elif isinstance(layer, nn.LayerNorm):
        least = 1 + len(layer.normalized_shape)
    return x.ndim in ranks if ranks else x.ndim >= least

"""Inner products and norms of the gradients of one block of rows, with next to no allocation.

What `models.passes` does for training, bent to scoring alone and to few passes over memory:

* [W | G] is one product; the weights already carry dropout's 1 / (1 - rate).
* Gradients are kept up to one factor a row (`scale`), which takes in normalisation's
  1 / deviation; the mean that its derivative removes is removed from the weights instead.
* The squared length of a normalised row follows from its variance.
* Two classes: p - e_c is p_other · (±1, ∓1), so one backward pass serves both labels.

Buffers live in a `Workspace`, one a thread, and fit the processor's cache if the block does.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dvgs_core.gradients.precision import WIDE
from dvgs_core.models.activations import activate
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import CrossEntropy, Loss
from dvgs_core.models.narrow import product, softmax
from dvgs_core.models.network import NORMALISATION_EPSILON, Network
from dvgs_core.models.workspace import Workspace


@dataclass(frozen=True, eq=False)
class PreparedLayer:
    """One layer at one checkpoint, as blocks use it.

    Attributes:
        joined: (members, width_in, 2 width_out), [W | G], W times dropout's 1 / (1 - rate).
        bias: (members, 1, 2 width_out), likewise.
        back: (members, width_out, width_in), W transposed; less its mean over width_in where the
            layer is given normalised rows.
        counters: (members, 1, words), of the layer's dropout masks; None: worked out by each block.
    """

    joined: Tensor
    bias: Tensor
    back: Tensor
    counters: Tensor | None = None

    def of(self, members: slice) -> "PreparedLayer":
        """The layer of some of the members."""
        counters = None if self.counters is None else self.counters[members]
        return PreparedLayer(self.joined[members], self.bias[members], self.back[members], counters)


def prepare(
    network: Network, parameters: Tensor, gradient: Tensor, dropout: Dropout, precision: str
) -> list[PreparedLayer]:
    """Everything about a checkpoint that all blocks share.

    Args:
        parameters, gradient: (members, parameters).
        precision: "float32", or "bfloat16" for the products of wide layers.
    """
    prepared = []
    pairs = zip(network.layers(parameters), network.layers(gradient), strict=True)
    for index, (weight, pull) in enumerate(pairs):
        factor = dropout.factor if network.activated[index] else 1.0
        joined = torch.cat((weight * factor, pull), dim=2)
        back = weight[:, :-1].transpose(1, 2)
        if index > 0 and network.normalise and network.activated[index - 1]:
            back = back - back.mean(dim=2, keepdim=True)
        wide = min(back.shape[1:]) >= WIDE
        dtype = torch.bfloat16 if precision == "bfloat16" and wide else weight.dtype
        joined = joined.to(dtype)
        counters = None
        if network.dropout > 0 and network.activated[index]:
            width, everyone = network.widths[index + 1], slice(0, len(parameters))
            counters = dropout.counters(index, width, everyone, parameters.device)
        prepared.append(PreparedLayer(joined[:, :-1], joined[:, -1:], back.to(dtype), counters))
    return prepared


class Block:
    """One block of rows under some of the members.

    Args:
        network: shape of the members.
        loss: the loss of one row.
        layers: of these members, from `prepare`.
        members: which members these are.
        dropout: masks of the checkpoint's step.
        workspace: buffers of the calling thread.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        layers: list[PreparedLayer],
        members: slice,
        dropout: Dropout,
        workspace: Workspace,
    ) -> None:
        self.network, self.loss, self.layers = network, loss, layers
        self.members, self.dropout, self.workspace = members, dropout, workspace
        self.count = members.stop - members.start

    def score(
        self, X: Tensor, y: Tensor, hashes: Tensor, lengths: Tensor, *, by_label: bool
    ) -> tuple[Tensor, Tensor]:
        """Inner products with the target's gradient, and norms.

        Args:
            X: (rows, features); y: (rows,) int64 or (rows, outputs).
            hashes: (rows,) int64 `row_hashes`.
            lengths: (rows, 1), squared lengths of X's rows.
            by_label: under every label rather than the row's own.

        Returns:
            Two tensors (members, rows, labels or 1).
        """
        output = self._forward(X.unsqueeze(0), hashes.unsqueeze(0), lengths.unsqueeze(0))
        if not by_label:
            d = self.loss.gradient(output, y.unsqueeze(0)).unsqueeze(2)
            return self._backward(d)
        assert isinstance(self.loss, CrossEntropy)
        if output.shape[2] > 2:
            return self._backward(self.loss.gradient_by_label(output))
        d = torch.ones_like(output)
        d[..., 1] = -1
        dot, norm = self._backward(d.unsqueeze(2))
        other = softmax(output).flip(2)
        dot = dot * other
        dot[..., 0].neg_()
        return dot, norm * other

    def _forward(self, X: Tensor, hashes: Tensor, lengths: Tensor) -> Tensor:
        """(members, rows, outputs); leaves in `self` what the backward pass needs."""
        network, take = self.network, self.workspace.take
        rows = X.shape[1]
        self.inputs: list[Tensor] = []
        self.slopes: list[Tensor | None] = []
        self.deviations: list[Tensor | None] = []
        self.lengths: list[Tensor] = [lengths + 1]
        self.pulls: list[Tensor] = []
        a = X
        for index, layer in enumerate(self.layers):
            width = network.widths[index + 1]
            given = a
            if layer.joined.dtype != a.dtype:
                shape = (len(a), rows, a.shape[2])
                given = take(("given", index), *shape, dtype=layer.joined.dtype).copy_(a)
            shape = (self.count, rows, 2 * width)
            both = take(("product", index), *shape, dtype=layer.joined.dtype)
            product(given.expand(self.count, -1, -1), layer.joined, both, bias=layer.bias)
            z = both[..., :width]
            self.pulls.append(both[..., width:])
            self.inputs.append(a)
            self.slopes.append(None)
            self.deviations.append(None)
            if network.activated[index]:
                a = self._activated(index, z, hashes)
            else:
                a = z if z.dtype == X.dtype else z.to(X.dtype)
            if self.deviations[index] is None and index + 1 < len(self.layers):
                length = torch.linalg.vector_norm(a, dim=2, keepdim=True)
                self.lengths.append(length.square_().add_(1))
        return a

    def _activated(self, index: int, z: Tensor, hashes: Tensor) -> Tensor:
        """Dropout, activation and normalisation of one layer's z, already times 1 / (1 - rate)."""
        network, take, dtype = self.network, self.workspace.take, self.workspace.like.dtype
        shape = tuple(z.shape)
        h, slope = take(("h", index), *shape), take(("slope", index), *shape)
        first, second, third = (take(name, *shape) for name in ("first", "second", "third"))
        kept = None
        if network.dropout > 0:
            words = (shape[0], shape[1], -(-shape[2] // 4))
            bits, spare = (take(name, *words, dtype=torch.int64) for name in ("bits", "spare"))
            known = self.layers[index].counters
            kept = third.copy_(
                self.dropout.kept(hashes, index, shape[2], self.members, bits, spare, known)
            )
            z = torch.mul(z, kept, out=take("z", *shape))
        elif z.dtype != dtype:
            z = take("z", *shape).copy_(z)
        activate(network.activation, z, h, slope, (first, second))
        if kept is not None:
            slope.mul_(kept)
        self.slopes[index] = slope
        if network.normalise:
            h.sub_(h.mean(dim=2, keepdim=True))
            squares = torch.linalg.vector_norm(h, dim=2, keepdim=True).square_()
            deviation = (squares / shape[2]).add_(NORMALISATION_EPSILON).rsqrt_()
            h.mul_(deviation)
            self.deviations[index] = deviation
            self.lengths.append(squares.mul_(deviation).mul_(deviation).add_(1))
        return h

    def _backward(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Inner products and norms, given (members, rows, labels, outputs) at the output."""
        take = self.workspace.take
        scale = d.new_ones(())
        dot = d.new_zeros(d.shape[:3])
        squared = torch.zeros_like(dot)
        for index in range(len(self.layers) - 1, -1, -1):
            spare = take(("spare", index), *d.shape)
            along = torch.mul(d, self.pulls[index].unsqueeze(2), out=spare).sum(dim=3)
            dot.addcmul_(along, scale)
            squares = torch.linalg.vector_norm(d, dim=3).mul_(scale).square_()
            squared.addcmul_(squares, self.lengths[index])
            if index == 0:
                break
            d = self._through(index, d)
            deviation, below = self.deviations[index - 1], self.slopes[index - 1]
            if deviation is not None:
                y = self.inputs[index].unsqueeze(2)
                spare = take(("spare", index - 1), *d.shape)
                shared = torch.mul(d, y, out=spare).sum(dim=3, keepdim=True).mul_(1 / d.shape[3])
                d.addcmul_(y, shared, value=-1)
                scale = scale * deviation
            if below is not None:
                d.mul_(below.unsqueeze(2))
                scale = scale * self.dropout.factor
        return dot, squared.sqrt_()

    def _through(self, index: int, d: Tensor) -> Tensor:
        """d at the input of a layer, given d at its output."""
        take, back = self.workspace.take, self.layers[index].back
        members, rows, labels, width = d.shape
        shape = (members, rows * labels, back.shape[2])
        if back.dtype != d.dtype:
            d = take(("d given", index), *d.shape, dtype=back.dtype).copy_(d)
        given = take(("d", index), *shape, dtype=back.dtype)
        torch.bmm(d.view(members, rows * labels, width), back, out=given)
        if back.dtype != self.workspace.like.dtype:
            given = take(("d whole", index), *shape).copy_(given)
        return given.view(members, rows, labels, back.shape[2])

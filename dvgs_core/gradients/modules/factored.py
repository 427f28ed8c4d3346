"""Products of per-row gradients with the target's, layer by layer, no gradient built.

One forward and one backward pass a block. A hook on each layer keeps its input; a hook on the
layer's output receives the output's gradient, applies the layer's rule and forgets both.
Parameters are detached for the pass, so autograd computes no weight gradient at all.

A parameter used more than once (shared, or its layer called twice) has its calls' gradients built
and summed before the norm is taken.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from dvgs_core.gradients.modules.problem import Problem
from dvgs_core.gradients.modules.rules import Rule, keeps_rows_first, rule_for


class Unsuited(Exception):
    """This way of computing does not hold for the module; another must be taken."""


@dataclass(frozen=True)
class Layer:
    """A layer with a rule.

    Attributes:
        module, rule: the layer and its rule.
        names: {attribute of the layer: the chosen parameter's name in the whole module}.
    """

    module: nn.Module
    rule: Rule
    names: Mapping[str, str]


@dataclass
class Call:
    """One call of a layer within a forward pass; `version` counts in-place changes of x."""

    layer: Layer
    x: Tensor
    version: int
    output_shape: torch.Size


class Factored:
    """Computes blocks by the layers' rules.

    Args:
        problem: the module, its loss and the chosen parameters.
        target: {name: gradient} of the chosen parameters.

    Raises:
        Unsuited: a chosen parameter belongs to a layer without a rule.
    """

    def __init__(self, problem: Problem, target: Mapping[str, Tensor]) -> None:
        self.problem, self.target = problem, target
        self.layers = _layers(problem)
        self.calls: list[Call] = []

    def products(self, X: Tensor, y: Tensor, ids: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """((rows,) inner products with the target, (rows,) squared norms) of one block.

        Raises:
            Unsuited: a chosen parameter is used outside its layer, or a layer's input does not
                have the rows first.
        """
        with torch.enable_grad():
            losses, anchor = self._forward(X, y, ids)
            self._check_calls(len(X))
            uses = Counter(name for call in self.calls for name in call.layer.names.values())
            totals = _Totals(self.target, uses, losses.new_zeros(len(X), dtype=_wide(losses)))
            self._consume = totals.add
            if losses.requires_grad:
                torch.autograd.grad(losses.sum(), anchor, allow_unused=True)
        return totals.finish()

    def layout(self) -> list[tuple[torch.Size, torch.Size]]:
        """Shapes of input and output of the latest block's calls, in order."""
        return [(call.x.shape, call.output_shape) for call in self.calls]

    def _forward(self, X: Tensor, y: Tensor, ids: Tensor | None) -> tuple[Tensor, Tensor]:
        values = self.problem.values()
        chosen = {id(values[name]) for name in self.problem.names}
        # Carries the backward pass to the first layer although no parameter asks for a gradient.
        anchor = torch.zeros((), device=X.device, requires_grad=True)
        watch = _Watch(chosen)
        self.calls = []

        def enter(module: nn.Module, args: Any) -> None:
            watch.inside = True

        def leave(
            layer: Layer, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Tensor
        ) -> Tensor:
            watch.inside = False
            x = args[0] if args else kwargs["input"]
            if not output.requires_grad:
                output = output + anchor
            elif output._is_view():
                # an in-place operation on a view would rewrite the graph behind the hook's back
                output = output.clone()
            call = Call(layer, x.detach(), x._version, output.shape)
            output.register_hook(lambda gradient: self._received(call, gradient))
            self.calls.append(call)
            return output

        with ExitStack() as hooks:
            for layer in self.layers:
                hooks.callback(layer.module.register_forward_pre_hook(enter).remove)
                hooks.callback(
                    layer.module.register_forward_hook(
                        partial(leave, layer), with_kwargs=True, prepend=True
                    ).remove
                )
            with watch:
                output = self.problem.call(values, X, ids)
        if watch.outside:
            raise Unsuited("a chosen parameter is used outside its own layer")
        return self.problem.row_losses(output, y), anchor

    def _check_calls(self, rows: int) -> None:
        for call in self.calls:
            if not keeps_rows_first(call.layer.module, call.x) or not (
                len(call.x) == rows == call.output_shape[0]
            ):
                raise Unsuited("a layer's input does not have the rows first")

    def _received(self, call: Call, gradient: Tensor) -> None:
        if call.x._version != call.version:
            raise Unsuited("a layer's input was changed in place")
        self._consume(call, gradient)

    _consume: Callable[[Call, Tensor], None]


class _Totals:
    """Adds up the calls' products over one block."""

    def __init__(self, target: Mapping[str, Tensor], uses: Counter[str], zeros: Tensor) -> None:
        self.target, self.uses = target, uses
        self.dot, self.norm_squared = zeros, zeros.clone()
        self.built: dict[str, Tensor] = {}

    def add(self, call: Call, gradient: Tensor) -> None:
        x, d = _widened(call.x), _widened(gradient.detach())
        with torch.no_grad():
            for attribute, name in call.layer.names.items():
                found = call.layer.rule(call.layer.module, attribute, x, d)
                if self.uses[name] > 1:
                    built = found.build()
                    self.built[name] = self.built[name] + built if name in self.built else built
                else:
                    self._count(*found.products(self.target[name].to(d.dtype)))

    def finish(self) -> tuple[Tensor, Tensor]:
        for name, built in self.built.items():
            flat = built.flatten(1)
            target = self.target[name].flatten().to(flat.dtype)
            self._count(flat @ target, flat.square().sum(1))
        return self.dot, self.norm_squared

    def _count(self, dot: Tensor, norm_squared: Tensor) -> None:
        self.dot += dot
        self.norm_squared += norm_squared


class _Watch(TorchFunctionMode):
    """Notices a parameter that takes part in an operation outside its layer's forward.

    `nn.functional.linear(h, self.embedding.weight)` would otherwise go unseen by the hooks.
    """

    def __init__(self, parameters: set[int]) -> None:
        super().__init__()
        self.parameters, self.inside, self.outside = parameters, False, False

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.inside and not self.outside:
            # reading a shape or a type returns no tensor and does no harm
            tensors = any(isinstance(leaf, Tensor) for leaf in tree_leaves(result))
            self.outside = tensors and any(
                id(leaf) in self.parameters for leaf in tree_leaves((args, kwargs))
            )
        return result


def _layers(problem: Problem) -> list[Layer]:
    name_of = {
        id(value): name
        for name, value in problem.module.named_parameters()
        if name in problem.names
    }
    layers = []
    for module in problem.module.modules():
        names = {
            attribute: name_of[id(value)]
            for attribute, value in module._parameters.items()
            if id(value) in name_of
        }
        if names:
            rule = rule_for(module)
            if rule is None:
                raise Unsuited(f"{type(module).__name__} has no rule")
            layers.append(Layer(module, rule, names))
    return layers


def _wide(t: Tensor) -> torch.dtype:
    """Sums are taken in float32 at least."""
    return torch.promote_types(t.dtype, torch.float32)


def _widened(t: Tensor) -> Tensor:
    return t.to(_wide(t)) if t.is_floating_point() else t

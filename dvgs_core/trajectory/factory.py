"""Modules from a user's factory: one a member, each from its own seed, checked."""

import hashlib
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dvgs_core.errors import InputError
from dvgs_core.gradients.modules.problem import check_module, chosen_names
from dvgs_core.methods.dvgs import DVGSSettings, OwnModel

Shapes = tuple[tuple[str, tuple[int, ...]], ...]


def built_members(
    settings: DVGSSettings, device: torch.device, own: OwnModel, seed: int
) -> dict[str, Any]:
    """The fields of `ModulePlan` that follow from the factory.

    Raises:
        InputError: the factory gives no modules of one shape, or none that can be valued with.
    """
    if settings.precision not in ("float32", "auto"):
        raise InputError(
            f"precision={settings.precision} is for built-in networks; a module of your own "
            "computes as it is written. Choose float32 or auto."
        )
    members = _members(own, seed, settings.restarts, device)
    for member in members:
        check_module(member)
    trained = [
        (name, tuple(value.shape), value.dtype)
        for name, value in members[0].named_parameters()
        if value.requires_grad
    ]
    if not trained:
        raise InputError("No parameter of the model requires a gradient; there is none to train.")
    odd = [f"{name} ({dtype})" for name, _, dtype in trained if dtype != torch.float32]
    if odd:
        raise InputError(f"Parameters that are trained must be float32; {', '.join(odd[:3])} came.")
    shapes = tuple((name, shape) for name, shape, _ in trained)
    compared = chosen_names(members[0], own.parameters)
    frozen = [name for name in compared if name not in dict(shapes)]
    if frozen:
        raise InputError(
            f"Only parameters that are trained can be compared; {', '.join(frozen[:3])} "
            "requires no gradient."
        )
    return dict(
        shapes=shapes,
        compared=compared,
        fixed=_fixed(members),
        members=members,
    )


def _members(own: OwnModel, seed: int, members: int, device: torch.device) -> tuple[nn.Module, ...]:
    """The modules of all members, each from its own seed, which depends on nothing else.

    Made on the CPU, so every device starts from the same numbers.
    """
    if isinstance(own.model, nn.Module):
        raise InputError(
            "model must be a function that builds a module, one for each restart: write "
            f"model=lambda: {type(own.model).__name__}(...) instead of the module itself."
        )
    modules = []
    for sequence in np.random.SeedSequence([seed, 2]).spawn(members):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
            module = own.model()
        if not isinstance(module, nn.Module):
            raise InputError(
                f"model must return a torch.nn.Module; it returned a {type(module).__name__}."
            )
        modules.append(module)
    if len({id(module) for module in modules}) < members:
        raise InputError("model must build a new module at every call; it returned the same one.")
    layouts = {_layout(module) for module in modules}
    if len(layouts) > 1:
        raise InputError("model must build modules of one shape; its parameters differ.")
    return tuple(module.to(device) for module in modules)


def _layout(module: nn.Module) -> tuple[tuple[str, torch.Size, bool], ...]:
    return tuple((n, value.shape, value.requires_grad) for n, value in module.named_parameters())


def _fixed(members: tuple[nn.Module, ...]) -> str:
    found = hashlib.sha256()
    for module in members:
        named: list[tuple[str, Tensor]] = [
            *((n, p) for n, p in module.named_parameters() if not p.requires_grad),
            *module.named_buffers(),
        ]
        for name, value in named:
            found.update(name.encode())
            found.update(
                value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
            )
    return found.hexdigest()


def described(shapes: Shapes) -> str:
    """The first of these parameters, in words."""
    pairs = list(dict(shapes).items())
    shown = ", ".join(f"{name} {shape}" for name, shape in pairs[:4])
    return f"{shown}{', …' if len(pairs) > 4 else ''}"

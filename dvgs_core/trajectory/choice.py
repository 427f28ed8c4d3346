"""Which plan: of a built-in network, or of a module."""

from functools import partial
from typing import Any

import torch

from dvgs_core.errors import InputError
from dvgs_core.methods.dvgs import DVGSSettings, OwnModel
from dvgs_core.models.convolutional import autoencoder
from dvgs_core.samples import Samples
from dvgs_core.settings import validated
from dvgs_core.trajectory.modules import module_plan, module_plan_from
from dvgs_core.trajectory.networks import NetworkPlan, network_plan
from dvgs_core.trajectory.plan import Plan


def plan_for(
    settings: DVGSSettings,
    target: Samples,
    *,
    classes: int | None,
    seed: int,
    device: torch.device,
    own: OwnModel | None,
) -> Plan:
    """The plan of what is to be trained on this target.

    Raises:
        InputError: the network or module does not fit the rows.
    """
    if own is None and settings.network == "convolutional":
        if target.task != "reconstruction":
            raise InputError(
                "A convolutional autoencoder goes with data without a label; the task is "
                f"{target.task}. Choose network=auto."
            )
        own = _convolutional(target.X.shape[1])
    if own is None:
        return network_plan(settings, target, classes=classes, seed=seed)
    return module_plan(settings, target, classes=classes, seed=seed, device=device, own=own)


def plan_from(facts: dict[str, Any], device: torch.device, own: OwnModel | None) -> Plan:
    """The plan that gave these facts.

    Raises:
        InputError: it needs a model and none came, or another one, or came without need.
    """
    settings = validated(DVGSSettings, facts["settings"])
    if "network" in facts:
        if own is not None:
            raise InputError("The trajectory is of a built-in network; load it without a model.")
        return NetworkPlan.from_facts(facts, settings)
    if own is None and settings.network == "convolutional":
        own = _convolutional(facts["features"])
    if own is None:
        raise InputError(
            "The trajectory is of a module of your own, which no file holds: load it with the "
            "same model=... (and loss=...) that it was fitted with."
        )
    return module_plan_from(facts, settings, device, own)


def _convolutional(features: int) -> OwnModel:
    return OwnModel(partial(autoencoder, features))

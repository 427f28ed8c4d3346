"""Every method with the paper's settings, experiment by experiment.

DVGS has them as `DVGS.paper`, and each of the paper's other methods as `PAPER` beside its class. A
method that the paper does not have runs with its defaults.
"""

from collections.abc import Iterable
from typing import Any

from dvgs_core import methods
from dvgs_core.errors import InputError
from dvgs_core.methods import dvrl, loo, shapley
from dvgs_core.methods.dvgs import DVGS
from dvgs_core.paper.experiments import EXPERIMENTS, Experiment
from dvgs_core.paper.published import METHODS
from dvgs_core.paper.records import Record

#: What the paper says about DVGS; a record names these, so that it stays the same record when the
#: method gains a setting.
_DVGS = (
    *("restarts", "epochs", "max_steps", "target_batch", "every", "learning_rate"),
    *("network", "layers", "width", "latent", "activation", "dropout", "normalise"),
    *("balanced", "similarity", "stop_when_settled"),
)
#: Enough to see that a method runs, for those fields that its settings have.
_QUICK = {
    **{"restarts": 1, "epochs": 2, "max_steps": 4, "permutations": 2, "least_permutations": 1},
    **{"outer_steps": 3, "together": 2},
}
#: How a method differs from the published one in every experiment.
DIFFERS = {
    "tmc-shapley": (
        "a walk ends within 3 % of the whole source's score, and there are 200 to 1,000 "
        "permutations, as in the published configuration files; the paper's text says 1 % and at "
        "least 100"
    ),
    "dvrl": (
        "the estimator is that of Yoon et al. 2020: the label goes in with the features, "
        "|y − prediction| at its last two layers, which all have biases; in the paper's code the "
        "label goes in at the last layers too, and there is one bias in all. Inner networks start "
        "alike and draw the same batches and dropout at every outer step, where the paper's start "
        "alike; a fixed baseline is one network's score instead of three networks' mean, a moving "
        "one the mean of the window instead of an exponential one. For CIFAR-10 the window has 20 "
        "steps, of 2,000 rows each, as the paper's code has where nothing is asked for; its "
        "configuration file asks for 100 and 5,000"
    ),
}
_OTHERS = {"loo": loo.PAPER, "tmc-shapley": shapley.PAPER, "dvrl": dvrl.PAPER}


def paper_settings(
    method: str, chosen: Experiment, *, quick: bool = False, permutations: int | None = None
) -> dict[str, Any]:
    """The settings of a method that an experiment fixes; the others are the method's defaults.

    Args:
        method: registered name.
        chosen: the experiment.
        quick: short training instead.
        permutations: of TMC-Shapley, at most; None: as many as in the paper.

    Raises:
        InputError: no such method, or it has no settings for this experiment.
    """
    declared = methods.entry(method).settings
    settings: dict[str, Any] = {}
    if method == "dvgs":
        settings = dvgs_settings(DVGS.paper(chosen.preset)) | {"every": chosen.every}
    elif method in _OTHERS:
        if chosen.preset not in _OTHERS[method]:
            raise InputError(f"The paper does not run {method} on experiment {chosen.number}.")
        settings = dict(_OTHERS[method][chosen.preset])
    if method == "tmc-shapley" and permutations is not None:
        settings |= {"permutations": permutations}
    if quick:
        known = declared.model_fields
        settings |= {name: value for name, value in _QUICK.items() if name in known}
    return settings


def shortened(records: Iterable[Record]) -> str:
    """What a person must know of runs that ended before the paper's would have, or ""."""
    for record in records:
        what, published = record.what, _OTHERS.get(record.what["method"], {})
        most = what["settings"].get("permutations")
        least = published.get(EXPERIMENTS[what["experiment"]].preset, {}).get("least_permutations")
        if most is not None and least is not None and most < least:
            return f"{most} permutations instead of {least} at least"
    return ""


def takes_part(method: str, chosen: Experiment) -> bool:
    """Whether a method can be run on an experiment, with settings that the paper has for it."""
    if method in _OTHERS:
        return chosen.preset in _OTHERS[method]
    task = "reconstruction" if chosen.metric == "r2" else "classification"
    return method in methods.names(task)


def dvgs_settings(method: DVGS) -> dict[str, Any]:
    """What the paper says about DVGS, of a method made by `DVGS.paper`."""
    every = method.settings.model_dump()
    # a value under every other label costs time and is no part of the paper
    return {name: every[name] for name in _DVGS} | {"suggest": False}


def compared(asked: tuple[str, ...] | None) -> list[str]:
    """Methods to compare: those asked for, or those of the paper that are registered.

    Raises:
        InputError: a method asked for does not exist.
    """
    if asked is None:
        return [name for name in METHODS if name in methods.names()]
    return [methods.entry(name).name for name in asked]

"""Where to compute."""

import torch

from dvgs_core.errors import InputError


def resolve_device(device: str) -> torch.device:
    """A device from its name; "auto" takes a GPU where there is one.

    Raises:
        InputError: the device is unknown or not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise InputError(f"There is no device {device!r}; use auto, cpu or cuda.") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise InputError("No CUDA device was found here. Use device auto or cpu.")
    return found

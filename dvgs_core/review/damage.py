"""Data that was damaged on purpose, and must not pass for cleaned data."""

from dataclasses import dataclass

from dvgs_core.store.workspace import Workspace

#: Before the names of files made from such data.
PREFIX = "damaged-"


@dataclass(frozen=True)
class Damage:
    """What is known of damage done on purpose.

    Attributes:
        rows: how many rows were damaged other than by noise alone; None where that is not known.
        original: id of the dataset it was made from, or None.
    """

    rows: int | None
    original: str | None


def damage_of(workspace: Workspace, dataset_id: str) -> Damage | None:
    """How a dataset was damaged on purpose, or None if nothing says that it was.

    Args:
        workspace: where it is.
        dataset_id: the dataset. Damage shows in its truth, which demos and uploads may bring, and
            in its setting "damaged_from", which names the dataset a damaged copy was made from.

    Raises:
        InputError: there is no such dataset.
    """
    truth = workspace.truth(dataset_id)
    original = workspace.get_setting(dataset_id, "damaged_from")
    if truth is None:
        return None if original is None else Damage(None, str(original))
    rows = int(truth["corrupted"].astype(bool).sum())
    noise = "noise_rate" in truth and bool((truth["noise_rate"] > 0).any())
    if rows == 0 and not noise and original is None:
        return None
    return Damage(rows, None if original is None else str(original))

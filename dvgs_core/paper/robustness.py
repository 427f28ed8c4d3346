"""The grid of table 4, which figure 6 shows too: its work, and its records as one table.

Experiment 1 under every setting of the grid, one restart and every step scored. A piece of work is
one network shape and one replicate: 18 trainings, 72 settings.
"""

import time
from collections.abc import Sequence
from typing import Any

import pandas as pd

from dvgs_core.evaluation.detection import detection
from dvgs_core.paper.experiments import draw
from dvgs_core.paper.records import Record
from dvgs_core.paper.valuations import sized
from dvgs_core.paper.work import Request, Work

KIND = "grid"
REPLICATES = 2
#: The grid's settings, in the order of the paper's table.
SETTINGS = (
    *("balanced", "dropout", "target_batch", "similarity"),
    *("learning_rate", "normalise", "layers", "activation"),
)
_EPOCHS, _QUICK_EPOCHS = 100, 1


def grid_works(request: Request) -> list[Work]:
    """32 network shapes × 2 replicates, each with new rows and new damage."""
    from dvgs_core.paper.grid import shapes

    seeds = range(request.seed, request.seed + REPLICATES)
    chosen = list(shapes())
    if request.quick:
        chosen = chosen[:2]
    return [_work(request, shape, seed) for seed in seeds for shape in chosen]


def _work(request: Request, shape: dict[str, Any], seed: int) -> Work:
    chosen = sized(request, 1)
    epochs = _QUICK_EPOCHS if request.quick else _EPOCHS
    what = {
        "experiment": 1,
        "data": request.data.fingerprint(chosen.file),
        "rows": [chosen.source, chosen.target, chosen.holdout],
        "shape": shape,
        "epochs": epochs,
        "seed": seed,
    }

    def compute() -> tuple[dict[str, Any], float]:
        from dvgs_core.paper.grid import grid_values

        problem = draw(chosen, request.data, seed)
        assert problem.classes is not None and problem.wrong is not None
        started = time.perf_counter()
        values = grid_values(
            problem.source,
            problem.target,
            shape,
            classes=problem.classes,
            epochs=epochs,
            seed=seed,
        )
        seconds = time.perf_counter() - started
        found = [
            v.settings | {"auroc": round(detection(problem.wrong, v.values).auroc, 5)}
            for v in values
        ]
        return {"settings": found}, seconds

    title = ", ".join(f"{name} {value}" for name, value in shape.items())
    return Work(KIND, what, f"grid · {title} · seed {seed}", compute)


def grid_frame(records: Sequence[Record]) -> pd.DataFrame:
    """One line a setting and replicate: the grid's settings, seed and auroc."""
    lines = []
    for record in records:
        shared = record.what["shape"] | {"seed": record.what["seed"]}
        lines += [shared | one for one in record.outcome["settings"]]
    return pd.DataFrame(lines, columns=[*SETTINGS, "seed", "auroc"])


def setting_means(records: Sequence[Record]) -> pd.DataFrame:
    """One line a setting: the mean AUROC over replicates, best first."""
    frame = grid_frame(records).groupby(list(SETTINGS), as_index=False)["auroc"].mean()
    return frame.sort_values("auroc", ascending=False, kind="stable").reset_index(drop=True)

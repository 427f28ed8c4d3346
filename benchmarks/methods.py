"""Leave-one-out, DVRL and Data-OOB by us and by opendataval 1.3, the same work in one run.

    python -m benchmarks.methods --peer PYTHON [--rounds 3] [--jobs loo,dvrl,data-oob] [--threads 2]

PYTHON is one that has opendataval, in an environment of its own. Without it ours alone is timed.
The problem is the paper's first: 1,000 rows of ADULT, a fifth of their labels wrong, and 400 target
rows (DVGS_DATA). In both: a perceptron 100-100 with ReLU, no dropout, Adam, and

    loo        one training of 5 epochs a row and one of all rows, 32 rows a step
    dvrl       200 outer steps, each 100 steps on the rows selected, all of them at once
    data-oob   100 networks on rows drawn with replacement, 20 epochs, 32 rows a step

What differs: opendataval's DVRL multiplies the loss of a row that is not selected by 0, ours leaves
the row out, which comes to the same; all of our networks start alike where opendataval's do, and
draw other batches. Ours trains Data-OOB's networks through `Stack` (the method `data-oob` grows
trees). Each job runs in a process of its own, in turns; the best of the rounds counts. Importing
and reading are not timed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

_NETWORK: dict[str, Any] = dict(layers=2, width=100, learning_rate=0.01)
WORK: dict[str, dict[str, Any]] = {
    "loo": _NETWORK | dict(epochs=5, batch=32),
    "dvrl": _NETWORK | dict(epochs=100, batch=1000, outer_steps=200),
    "data-oob": _NETWORK | dict(epochs=20, batch=32, networks=100),
}
_BARE = dict(activation="relu", dropout=0.0, normalise=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods")
    parser.add_argument("--peer", help="a Python that has opendataval 1.3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", default=",".join(WORK))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--ours", nargs=3, metavar=("JOB", "DATA", "THREADS"), help="of itself")
    given = parser.parse_args()
    if given.ours:
        job, data_path, threads = given.ours
        print(json.dumps(ours(job, data_path, int(threads))))
        return
    jobs = given.jobs.split(",")
    best: dict[tuple[str, str], dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        _write(data)
        runners = {"ours": [sys.executable, "-m", "benchmarks.methods", "--ours"]}
        if given.peer:
            runners["opendataval"] = [given.peer, "benchmarks/methods_peer.py"]
        for number in range(given.rounds):
            for job in jobs:
                for name, command in runners.items():
                    took = _run([*command, job, str(data), str(given.threads)])
                    load = os.getloadavg()[0]
                    print(f"round {number + 1} {job:9} {name:12} {_said(took)}, load {load:.1f}")
                    sys.stdout.flush()
                    known = best.setdefault((job, name), took)
                    for key in ("seconds", "cpu"):
                        known[key] = min(known[key], took[key])
    print(f"\n{_table(jobs, list(runners), best)}")


def _write(path: Path) -> None:
    from dvgs_core.paper.data import DataSets
    from dvgs_core.paper.experiments import draw, experiment

    problem = draw(experiment(1), DataSets(Path(os.environ["DVGS_DATA"])), 0)
    assert problem.source.y is not None and problem.target.y is not None
    assert problem.wrong is not None
    np.savez(
        path,
        X=problem.source.X,
        y=problem.source.y,
        target_X=problem.target.X,
        target_y=problem.target.y,
        wrong=problem.wrong,
        work=np.array(json.dumps(WORK)),
    )


def _run(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(job: str, data: str, threads: int) -> dict[str, float]:
    """Seconds, processor seconds and AUROC of one job."""
    import torch

    from dvgs_core import Samples, detection, methods

    torch.set_num_threads(threads)
    with np.load(data, allow_pickle=False) as arrays:
        source = Samples(arrays["X"], arrays["y"])
        target = Samples(arrays["target_X"], arrays["target_y"])
        wrong = arrays["wrong"]
    work = WORK[job]
    shape = {name: work[name] for name in ("layers", "width", "epochs", "batch", "learning_rate")}
    settings: dict[str, Any] = shape | _BARE | dict(max_steps=None, metric="accuracy")
    if job == "dvrl":
        settings |= dict(network="mlp", outer_steps=work["outer_steps"], selections=1)
        settings |= dict(baseline="fixed", batch=None)
    wall, cpu = time.perf_counter(), time.process_time()
    if job == "data-oob":
        values = _out_of_bag(source, work, settings)
    else:
        values = methods.create(job, seed=0, **settings).value(source, target).values
    took = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return took | {"auroc": detection(wrong, values).auroc}


def _out_of_bag(source: Any, work: dict[str, Any], settings: dict[str, Any]) -> np.ndarray:
    """(n,) share of the networks without the row that give its label."""
    import torch

    from dvgs_core.evaluation.utility import UtilitySettings, network_for, recipe_for
    from dvgs_core.models.stack import Member, Rows, Stack, outputs

    n, rng = len(source), np.random.default_rng(0)
    X, y = torch.from_numpy(source.X), torch.from_numpy(source.y)
    wanted = UtilitySettings(**settings)
    network = network_for(wanted, "classification", X.shape[1], 2)
    members = [Member(rng.integers(0, n, n), number) for number in range(work["networks"])]
    right, count = np.zeros(n), np.zeros(n)
    with Stack(recipe_for(wanted, network, "classification"), Rows(X, y, torch.arange(n))) as stack:
        for which, said in stack.train(members, lambda p, _: outputs(network, p, X).argmax(dim=2)):
            for member, classes in zip(which, said.numpy(), strict=True):
                missed = np.bincount(members[member].positions, minlength=n) == 0
                right[missed] += classes[missed] == source.y[missed]
                count[missed] += 1
    return right / count


def _said(took: dict[str, float]) -> str:
    return f"{took['seconds']:7.1f} s, {took['cpu']:7.1f} s of processor, AUROC {took['auroc']:.3f}"


def _table(jobs: list[str], names: list[str], best: dict[tuple[str, str], dict[str, float]]) -> str:
    """Best seconds and processor seconds, and how many times opendataval's are ours."""
    lines = ["| | ours, s (processor) | opendataval, s (processor) | times (processor) | AUROC |"]
    lines.append("|---|---|---|---|---|")
    for job in jobs:
        found = [best[job, name] for name in names]
        cells = [f"{one['seconds']:.1f} ({one['cpu']:.1f})" for one in found]
        times = ""
        if len(found) == 2:
            wall, cpu = (found[1][key] / found[0][key] for key in ("seconds", "cpu"))
            times = f"{wall:.1f} ({cpu:.1f})"
        cells += [""] * (2 - len(cells))
        aurocs = ", ".join(f"{one['auroc']:.3f}" for one in found)
        lines.append(f"| {job} | {cells[0]} | {cells[1]} | {times} | {aurocs} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

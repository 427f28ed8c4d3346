"""One job of `benchmarks.methods` by opendataval 1.3, under a Python that has it; prints JSON.

    PYTHON methods_peer.py JOB DATA.npz THREADS

Nothing of this project is imported: opendataval wants other versions of the same packages. What it
imports for its data sets and language models alone is stood in for, so that `pip install --no-deps
opendataval==1.3.0` with torch, numpy<2, pandas<2, scikit-learn, torcheval, matplotlib, typer and
requests is enough.
"""

import json
import sys
import time
from unittest.mock import MagicMock

import numpy as np
import torch
from torch.nn import functional

_NOT_NEEDED = ("torchvision", "transformers", "pandera", "geomloss", "pykeops")
_PARTS = ("", ".transforms", ".transforms.functional", ".datasets", ".typing")


def main(job: str, data: str, threads: int) -> None:
    for name in _NOT_NEEDED:
        sys.modules |= {name + part: MagicMock() for part in _PARTS}
    from opendataval.dataval import DVRL, DataOob, LeaveOneOut
    from opendataval.model import ClassifierMLP

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with np.load(data) as arrays:
        X, target_X = (torch.from_numpy(arrays[name]) for name in ("X", "target_X"))
        y, target_y = (
            functional.one_hot(torch.from_numpy(arrays[name]), 2).float()
            for name in ("y", "target_y")
        )
        work = json.loads(str(arrays["work"]))[job]
        wrong = arrays["wrong"]
    random = np.random.RandomState(0)
    if job == "loo":
        method = LeaveOneOut(random_state=random)
    elif job == "dvrl":
        method = DVRL(
            rl_epochs=work["outer_steps"], rl_batch_size=len(X), lr=1e-3, random_state=random
        )
    else:
        method = DataOob(num_models=work["networks"], random_state=random)
    # its layers count the output; the loss on its softmax is our cross entropy
    model = ClassifierMLP(X.shape[1], 2, layers=work["layers"] + 1, hidden_dim=work["width"])

    def accuracy(said: torch.Tensor, predicted: torch.Tensor) -> float:
        return float((said.argmax(dim=1) == predicted.argmax(dim=1)).float().mean())

    method.input_model_metric(model, accuracy).input_data(X, y, target_X, target_y)
    wall, cpu = time.perf_counter(), time.process_time()
    method.train_data_values(
        epochs=work["epochs"], batch_size=work["batch"], lr=work["learning_rate"]
    )
    values = method.evaluate_data_values()
    took = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(took | {"auroc": _auroc(wrong, -np.asarray(values).ravel())}))


def _auroc(wrong: np.ndarray, score: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(wrong, score))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

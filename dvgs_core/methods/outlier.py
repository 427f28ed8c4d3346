"""Outlier scores: how far a row lies from where rows usually lie. Labels play no part.

Noise on every feature of a row carries it away from all others, which distance sees at once and a
label's learner hardly does: on the paper's feature noise (experiments 4 and 5) the rank correlation
with the noise is 0.99 here and 0.2 with gradient similarity.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.methods.base import Base, agreed, only_step
from dvgs_core.methods.registry import register
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import Settings

_BLOCK_NUMBERS = 4_000_000


class OutlierSettings(Settings):
    """What counts as far, and from which rows."""

    score: Literal["neighbour", "forest", "autoencoder", "length"] = Field(
        default="neighbour",
        title="Score",
        description="neighbour: distance to the k-th nearest row. forest: how soon random cuts "
        "isolate the row (isolation forest). autoencoder: error of the row's reconstruction by a "
        "network with a narrow middle. length: distance from the mean row.",
    )
    against: Literal["source and target", "target"] = Field(
        default="source and target",
        title="Compared with",
        description="Rows that say what is usual. The target alone is better where most of the "
        "source may be bad.",
    )
    k: int = Field(
        default=10,
        ge=1,
        le=1000,
        title="Neighbour",
        description="Which nearest row's distance is taken; that of the last where there are "
        "fewer. A group of up to k alike outliers still stands out.",
        json_schema_extra={"unit": "rows"},
    )
    trees: int = Field(
        default=300,
        ge=10,
        le=10_000,
        title="Trees",
        description="Of the isolation forest.",
        json_schema_extra={"unit": "trees"},
    )
    epochs: int = Field(
        default=200,
        ge=1,
        le=10_000,
        title="Epochs",
        description="Passes of the autoencoder over the rows it is compared with.",
        json_schema_extra={"unit": "passes"},
    )
    width: int = Field(
        default=100,
        ge=1,
        le=8192,
        title="Width",
        description="Features of the autoencoder's hidden layers.",
        json_schema_extra={"unit": "features"},
    )
    latent: int = Field(
        default=16,
        ge=1,
        le=8192,
        title="Latent width",
        description="Features of the autoencoder's narrow middle.",
        json_schema_extra={"unit": "features"},
    )


@register(
    "outlier",
    OutlierSettings,
    title="Outlier score",
    help="How usual a row's features are; finds noise on features, blind to labels.",
)
class Outlier(Base[OutlierSettings]):
    """Minus an outlier score of the encoded features: 0 or below, lowest = farthest out.

    neighbour     - Euclidean distance to the k-th nearest other row
    forest        - anomaly score of Liu, Ting and Zhou 2008, in [-1, 0]
    autoencoder   - mean squared error of the reconstruction
    length        - Euclidean distance from the mean row
    """

    declared = OutlierSettings

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """One step that holds everything."""
        agreed("outlier", source, target, classes)
        both = self.settings.against == "source and target"
        usual = np.concatenate([source.X, target.X]) if both else target.X
        match self.settings.score:
            case "neighbour":
                far = neighbour_distance(
                    source.X, usual, self.settings.k, itself=both, device=self.device
                )
            case "forest":
                far = self._isolation(source.X, usual)
            case "autoencoder":
                far = self._reconstruction(source, usual)
            case _:
                far = np.linalg.norm(source.X - usual.mean(axis=0), axis=1)
        yield only_step(-far)

    def _isolation(self, X: NDArray[np.float32], usual: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n,) in [0, 1], higher = sooner isolated."""
        from sklearn.ensemble import IsolationForest

        seed = int(np.random.default_rng(self.seed).integers(2**31))
        forest = IsolationForest(
            n_estimators=self.settings.trees, random_state=seed, n_jobs=-1
        ).fit(usual)
        return -forest.score_samples(X)

    def _reconstruction(self, source: Samples, usual: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n,) mean squared error of an autoencoder trained on the usual rows."""
        from dvgs_core.methods.confidence import trained_outputs
        from dvgs_core.methods.dvgs import DVGSSettings

        settings = DVGSSettings(
            restarts=1,
            epochs=self.settings.epochs,
            max_steps=None,
            network="autoencoder",
            layers=1,
            width=self.settings.width,
            latent=self.settings.latent,
            dropout=0.0,
            normalise=False,
            every=self.settings.epochs * len(usual),  # no checkpoint but the first is wanted
        )
        found = trained_outputs(
            settings, Samples(source.X), Samples(usual), seed=self.seed, device=self.device
        )
        *_, (_, output) = found
        return np.square(output[0] - source.X).mean(axis=1, dtype=np.float64)


def neighbour_distance(
    X: NDArray[np.float32],
    usual: NDArray[np.float32],
    k: int,
    *,
    itself: bool,
    device: str = "auto",
) -> NDArray[np.float64]:
    """Distance of every row to its k-th nearest usual row.

    Args:
        X: (n, features).
        usual: (m, features).
        k: which; that of the farthest where there are fewer.
        itself: the first n usual rows are those of X, and no row is its own neighbour.
        device: where distances are computed.

    Returns:
        (n,) float64 Euclidean distances; 0 for a row that has no other to be compared with.
    """
    import torch

    from dvgs_core.models.threads import operation_threads
    from dvgs_core.trajectory.device import resolve_device

    where = resolve_device(device)
    rows = torch.from_numpy(X).to(where, torch.float64)
    others = torch.from_numpy(usual).to(where, torch.float64)
    centre = others.mean(dim=0)
    rows, others = rows - centre, others - centre
    k = min(k, len(others) - itself)
    found = torch.zeros(len(rows), dtype=torch.float64, device=where)
    if k == 0:
        return found.cpu().numpy()
    lengths = others.square().sum(dim=1)
    block = max(1, _BLOCK_NUMBERS // len(others))
    for start in range(0, len(rows), block):
        those = rows[start : start + block]
        with operation_threads(those.numel() * len(others)):
            squared = torch.addmm(lengths[None], those, others.T, alpha=-2)
            if itself:
                position = torch.arange(len(those), device=where)
                squared[position, start + position] = torch.inf
            nearest = squared.topk(k, dim=1, largest=False).indices[:, -1]
        # from the difference itself: exactly 0 between equal rows
        found[start : start + block] = torch.linalg.vector_norm(those - others[nearest], dim=1)
    return found.cpu().numpy()

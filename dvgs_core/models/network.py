"""Multi-layer perceptrons and autoencoders as plain data, and their parameters.

A network is a list of linear layers; those that are `activated` are followed by dropout, the
activation and, if asked for, normalisation of each row over its features without learned scale.
Parameters of all members live in one (members, parameters) matrix, so that one Adam update, one
safetensors entry and one norm cover the whole stack; a layer is a view into it.

Source: Evans et al. 2024, section 3 and the published configurations (order Linear, Dropout,
activation, norm).
"""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

ACTIVATIONS = ("mish", "relu", "gelu", "silu", "tanh")
NORMALISATION_EPSILON = 1e-5


@dataclass(frozen=True)
class Network:
    """The shape of one member.

    Attributes:
        widths: (layers + 1) numbers: features in, hidden widths, features out.
        activated: (layers,) whether dropout, activation and normalisation follow that layer.
        activation: one of ACTIVATIONS.
        dropout: share of hidden features set to 0, in [0, 1).
        normalise: whether each row is brought to mean 0 and variance 1 after the activation.
    """

    widths: tuple[int, ...]
    activated: tuple[bool, ...]
    activation: str = "mish"
    dropout: float = 0.0
    normalise: bool = False

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"Unknown activation {self.activation!r}; known: {', '.join(ACTIVATIONS)}."
            )
        if len(self.activated) != len(self.widths) - 1 or not self.activated:
            raise ValueError("A network needs one `activated` flag a layer and at least one layer.")

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(rows, columns) of every layer's matrix, the bias as its last row."""
        return [(given + 1, gives) for given, gives in itertools.pairwise(self.widths)]

    @property
    def parameters(self) -> int:
        """How many numbers one member has."""
        return sum(rows * columns for rows, columns in self.shapes)

    def layers(self, parameters: Tensor) -> list[Tensor]:
        """Views of a (members, parameters) matrix: per layer (members, width_in + 1, width_out)."""
        views, start = [], 0
        for rows, columns in self.shapes:
            end = start + rows * columns
            views.append(parameters[:, start:end].unflatten(1, (rows, columns)))
            start = end
        return views

    def initial(self, members: int, seed: int, device: torch.device | str = "cpu") -> Tensor:
        """(members, parameters) float32, each layer uniform in ±1/√width_in, as torch.nn.Linear.

        Member m depends on `seed` and m only, so adding members does not change the others. Drawn
        with numpy on the CPU, so every device starts from the same numbers.
        """
        rows = []
        for sequence in np.random.SeedSequence(seed).spawn(members):
            rng = np.random.default_rng(sequence)
            parts = [
                rng.uniform(-1, 1, (rows_in * columns,)) / np.sqrt(rows_in - 1)
                for rows_in, columns in self.shapes
            ]
            rows.append(np.concatenate(parts).astype(np.float32))
        return torch.from_numpy(np.stack(rows)).to(device)


def mlp(
    inputs: int,
    outputs: int,
    *,
    layers: int = 2,
    width: int = 100,
    activation: str = "mish",
    dropout: float = 0.0,
    normalise: bool = False,
) -> Network:
    """A perceptron with `layers` hidden layers; 0 of them is logistic (or linear) regression."""
    return Network(
        widths=(inputs, *[width] * layers, outputs),
        activated=(*[True] * layers, False),
        activation=activation,
        dropout=dropout,
        normalise=normalise,
    )


def autoencoder(
    inputs: int,
    *,
    layers: int = 2,
    width: int = 250,
    latent: int = 32,
    activation: str = "mish",
    dropout: float = 0.0,
    normalise: bool = False,
) -> Network:
    """Two perceptrons back to back: inputs - hidden - latent - hidden - inputs."""
    hidden = [width] * layers
    half = (*[True] * layers, False)
    return Network(
        widths=(inputs, *hidden, latent, *hidden, inputs),
        activated=half + half,
        activation=activation,
        dropout=dropout,
        normalise=normalise,
    )

"""What can be chosen about a small network: fields that several methods' settings share.

A method declares those it has with `shared`, in the order in which its form shows them, with
another default or help where its own differ. Importing this module loads no torch.
"""

from typing import Literal

from pydantic import Field

from dvgs_core.settings import Settings


class NetworkSettings(Settings):
    """The shape of a network, and how it is trained."""

    restarts: int = Field(
        default=3,
        ge=1,
        le=100,
        title="Restarts",
        description="Networks trained from different initialisations; values are their mean.",
        json_schema_extra={"unit": "networks"},
    )
    epochs: int = Field(
        default=100,
        ge=1,
        le=10_000,
        title="Epochs",
        description="Passes over the rows that a network is trained on.",
        json_schema_extra={"unit": "passes"},
    )
    max_steps: int | None = Field(
        default=1000,
        ge=1,
        title="Most steps",
        description="Training ends after so many optimiser steps even if epochs are left. "
        "Empty: no limit.",
        json_schema_extra={"unit": "steps"},
    )
    learning_rate: float = Field(
        default=1e-3,
        gt=0,
        le=1,
        title="Learning rate",
        description="Step size of Adam.",
    )
    layers: int = Field(
        default=2,
        ge=0,
        le=8,
        title="Hidden layers",
        description="Hidden layers of a perceptron, or of each half of an autoencoder.",
        json_schema_extra={"unit": "layers"},
    )
    width: int = Field(
        default=100,
        ge=1,
        le=8192,
        title="Width",
        description="Features of each hidden layer.",
        json_schema_extra={"unit": "features"},
    )
    latent: int = Field(
        default=32,
        ge=1,
        le=8192,
        title="Latent width",
        description="Features between the two halves of an autoencoder.",
        json_schema_extra={"unit": "features"},
    )
    activation: Literal["mish", "relu", "gelu", "silu", "tanh"] = Field(
        default="mish",
        title="Activation",
        description="What follows each hidden layer.",
    )
    dropout: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        title="Dropout",
        description="Share of hidden features set to 0, drawn anew for each row and step.",
    )
    normalise: bool = Field(
        default=True,
        title="Normalise rows",
        description="Bring each row's hidden features to mean 0 and variance 1.",
    )
    balanced: bool = Field(
        default=True,
        title="Balance classes",
        description="Each class carries the same weight in training. Classification only.",
    )

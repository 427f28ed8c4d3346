"""The convolutional autoencoder for small pictures.

Three 4×4 convolutions of stride 2 (32, 32 and the latent channels), Mish between them, and three
transposed ones back; each halves or doubles the sides of the picture.

Source: Evans et al. 2024, section 3 (CIFAR-10, 3×32×32, 10 latent channels).
"""

from math import isqrt

from torch import nn

from dvgs_core.errors import InputError

_HALVINGS = 3


def autoencoder(features: int, *, width: int = 32, latent: int = 10) -> nn.Module:
    """An autoencoder of square pictures that come and go as flat rows.

    Args:
        features: numbers a picture has, channel by channel, row by row: 3 × 32 × 32 in the paper.
        width: channels of the hidden layers.
        latent: channels between the two halves.

    Returns:
        A module that takes (rows, features) float32 and gives the same shape.

    Raises:
        InputError: the features are no square picture, in colour or grey, with sides that can be
            halved three times.
    """
    channels, side = picture_shape(features)
    return nn.Sequential(
        nn.Unflatten(1, (channels, side, side)),
        nn.Conv2d(channels, width, 4, stride=2, padding=1),
        nn.Mish(),
        nn.Conv2d(width, width, 4, stride=2, padding=1),
        nn.Mish(),
        nn.Conv2d(width, latent, 4, stride=2, padding=1),
        nn.ConvTranspose2d(latent, width, 4, stride=2, padding=1),
        nn.Mish(),
        nn.ConvTranspose2d(width, width, 4, stride=2, padding=1),
        nn.Mish(),
        nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
        nn.Flatten(),
    )


def picture_shape(features: int) -> tuple[int, int]:
    """(channels, side) of a square picture of so many numbers; colour before grey.

    Raises:
        InputError: there is none whose sides can be halved three times.
    """
    for channels in (3, 1):
        side = isqrt(features // channels)
        if features == channels * side * side and side > 0 and side % 2**_HALVINGS == 0:
            return channels, side
    raise InputError(
        "A convolutional network takes square pictures, 3 or 1 channels, sides a multiple of "
        f"{2**_HALVINGS}, one after another in a row (3 × 32 × 32 = 3,072 features, say); these "
        f"rows have {features:,} features. Choose network=auto."
    )

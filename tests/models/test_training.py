"""Training: batches, Adam, initialisation."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.models.network import mlp
from dvgs_core.models.training import Adam, batches


@settings(deadline=None)
@given(
    rows=st.integers(1, 30),
    batch=st.integers(1, 40),
    members=st.integers(1, 3),
    epochs=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_every_epoch_shows_each_row_once_to_each_member(rows, batch, members, epochs, seed):
    steps = list(batches(rows, batch, members, epochs, seed))
    an_epoch = -(-rows // batch)
    assert len(steps) == epochs * an_epoch
    for epoch in range(epochs):
        seen = np.concatenate(steps[epoch * an_epoch : (epoch + 1) * an_epoch], axis=1)
        assert (np.sort(seen, axis=1) == np.arange(rows)).all()


def test_adam_takes_the_steps_torch_takes():
    g = torch.Generator().manual_seed(0)
    ours = torch.randn(2, 5, generator=g)
    theirs = ours.clone().requires_grad_()
    adam, reference = Adam(ours, 0.01), torch.optim.Adam([theirs], lr=0.01)
    for _ in range(20):
        gradient = torch.randn(2, 5, generator=g)
        adam.update(ours, gradient)
        theirs.grad = gradient
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)


def test_members_start_apart_and_do_not_depend_on_how_many_there_are():
    network = mlp(4, 3, layers=1, width=6)
    three = network.initial(3, seed=5)
    assert torch.equal(three[:1], network.initial(1, seed=5))
    assert not torch.equal(three[0], three[1])
    first_layer = network.layers(three)[0]
    assert first_layer.shape == (3, 5, 6)
    assert float(first_layer.abs().max()) <= 1 / np.sqrt(4)

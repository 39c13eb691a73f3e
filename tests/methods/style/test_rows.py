"""Many pictures in one run: each is what it would be alone."""

import pytest
import torch

from cnnviz_widgets import (
    last,
    objectives,
    optimize,
    parametrizations,
    reconstructions,
    texture,
    transfer,
    transfer_grid,
)
from cnnviz_widgets.errors import UserError

LAYERS = ["1", "4"]
ADAM = {"optimizer": "adam", "learning_rate": 0.02, "steps": 6}


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-8)


def test_reconstructions(network, photo, painting):
    noise = torch.rand(4, 3, 16, 20, dtype=torch.float64)
    found = last(reconstructions(network, photo, painting, LAYERS, size=16, start=noise, **ADAM), progress=False).values
    assert found.shape == noise.shape
    for row, layer in enumerate(LAYERS):
        features = network.forward(network.normalize(photo[None]), layer)[1][layer][0]
        start = parametrizations.pixels((16, 20))
        run = optimize(network, objectives.target_features(layer, features), start, start=noise[row], **ADAM)
        close(found[row], last(run, progress=False).values)
        style = {"beta": 1.0, "alpha": 0.0, "layers": LAYERS[: row + 1], "size": 16, "start": noise[2 + row]}
        close(found[2 + row], last(transfer(network, photo, painting, **style, **ADAM), progress=False).values)


def test_a_grid(network, photo, painting):
    betas = [0, 5, 50]
    state = last(transfer_grid(network, photo, painting, betas, LAYERS, size=16, **ADAM), progress=False)
    assert state.values.shape == (6, 3, 16, 20)
    for number, picture in enumerate(state.values):
        row, column = divmod(number, 3)
        alone = transfer(network, photo, painting, 1.0, betas[column], layers=LAYERS[: row + 1], size=16, **ADAM)
        close(picture, last(alone, progress=False).values)


def test_a_grid_goes_on(network, photo, painting):
    states = [*transfer_grid(network, photo, painting, [1, 10], LAYERS, size=16, **ADAM)]
    rest = [*transfer_grid(network, photo, painting, [1, 10], LAYERS, size=16, start=states[2], **ADAM)]
    assert torch.equal(rest[-1].values, states[-1].values)
    with pytest.raises(UserError, match="start must be a state of pictures of 20×16 pixels"):
        transfer_grid(network, photo, painting, [1, 10, 100], LAYERS, size=16, start=states[2], **ADAM)
    with pytest.raises(UserError, match="betas must be at least one number"):
        transfer_grid(network, photo, painting, [])


def test_a_texture_is_a_transfer_without_content(network, photo, painting):
    noise = torch.rand(3, 16, 16, dtype=torch.float64)
    one = texture(network, painting, LAYERS, size=16, pooling="max", start=noise, **ADAM)
    other = transfer(network, noise, painting, 0.0, 1.0, layers=LAYERS, size=16, **ADAM)
    close(last(one, progress=False).values, last(other, progress=False).values)

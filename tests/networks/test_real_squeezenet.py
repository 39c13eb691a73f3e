"""SqueezeNet with its ImageNet weights on real pictures: the figures that torchvision's own transforms give."""

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torchvision.models import SqueezeNet1_0_Weights

ORIGINAL = SqueezeNet1_0_Weights.DEFAULT.transforms()


def as_tensor(picture) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255


def test_100_pictures(real_squeezenet, real_pictures):
    numbers = {name.lower().replace(" ", "_"): index for index, name in enumerate(real_squeezenet.classes)}
    first = five = own_first = own_five = 0
    some = dict(list(real_pictures.items())[::2])
    for stem, path in some.items():
        right = numbers[stem.partition("_")[2].lower()]
        with Image.open(path) as file:
            picture = file.convert("RGB")
        scores, _ = real_squeezenet.forward(ORIGINAL(picture)[None])
        best = scores[0].topk(5).indices.tolist()
        first, five = first + (best[0] == right), five + (right in best)
        own = [one.index for one in real_squeezenet.predict(as_tensor(picture))]
        own_first, own_five = own_first + (own[0] == right), own_five + (right in own)
    assert (len(some), first, five) == (100, 67, 88)
    # Scaled as a float tensor, not as a uint8 PIL picture that is rounded on the way: a few borderline cases differ.
    assert own_first == pytest.approx(67, abs=1)
    assert own_five == pytest.approx(88, abs=1)


@pytest.mark.parametrize(
    ("sample", "name", "probability"), [("chelsea", "Egyptian cat", 0.71), ("coffee", "espresso", 0.81)]
)
def test_samples(real_squeezenet, sample, name, probability):
    picture = getattr(skimage.data, sample)()
    scores, _ = real_squeezenet.forward(ORIGINAL(Image.fromarray(picture))[None])
    best = scores[0].softmax(0)
    assert real_squeezenet.classes[best.argmax().item()] == name
    assert best.max().item() == pytest.approx(probability, abs=0.005)
    own = real_squeezenet.predict(as_tensor(picture))[0]
    assert own.name == name
    assert own.probability == pytest.approx(probability, abs=0.015)

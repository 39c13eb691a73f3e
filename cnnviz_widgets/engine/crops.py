"""Squares, drawn at random from many pictures: what a training sees."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.functional import center_crop

from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.engine.training import share
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.pictures.dataset import load_dataset
from cnnviz_widgets.pictures.load import Unreadable

KEPT = 2048  # pictures that are held in memory
ROOM = 1.25  # shorter side of a picture, in sides of a square


class Crops:
    """Squares of pictures, (3, size, size).

    images  whatever ``load_dataset`` takes
    size    px of a side; pictures are scaled so that their shorter side is 1.25 times as long
    """

    def __init__(self, images: Any, size: int) -> None:
        with naming("images"):
            self._dataset = load_dataset(images)
        self._size = size
        self._read = lru_cache(KEPT)(self._read_anew)

    def __len__(self) -> int:
        return len(self._dataset)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, 3, size, size), values 0…1, mirrored or not; of several processes each gets its share."""
        numbers = torch.randint(len(self), (count,), generator=generator)
        places = torch.rand(count, 3, generator=generator)
        return torch.stack([self._crop(*one) for one in zip(share(numbers).tolist(), share(places), strict=True)])

    def middles(self, count: int, size: int) -> Tensor:
        """(count, 3, size, size): the middles of the first pictures, or of fewer, if there are not so many."""
        numbers = range(min(count, len(self)))
        pictures = (self._read(number).float()[None] / 255 for number in numbers)
        return torch.cat([resize(center_crop(one, min(one.shape[-2:])), (size, size)).clamp(0, 1) for one in pictures])

    def _crop(self, number: int, place: Tensor) -> Tensor:
        picture = self._read(number)
        down, across, mirror = place.tolist()
        top, left = (
            int(at * (side - self._size + 1)) for at, side in zip((down, across), picture.shape[1:], strict=True)
        )
        square = picture[:, top : top + self._size, left : left + self._size].float() / 255
        return square.flip(-1) if mirror < 0.5 else square

    def _read_anew(self, number: int) -> Tensor:
        """As uint8, so that many fit into memory; where a file is damaged, the next picture that can be read."""
        for attempt in range(len(self)):
            try:
                with naming("images"):
                    picture, _ = self._dataset[(number + attempt) % len(self)]
            except Unreadable:
                continue
            shorter, wanted = min(picture.shape[-2:]), round(ROOM * self._size)
            sides = tuple(max(wanted, round(side * wanted / shorter)) for side in picture.shape[-2:])
            return resize(picture[None], sides)[0].clamp(0, 1).mul(255).round().to(torch.uint8)
        raise UserError("images must hold at least one picture that can be read.")

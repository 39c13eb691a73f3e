"""X7: how often a patch works, beside one of noise."""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, Seed, gate
from cnnviz_widgets.methods.adversarial._sticking import Places, Shape, cover, stuck
from cnnviz_widgets.methods.adversarial.patch import Degrees, prepared
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture, check_values

__all__ = ["PatchSuccess", "patch_success"]

Draws = Annotated[int, Range(1, 100)]
COLUMNS = 5  # in as many as would make a square, a part of the width stays empty


@dataclass(frozen=True, eq=False, repr=False)
class PatchSuccess(Result):
    """How often pictures with a patch are taken for its class, of those that are not without it.

    values    (N, C, H, W), 0…1, on the 8-bit grid: each picture with the patch, at its first place
    patched   of all pictures and places
    control   the same for a patch of noise
    names     what the network takes each of ``values`` for
    of        the class
    """

    values: Tensor
    patched: Counted
    control: Counted
    names: tuple[str, ...]
    of: str
    convention: str = "pictures, values 0…1"

    def content(self) -> Content:
        return Content(
            rgb(self.values),
            names=self.names,
            columns=min(COLUMNS, len(self.names)),
            caption=f"{self.of}: {self.patched}; patch of noise: {self.control}",
        )


@gate
def patch_success(
    network: Network,
    images: Annotated[Any, OWN],
    patch: AnyPicture,
    target: int | str,
    *,
    shape: Shape = "circle",
    degrees: Degrees = 20.0,
    sizes: Annotated[float, Range(0, 0.9)] = 0.2,
    draws: Draws = 2,
    seed: Seed = 1,
) -> PatchSuccess:
    """How often a patch makes a network see its class, beside a patch of noise, which should not.

    images  photographs that the patch was not trained on: whatever ``load_dataset`` takes
    patch   (C, side, side), values 0…1, in the network's size; it is counted after rounding to 8 bits, as is the whole
    draws   places, angles and sizes for each picture; see ``patch`` for ``degrees`` and ``sizes``

    Pictures that are taken for the class without a patch are left out. UserError if none is left.
    """
    if patch.ndim != 3 or patch.shape[1] != patch.shape[2] or patch.shape[0] != network.channels:
        raise UserError(
            f"patch must be ({network.channels}, side, side), as a state of patch(…) has, not {tuple(patch.shape)}."
        )
    check_values("patch", patch)
    index, places = network.class_index(target), Places(degrees, sizes)
    photos = torch.stack(prepared(network, images))
    side = patch.shape[-1]
    if side > min(photos.shape[-2:]):
        raise UserError(f"patch must be smaller than the network's pictures, {photos.shape[-1]} px, not {side} px.")
    photos = photos[network.top(network.logits(photos)).cpu() != index]
    if not len(photos):
        raise UserError(f"images are all taken for {network.classes[index]!r} without a patch.")
    drawn = torch.Generator().manual_seed(seed)
    noise = torch.rand(patch.shape, generator=drawn)
    covered, hits = cover(side, shape), {"patch": 0, "noise": 0}
    shown, names = list[Tensor](), tuple[str, ...]()
    for _ in range(draws):
        at = [places.draw(photo, side, drawn) for photo in photos]
        for kind, one in (("patch", patch.to(photos)), ("noise", noise.to(photos))):
            pasted = [stuck(photo, one, covered, *place) for photo, place in zip(photos, at, strict=True)]
            batch = in_8_bits(torch.stack(pasted))
            top = network.top(network.logits(batch)).cpu()
            hits[kind] += int((top == index).sum())
            if kind == "patch" and not shown:
                shown.append(batch.cpu())
                names = tuple(network.classes[number] for number in top.tolist())
    total = draws * len(photos)
    of = network.classes[index]
    return PatchSuccess(shown[0], Counted(hits["patch"], total), Counted(hits["noise"], total), names, of)

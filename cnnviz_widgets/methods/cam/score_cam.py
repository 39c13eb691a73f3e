"""C2: Score-CAM, without gradients: a channel's weight is the score of the picture masked by its map."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.drawing.results import Heatmap
from cnnviz_widgets.engine.backward import in_pieces
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.repeated import look, settled
from cnnviz_widgets.engine.targets import Target, goal
from cnnviz_widgets.gate import gate
from cnnviz_widgets.methods.cam.grad_cam import AnyLayer, heatmap, wide, with_places
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["score_cam"]
example = dict(channels=3)


@gate
def score_cam(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    layer: AnyLayer = None,
    *,
    relu: bool = True,
    upsample: bool = True,
    channels: int | None = None,
) -> Heatmap:
    """Score-CAM: ``ReLU(Σ_k α_k A_k)``, ``α = softmax_k s(M_k·x)`` (Wang et al., 2020). The rest as in ``grad_cam``.

    The masks ``M_k`` are the layer's maps, bilinearly as large as the picture and then stretched to 0…1; ``x`` is the
    normalized picture, so what is masked gets the mean color. (The paper takes the score of an empty picture off each;
    its softmax does not notice.) A map that is the same everywhere is an empty mask.

    channels  only so many, those with the greatest values; None = all. One forward pass for each.
    Values are in the units of the layer: weighted means of its maps.

        score_cam(load_network("mini"), load_image("chelsea"), "tabby", channels=32).values
    """
    pictures = network.prepare(image)
    aim = goal(network, target, len(pictures))
    name = with_places(network, layer, aim)
    there = network.layer(name).channels
    count = there if channels is None else whole_number("channels", channels, 1, there, f"in layer {name!r}")
    first = look(network, pictures, aim)
    raw = []
    for picture, maps, start in zip(pictures, network.activations(pictures, name)[name], first.start, strict=True):
        strongest = wide(maps[maps.amax((1, 2)).topk(count).indices])
        weights = _scores(network, picture, strongest, target, start).softmax(0).to(strongest)
        raw.append((weights[:, None, None] * strongest).sum(0).cpu())
    return heatmap(
        network, image, pictures, torch.stack(raw), aim, first.start, name, f"{aim.unit} Score-CAM", relu, upsample
    )


def _scores(network: Network, picture: Tensor, maps: Tensor, target: Target, start: object) -> Tensor:
    """The score of a picture (C, H, W) masked with each of the maps (k, h, w): (k,)."""
    x = network.normalize(picture[None])
    varied = maps.amax((1, 2)) > maps.amin((1, 2))
    masks = torch.cat([maps[varied], torch.zeros_like(maps[:1])])  # the empty one once for all that do not vary
    aim = settled(network, target, start, len(masks))
    layers = [] if aim.layer is None else [aim.layer]

    def work(piece: range) -> Tensor:
        large = F.interpolate(masks[piece.start : piece.stop, None], x.shape[-2:], mode="bilinear", align_corners=False)
        low, high = large.amin((2, 3), keepdim=True), large.amax((2, 3), keepdim=True)
        mask = (large - low) / (high - low).clamp(min=torch.finfo(large.dtype).tiny)
        output, values = network.forward(x * mask.to(x.dtype), layers, to_output=not layers)
        return aim.scores(output, values, piece)[0]

    found = torch.cat([*in_pieces(network, work, len(masks), x.shape[-2:])])
    scores = found[-1].repeat(len(maps))
    scores[varied] = found[:-1]
    return scores

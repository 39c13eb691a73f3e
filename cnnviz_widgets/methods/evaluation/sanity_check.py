"""S1: model parameter randomization test: a map that shows what was learned changes when the weights are random."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import nan
from typing import Annotated, Any, Literal, NamedTuple, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.drawing.figure import Shown
from cnnviz_widgets.drawing.results import Heatmap, robust_maximum
from cnnviz_widgets.engine.checks import somebodys
from cnnviz_widgets.engine.planes import plane, varied
from cnnviz_widgets.engine.scratch import scratch_copy
from cnnviz_widgets.engine.targets import Neuron
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Seed, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.networks.network import Layers
from cnnviz_widgets.pictures.given import AnyPicture, check_values
from cnnviz_widgets.remarks import remark

__all__ = ["SanityState", "edge_map", "sanity_check", "similarity"]
example = dict(layers=["conv3", "conv6"])

Mode = Literal["cascading", "independent", "labels"]
MODES = get_args(Mode)
SMALLEST = 8  # px: SSIM looks at windows of 7
STAGES = 20

Method = Annotated[Callable[[Network, Tensor, Any], Any], "a function such as cnnviz.saliency"]


class Similarity(NamedTuple):
    """How alike two maps are, 1 = alike in every respect; NaN where one of them is constant, and has no ranks or edges.

    spearman         rank correlation of the absolute values
    spearman_signed  rank correlation of the values with their signs; the same for maps that have none
    ssim             structural similarity of the absolute values, as they look: from 0 to the greatest but for outliers
    hog              Pearson correlation of their histograms of oriented gradients
    """

    spearman: float
    spearman_signed: float
    ssim: float
    hog: float


@dataclass(frozen=True, eq=False, repr=False)
class SanityState(Shown):
    """The map of a network that has forgotten some layers.

    step, total  layers randomized so far, and in the end; step 0 is the trained network
    layers       names of the layers that are random now; () for the trained network, and for random labels
    result       what the method returned
    similarity   of its map to that of the trained network
    edges        of its map to the edges of the picture, which no network has seen
    """

    step: int
    total: int
    layers: tuple[str, ...]
    result: Any
    similarity: Similarity
    edges: Similarity

    @property
    def values(self) -> Tensor:
        return self.result.values

    def __repr__(self) -> str:
        found = ", ".join(f"{name} {value:.2f}" for name, value in self.similarity._asdict().items())
        return f"SanityState({self.step} of {self.total}, {', '.join(self.layers) or 'none'} random: {found})"

    def _repr_png_(self) -> bytes:
        return self.result._repr_png_()


@gate
def sanity_check(
    method: Method,
    network: Network,
    image: AnyPicture,
    target: Any = None,
    *,
    mode: Mode = "cascading",
    layers: Layers | None = None,
    random_network: Network | None = None,
    seed: Seed = 0,
) -> Iterator[SanityState]:
    """What is left of a map when the network forgets what it has learned (Adebayo et al., Sanity checks, 2018).

    A map that stays as it was does not show what was learned: it may be no more than the edges of the picture.

    method          ``method(network, image, target)`` → a result with ``values`` (H, W) or (C, H, W), such as
                    ``saliency``; values smaller than the picture are scaled up to it before they are compared
    image           (3, H, W), values 0…1, at least 8 px a side
    target          as the method takes it; None = the top class of the trained network. It stays the same in all states
    mode            "cascading": one layer after the other, from the top down, each with all those before it
                    "independent": one layer at a time, the others as they were trained
                    "labels": the map of ``random_network``, trained on random labels (see ``random_labels``)
    layers          to randomize, in this order, each with all that is inside it; None = all that have parameters, the
                    last one in the forward pass first, and at the end what is in no layer
    random_network  for the mode "labels", and only for it
    seed            of the new parameters

    Convolutions and linear layers begin again as He et al. (2015) let them, and as most image networks do: a normal
    distribution that keeps the size of the signal, no bias. (With torch's own beginning it fades away within some
    layers, and there is no map left to compare.) Others are randomized by their ``reset_parameters`` (BatchNorm then is
    as new, its running statistics too), or drawn from a normal distribution of the same mean and standard deviation.
    All of it happens in a copy.

    Yields SanityState, the trained network first, with a similarity of 1.
    Raises UserError at once for a method that is no function, an unknown mode, layer or class, a small picture, or a
    network without parameters; and at the first state if the map of the trained network is constant.

        for state in sanity_check(saliency, load_network("mini"), load_image("chelsea")):
            print(state.layers[-1:], state.similarity.spearman)
    """
    every = sanity_checks({"method": method}, network, image, target, mode, layers, random_network, seed)
    return (states["method"] for states in every)


def sanity_checks(
    methods: Mapping[str, Method],
    network: Network,
    image: AnyPicture,
    target: Any = None,
    mode: Mode = "cascading",
    layers: Layers | None = None,
    random_network: Network | None = None,
    seed: int = 0,
) -> Iterator[dict[str, SanityState]]:
    """Several methods, by their names, with one copy of the network for all.

    As ``sanity_check``; but where one raises a UserError for the trained network, or its map is constant, it is left
    out, with a remark, as long as there is another.
    """
    if (mode == "labels") != (random_network is not None):
        raise UserError(f"random_network must be given for mode='labels' and for no other, such as this {mode!r}.")
    picture = one_picture(network, image)
    height, width = picture.shape[-2:]
    if min(height, width) < SMALLEST:
        raise UserError(f"image must be at least {SMALLEST} px a side as the network sees it, not {height}×{width}.")
    groups = {} if mode == "labels" else _groups(network, layers)
    if target is None:
        target = int(network.top(network.logits(picture)))
    elif not (callable(target) or isinstance(target, Neuron)):
        target = network.class_index(target)

    def networks() -> Iterator[tuple[tuple[str, ...], Network]]:
        """The names of the layers that are random, and the network in which they are."""
        yield (), network
        if random_network is not None:
            yield (), random_network
        copy = None
        for number, (name, parts) in enumerate(groups.items()):
            if copy is None or mode == "independent":
                with network.lock:
                    copy = network.with_module(scratch_copy(network.module, shared=False))
            randomize([copy.module.get_submodule(part) for part in parts], seed + number)
            yield (name,) if mode == "independent" else tuple(groups)[: number + 1], copy

    def states() -> Iterator[dict[str, SanityState]]:
        edges, trained, size = edge_map(picture), _trained(methods, network, image, target), (height, width)
        for step, (names, one) in enumerate(networks()):
            found = {}
            for name, before in trained.items():
                with somebodys("method"):
                    result = methods[name](one, image, target) if step else before
                alike = similarity(result, before, size), similarity(result, edges, size)
                found[name] = SanityState(step, len(groups) or 1, names, result, *alike)
            yield found

    return states()


def _trained(methods: Mapping[str, Method], network: Network, image: AnyPicture, target: Any) -> dict[str, Any]:
    """The maps of the trained network, by the names of the methods that have one."""
    found: dict[str, Any] = {}
    errors: dict[str, UserError] = {}
    for name, method in methods.items():
        try:
            with somebodys("method"):
                result = method(network, image, target)
                varied(plane(result))
            found[name] = result
        except UserError as error:
            errors[name] = error
    if not found:
        raise next(iter(errors.values()))
    for name, refused in errors.items():
        remark(f"{name}: {refused}")
    return found


def stages(network: Network, most: int = STAGES) -> list[str]:
    """Layers to randomize one by one, the last first: those with parameters, or blocks of them where they are too many.

    most  that there shall be, at whatever depth the network's blocks are cut
    """
    layers = [layer.name.partition("#")[0] for layer in network.layers if layer.parameters and not layer.block]
    cuts = [
        list(dict.fromkeys(".".join(name.split(".")[:depth]) for name in reversed(layers)))
        for depth in range(1, 1 + max((name.count(".") + 1 for name in layers), default=0))
    ]
    return max((cut for cut in cuts if len(cut) <= most), key=len, default=(cuts or [[]])[0][:most])


@gate
def similarity(one: Any, other: Any, size: tuple[int, int] | None = None) -> Similarity:
    """How alike two maps are: results or tensors, (H, W) or (C, H, W), both scaled to ``size`` if that is given.

    Of colors the sum is compared, or the sum of absolute values (see Similarity). The measures, and their settings,
    are those of Adebayo et al. (2018): HOG in cells of 16 px, which are smaller in pictures below 128 px.
    UserError for maps of different sizes, or below 8 px a side, and for values that are not finite.
    """
    from scipy.stats import pearsonr, spearmanr
    from skimage.feature import hog
    from skimage.metrics import structural_similarity

    both = {"one": one, "other": other}
    signed = [_scaled(plane(each, name=name), size) for name, each in both.items()]
    sizes = [_scaled(plane(each, absolute=True), size) for each in both.values()]
    if signed[0].shape != signed[1].shape:
        shapes = " and ".join("×".join(map(str, each.shape)) for each in signed)
        raise UserError(f"one and other must be equally large, not {shapes}.")
    if min(signed[0].shape) < SMALLEST:
        raise UserError(
            f"one and other must be at least {SMALLEST} px a side, not {'×'.join(map(str, signed[0].shape))}."
        )
    looks = [(each / robust_maximum(each)).clamp(max=1).numpy() for each in sizes]
    cell = min(16, min(signed[0].shape) // SMALLEST)

    def correlation(measure: Callable, pair: Iterable[Any]) -> float:
        one, other = (np.ravel(each) for each in pair)
        constant = np.ptp(one) == 0 or np.ptp(other) == 0
        return nan if constant else float(measure(one, other).statistic)

    return Similarity(
        spearman=correlation(spearmanr, sizes),
        spearman_signed=correlation(spearmanr, signed),
        ssim=float(structural_similarity(*looks, data_range=1)),
        hog=correlation(pearsonr, (hog(each, pixels_per_cell=(cell, cell)) for each in looks)),
    )


@gate
def edge_map(image: AnyPicture) -> Heatmap:
    """The edges of the picture, by Sobel's filter: a map that looks like an explanation and knows no network.

    image  (C, H, W), values 0…1; give ``network.prepare(image)[0]`` to compare it with a network's maps
    Returns a Heatmap, values (H, W) ≥ 0.
    """
    from skimage.filters import sobel

    if not isinstance(image, Tensor) or image.ndim != 3:
        came = f"shape {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise UserError(f"image must be one picture (C, H, W), not {came}.")
    check_values("image", image)
    picture = image.detach().cpu()
    values = torch.from_numpy(sobel(picture.double().mean(0).numpy()))
    return Heatmap(values, picture, "size of the gray picture's gradient, by Sobel's filter", "edges")


def _scaled(values: Tensor, size: tuple[int, int] | None) -> Tensor:
    if size is None or values.shape == size:
        return values
    return F.interpolate(values[None, None], size, mode="bilinear")[0, 0]


def _groups(network: Network, layers: Layers | None) -> dict[str, list[str]]:
    """Layer → names of the modules whose parameters are randomized with it, in the order in which that happens."""
    modules = dict(network.module.named_modules())
    own = [name for name, module in modules.items() if any(True for _ in module.parameters(recurse=False))]
    if layers is None:
        # Parts that are no layers, as in attention, go with the layer that they are in, or last, with the network.
        last_first = [*(layer.name.partition("#")[0] for layer in reversed(network.layers)), ""]
        groups: dict[str, list[str]] = {name: [] for name in last_first}
        for part in own:
            owner = part
            while owner not in groups:
                owner = owner.rpartition(".")[0]
            groups[owner].append(part)
        groups = {name or network.name: parts for name, parts in groups.items() if parts}
    else:
        several = [layers] if isinstance(layers, str | Layer | nn.Module) else layers
        # A block is meant as a whole: network.layer would take its name for that of the last layer in it.
        known = {name: name for name in modules} | {module: name for name, module in modules.items()}
        names = [known.get(one) or network.layer(one).name.partition("#")[0] for one in several]
        groups = {name: [part for part in own if f"{part}.".startswith(f"{name}.")] for name in names}
    empty = next((name for name, parts in groups.items() if not parts), None)
    if not groups or empty is not None:
        raise UserError(f"layers must have parameters to randomize, and {empty or network.name} has none.")
    return groups


@torch.no_grad()
def randomize(modules: Iterable[nn.Module], seed: int) -> None:
    """New parameters for these modules, not for those inside them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for module in modules:
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif callable(reset := getattr(module, "reset_parameters", None)):
                reset()
            else:
                for parameter in module.parameters(recurse=False):
                    parameter.normal_(float(parameter.mean()), float(parameter.std(correction=0)))

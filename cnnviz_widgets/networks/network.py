"""``Network``: the one view of any image classifier. Through it, and only through it, methods see a network."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from difflib import get_close_matches
from functools import cached_property, partial
from itertools import chain
from math import prod
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as transforms

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, came, gate
from cnnviz_widgets.networks.failures import check_ready, explained, kind_of, no_way_back, unseen
from cnnviz_widgets.networks.held import EveryPartRuns, held
from cnnviz_widgets.networks.layers import Layer, hooked, probe
from cnnviz_widgets.networks.outputs import doubt, scores_in
from cnnviz_widgets.networks.scores import SCORES, Endings, Reading, read
from cnnviz_widgets.networks.sizes import Size, nearest
from cnnviz_widgets.networks.steady import Chances, unsteadiness
from cnnviz_widgets.pictures.class_names import class_names
from cnnviz_widgets.pictures.labels import Labels
from cnnviz_widgets.pictures.load import MOST_PIXELS
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.renamed import Old
from cnnviz_widgets.runtime import batching
from cnnviz_widgets.runtime.device import callers_modes_off, computing, exact_if_asked
from cnnviz_widgets.runtime.interrupts import guarded

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as PIL's "L"
_TRIED = 16  # layers at once, when it is tried which of them reach the scores: they take memory
_PROBED = 224  # px: the size for which layers are described if the network takes pictures of any size
OUTPUT = "output"  # the name of the only layer of a module whose inner ones cannot be seen
_UNSEEN_CHANNELS = 64  # as large as those of VGG, layers that cannot be seen are taken to be


class Prediction(NamedTuple):
    index: int
    name: str
    probability: float


class Network:
    """An image classifier, what a picture needs on its way in, and what an answer needs on its way out.

    module         any ``nn.Module`` from (B, C, H, W) to (B, classes); it stays as it is, wherever it is
    input_size     pixels: one number, (height, width), or None = pictures are taken as large as they come
    mean, std      of the pictures it was trained on, in 0…1: one number or one per channel. By default ImageNet's for
                   three channels, else 0.5; the number of channels is the first convolution's, if not said here
    classes        names, in the order of the outputs; "class 0", "class 1", … by default. One output has two classes:
                   names of (negative, positive), or of the positive one, "cat", which makes ("not cat", "cat").
                   Also {number: name}, a ``class_to_idx`` {name: number}, or a dataset that has ``classes``
    scores         what the module returns. "logits", "log-probabilities" and "probabilities" say what the numbers are.
                   "binary" (one output for two classes) and "multilabel" (each output by itself) say that a sigmoid
                   belongs to them, not a softmax; whether the module ends in it or gives the logits before it is found
                   out. "auto" finds all of this, from the operation that the module ends in and from what it gives for
                   one or two pictures; but multilabel logits look like any others: say "multilabel" for those.
                   ``convention`` says what was found; a warning says where it is not certain
    output         picks the (B, classes) tensor from what the module returns. By default it is that itself, or its
                   field called "logits", "scores", "output" or "out", or the only such tensor among its fields, or
                   the first of a tuple
    resize         pixels of the shorter side before the center is cropped; by default just what ``input_size`` needs
    interpolation  "bilinear", "bicubic" or "nearest"
    source         the Python expression that makes this network, for code that is shown
    """

    @gate
    def __init__(
        self,
        module: Annotated[nn.Module, OWN],
        *,
        input_size: Annotated[int | tuple[int, int] | None, OWN] = 224,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        classes: Any = None,
        scores: Annotated[str, OWN] = "auto",
        name: str | None = None,
        output: Annotated[Callable[[Any], Tensor] | None, OWN] = None,
        resize: Positive | None = None,
        interpolation: Annotated[str, OWN] = "bilinear",
        trained: bool = True,
        source: str | None = None,
    ) -> None:
        if not isinstance(module, nn.Module):
            raise UserError(f"module must be a torch.nn.Module, not {_kind(module)}.")
        self.module = module
        self.name = name or kind_of(module)
        check_ready(module, self.name)
        self.trained = trained
        self.source = source
        self.input_size = _size(input_size)
        self.channels = _channels(module, mean, std)
        self.mean = _per_channel("mean", mean, IMAGENET_MEAN, self.channels)
        self.std = _per_channel("std", std, IMAGENET_STD, self.channels)
        if min(self.std) <= 0:
            raise UserError(f"std must be positive, not {came(std)}.")
        if not isinstance(interpolation, str) or interpolation not in ("bilinear", "bicubic", "nearest"):
            raise UserError(f'interpolation must be "bilinear", "bicubic" or "nearest", not {came(interpolation)}.')
        if not isinstance(scores, str) or scores not in SCORES:
            raise UserError(f"scores must be one of {', '.join(map(repr, SCORES))}, not {came(scores)}.")
        self._resize = resize
        self._interpolation = InterpolationMode(interpolation)
        if not (output is None or callable(output)):
            raise UserError(
                f"output must be a function that picks the scores from what {self.name} returns, not {came(output)}."
            )
        self._output = output
        self._classes = None if classes is None else class_names(classes)
        self._named = classes is not None
        self._asked_scores = scores
        self._reading: Reading | None = None  # until the module is tried
        self._told = False  # whether it was told that scores change from pass to pass
        self._may_change = False  # whether the first pass had anything in it that could
        self._takes_channels_last = False  # that is, until it is tried
        self._takes_one_at_a_time = False  # likewise
        self._unseen: str | None = None  # why no inner layer can be seen
        self._nearest: dict[tuple, Size | None] = {}  # (how far a pass goes, size) -> the nearest size that is taken
        self._takes_own_only: set[tuple] = set()  # how far passes go in which no other size is

    def with_module(self, module: nn.Module) -> "Network":
        """The same view of another module, such as a changed copy of this one's: it takes and answers the same."""
        copy = Network(
            module,
            input_size=self.input_size,
            mean=self.mean,
            std=self.std,
            classes=self._classes,
            name=self.name,
            output=self._output,
            resize=self._resize,
            interpolation=self._interpolation.value,
            scores=self._asked_scores,
            trained=self.trained,
        )
        copy._named, copy._reading = self._named, self._reading  # other weights, but the same kind of scores
        copy._told = True
        return copy

    def __repr__(self) -> str:
        size = "any size" if self.input_size is None else "×".join(map(str, self.input_size))
        classes = f"{len(self._classes)} classes, " if self._classes else ""
        scores = "" if self._usual_scores else f"{self._reading or self._asked_scores}, "
        return f"Network({self.name}, {classes}{size}, {scores}{'trained' if self.trained else 'untrained'})"

    # What it is

    @property
    def device(self) -> torch.device:
        return self._parameter.device

    @property
    def dtype(self) -> torch.dtype:
        return self._parameter.dtype

    @property
    def classes(self) -> Labels:
        if self._classes is None or len(self._classes) == 1:
            _ = self._probed
        return self._classes

    @property
    def convention(self) -> str:
        """What the scores are: "logits", "log-probabilities", "probabilities", or of classes that do not exclude each
        other "multilabel (logits)" or "multilabel (probabilities)", and of a single output "binary (logit)" …"""
        return str(self._read)

    @property
    def convention_note(self) -> str:
        """A sentence about ``convention``, and what is not certain about it; empty for ordinary logits."""
        found = self._read
        return "" if self._usual_scores else found.doubt or f"Scores of {self.name}: {found}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What is known so far of its scores that is not usual, in sentences; nothing is computed for it."""
        return tuple(filter(None, (self.convention_note, vars(self).get("steadiness_note"))))

    @cached_property
    def steadiness_note(self) -> str:
        """A sentence if scores of one picture change from pass to pass, or with the others of its batch; else ""."""
        _ = self._probed
        if not self._may_change or self._takes_one_at_a_time:
            return ""
        size = torch.Size([1, self.channels, *(self.input_size or (_PROBED, _PROBED))])

        def scores(pictures: Tensor) -> Tensor:
            with guarded(self.lock, torch.no_grad()):
                return self.scores(self.module(self.normalize(pictures)), len(pictures)).clone()

        try:
            return unsteadiness(scores, size, self.name, self.dtype)
        except Exception:  # of a module that takes no two pictures at once, say: a method will tell
            return ""

    @property
    def _read(self) -> Reading:
        if self._reading is None:
            _ = self._probed
        return self._reading

    @property
    def _usual_scores(self) -> bool:
        return self._asked_scores == "auto" and str(self._reading or "logits") == "logits"

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, in the order in which they finish in a forward pass (found once, on a black picture)."""
        return self._probed[0]

    def layer(self, layer: str | Layer | nn.Module) -> Layer:
        """The layer of that name (``"layer3.1.conv2"``), or of that module of this network."""
        name = layer.name if isinstance(layer, Layer) else layer
        if isinstance(layer, nn.Module):
            name = next((name for name, module in self.module.named_modules() if module is layer), None)
            if name is None:
                raise UserError(f"layer must be one of {self.name}'s, and this {_kind(layer)} is not part of it.")
        if not isinstance(name, str):
            raise UserError(f"layer must be a name, a Layer or a module, not {_kind(layer)}.")
        _, aliases, by_name = self._probed
        found = by_name.get(aliases.get(name, name))
        if found is None and self._unseen:
            raise UserError(f"the inner layers of {self.name} cannot be seen, only {OUTPUT!r}: {self._unseen}.")
        if found is None:
            near = get_close_matches(name, [*by_name, *aliases], cutoff=0.5) or list(by_name)[-3:]
            raise UserError(f"{self.name} has no layer {came(name)}; there are {', '.join(map(repr, near))} …")
        return found

    @property
    def default_layer(self) -> Layer:
        """A good first choice for looking at features; ``default_layer_reason`` says why."""
        return self._default[0]

    @property
    def default_layer_reason(self) -> str:
        return self._default[1]

    @cached_property
    def _default(self) -> tuple[Layer, str]:
        if self._unseen:
            return self.layers[-1], f"the output, as inner layers cannot be seen: {self._unseen}"
        if not self.layers:
            raise UserError(f"{self.name} has no layers to choose from: its forward pass calls no modules.")
        placed = [layer for layer in self.layers if layer.spatial and max(layer.shape[1:]) > 1]
        features = [one for one in placed if "Pool" not in one.kind and one.channels != self._outputs]
        if not placed:
            return self.layers[-1], "the last layer: none of this network has places"
        chosen = (features or placed)[-1]
        reached = self._last_read(features or placed) if chosen.layout and chosen.layout.grid else chosen
        size = "×".join(map(str, reached.shape[1:]))
        if reached is chosen:
            return chosen, f"the last layer in which every feature still has a place ({size})"
        return reached, f"the last layer of which all {size} places are read: after it only another token counts"

    def _last_read(self, layers: Sequence[Layer]) -> Layer:
        """The last of the layers whose maps reach the scores, which class tokens alone may do at the end.

        What is sent back is NaN, as that gets through weights that are 0, too, which heads often are before training.
        """
        size = self.input_size or (_PROBED, _PROBED)
        batch = self.normalize(torch.zeros(1, self.channels, *size))
        for end in range(len(layers), 0, -_TRIED):
            names = [layer.name for layer in layers[max(0, end - _TRIED) : end]]
            with self.lock:
                scores, values = self.forward(batch, names, grad_from=names[0])
                if not scores.requires_grad:
                    break
                nans = torch.full_like(scores, torch.nan)
                signals = torch.autograd.grad(scores, list(values.values()), nans, allow_unused=True)
            read = [
                name for name, signal in zip(names, signals, strict=True) if signal is not None and signal.isnan().any()
            ]
            if read:
                return self.layer(read[-1])
        return layers[-1]

    def class_index(self, target: int | str) -> int:
        """The number of a class that is given by number or by an unambiguous part of its name."""
        return self.classes.index(target)

    def bytes_per_image(self, size: Sequence[int], grad: bool = False) -> int:
        """About how much memory the pass of one picture of (height, width) takes; ``grad``: and its way back."""
        self.tell_if_unsteady()  # every method asks for memory when its input is checked, before its passes
        outputs = self._bytes_of_layers(size)
        return 2 * sum(outputs) if grad else 4 * max(outputs)

    def at_once(self, size: Sequence[int]) -> int:
        """How many pictures of (height, width) are quickest to compute together."""
        return batching.quickest(max(self._bytes_of_layers(size)), self.device)

    def quickest(self, batch: Tensor) -> Tensor:
        """A normalized batch in the memory format in which passes over it are quickest."""
        # Kernels that are not in this format are reordered in every pass: that has to be worth it.
        worth = len(batch) * sum(self._bytes_of_layers(batch.shape[-2:])) >= self._bytes_of_kernels
        if batch.device.type == "cpu" and worth and self._takes_channels_last:
            return batch.contiguous(memory_format=torch.channels_last)
        return batch

    @cached_property
    def _bytes_of_kernels(self) -> int:
        kernels = (weight for weight in self.module.parameters() if weight.ndim == 4 and weight[0, 0].numel() > 1)
        return sum(kernel.nbytes for kernel in kernels)

    def _bytes_of_layers(self, size: Sequence[int]) -> list[int]:
        """About how large what comes out of each layer is for one picture of (height, width)."""
        height, width = self.input_size or (_PROBED, _PROBED)
        each = max(1.0, size[0] * size[1] / (height * width)) * self.dtype.itemsize
        return [int(each * numbers) for numbers in self._numbers_of_layers]

    @cached_property
    def no_way_back(self) -> str | None:
        """Why no gradient goes back through it, if it is known beforehand; None = nothing speaks against it."""
        return no_way_back(self.module)

    @cached_property
    def _numbers_of_layers(self) -> list[int]:
        if self._unseen or not self.layers:
            return [_UNSEEN_CHANNELS * prod(self.input_size or (_PROBED, _PROBED))]
        return [prod(layer.shape) for layer in self.layers]

    # What it does

    def prepare(self, image: Tensor, *, resize: bool = True) -> Tensor:
        """The picture or pictures as the network will see them: (B, C, H, W), values 0…1, where they were.

        image   (C, H, W) or (B, C, H, W), values 0…1. It is scaled and cropped as torchvision's transforms do, unless
                it has the right size; gray is repeated for three channels, and color becomes luminance for one.
        resize  False: it stays in its own size, for a network that takes any
        """
        pictures = _with_channels(_checked(image), self.channels)
        if not resize or self.input_size in (None, tuple(pictures.shape[-2:])):
            return pictures
        pictures = _without_far_ends(pictures, self.input_size)
        shorter = self._resize or _covering(self.input_size, pictures.shape[-2:])
        scaled = transforms.resize(pictures, [shorter], self._interpolation, antialias=True)
        return transforms.center_crop(scaled.clamp(0, 1), list(self.input_size))

    def normalize(self, pictures: Tensor) -> Tensor:
        """Prepared pictures in the network's own units, on its device and in its dtype: (values - mean) / std."""
        pictures = pictures.to(self.device, self.dtype)
        mean, std = pictures.new_tensor(self.mean), pictures.new_tensor(self.std)
        batch = (pictures - mean[:, None, None]) / std[:, None, None]
        return batch.contiguous(memory_format=torch.channels_last) if self._channels_last else batch

    normalise = Old("normalize")

    def logits(self, image: Tensor) -> Tensor:
        """The scores as the module gives them, detached: (outputs,), or (B, outputs) for a batch (B, C, H, W).

        They are the logits before the softmax, if the network gives such: ``convention`` says what they are.
        """
        (logits,) = self._in_pieces(image, lambda batch: [self.forward(batch)[0]])
        return logits

    def tell_if_unsteady(self) -> None:
        """Remark ``steadiness_note``, once for every network."""
        if not self._told:
            self._told = True
            if self.steadiness_note:
                remark(self.steadiness_note)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Scores (…, outputs), as ``logits`` gives them, as the probabilities of the classes: (…, classes), 0…1.

        They add up to 1, but for those of a multilabel network, where every class is a question of its own.
        """
        return self._read.probabilities(logits)

    def class_logits(self, logits: Tensor) -> Tensor:
        """Scores (…, outputs), as ``logits`` gives them, as one logit for each class: (…, classes), always finite.

        Logits are that already. Of a network with one output, the first class has minus the logit of the second. Of
        probabilities ``p``, it is ``log p``, or ``log p - log(1 - p)`` for binary and multilabel ones; a ``p`` of 0
        counts as the smallest normal number of its type, and 1 as the number below it.
        """
        return self._read.logits(logits)

    @property
    def class_unit(self) -> str:
        """What ``class_logits`` gives, in words: "logit", "log-probability" or "logit of the probability"."""
        return self._read.unit

    def top(self, logits: Tensor) -> Tensor:
        """The most probable class for scores (…, outputs), as ``logits`` gives them: (…) class indices.

        For one output without class names it is that output's own class, 1: it may be a score of any kind.
        """
        if self._read.classes == "binary" and not self._named:
            return torch.ones_like(logits[..., 0], dtype=torch.long)
        return self.class_logits(logits).argmax(-1)

    def predict(self, image: Tensor, k: int = 5) -> list[Prediction] | list[list[Prediction]]:
        """The ``k`` most probable classes, best first; a list of such lists for a batch.

        For one output without class names, its own class comes first, as in ``top``.
        Raises UserError for scores that are not finite, as a network gives them that has lost its way in training.
        """
        if not isinstance(k, int) or k < 1:
            raise UserError(f"k must be a whole number of at least 1, not {k!r}.")
        logits = self.finite(self.logits(image))
        probabilities = self.probabilities(logits).cpu().reshape(-1, len(self.classes))
        best = []
        for one, top in zip(probabilities, self.top(logits).cpu().reshape(-1, 1), strict=True):
            order = one.argsort(descending=True, stable=True)
            order = torch.cat([top, order[order != top]])[:k].tolist()
            best.append([Prediction(index, self.classes[index], one[index].item()) for index in order])
        return best if logits.ndim == 2 else best[0]

    def activations(self, image: Tensor, layers: "Layers") -> dict[str, Tensor]:
        """What comes out of one or several layers, detached: (C, H, W) each, or (B, C, H, W) for a batch.

        The pass stops at the deepest layer that is asked for.
        """
        names = list(self._asked(layers))
        values = self._in_pieces(image, lambda batch: self.forward(batch, names, to_output=False)[1].values())
        return dict(zip(names, values, strict=True))

    def forward(
        self,
        batch: Tensor,
        layers: "Layers" = (),
        *,
        to_output: bool = True,
        grad: bool = False,
        grad_from: str | None = None,
        cast: bool = True,
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """One pass over a normalized batch (B, C, H, W): the scores (B, outputs), and what came out of ``layers``.

        This is maps (B, channels, height, width), or (B, channels), in whatever order a module has its dimensions.
        Without ``to_output`` the pass stops at the deepest layer, and the scores are None. With ``grad``, all that is
        returned can be differentiated, with respect to each other and to ``batch`` (if that requires a gradient); with
        ``grad_from``, one of ``layers``, with respect to that layer alone: nothing before it is recorded.
        Without ``cast``, it is in the module's own precision, whatever was asked for.
        The module is in evaluation mode meanwhile, and as before afterwards, however the pass ends.
        """
        asked = self._asked(layers)
        wanted = set(asked.values())
        leaf = grad_from and self.layer(grad_from).name
        inner = set() if self._unseen else wanted
        layouts = {name: self.layer(name).layout for name in inner}
        modules = {name: self.module.get_submodule(name) for name in (one.partition("#")[0] for one in inner)}
        values: dict[str, Tensor] = {}

        def keep(name: str, module: nn.Module, output: Tensor) -> Tensor | None:
            if name not in wanted:
                return None
            layout = layouts[name]
            maps = layout.maps(output, batch.shape[-2:]) if layout else output
            values[name] = maps.clone()  # of its own: neither earlier nor later in-place operations reach it
            if name == leaf:
                values[name].requires_grad_()
                torch.set_grad_enabled(True)
            if len(values) == len(wanted) and not to_output:
                raise _Enough
            handed_on = values[name].clone()
            return layout.output(handed_on, output) if layout else handed_on

        if grad and not batch.requires_grad:
            batch = batch.detach().requires_grad_()
        together = partial(self.forward, layers=layers, to_output=to_output, grad=grad, grad_from=grad_from, cast=cast)
        if self._takes_one_at_a_time and len(batch) > 1:
            return _joined([together(one) for one in batch.split(1)])
        output = None
        mode = torch.enable_grad() if grad else torch.no_grad()
        try:
            contexts = [self.lock, computing(self.device, cast=cast), mode, suppress(_Enough), hooked(modules, keep)]
            if modules and self._has_shortcuts:
                contexts.append(EveryPartRuns())
            with guarded(*contexts):
                output = self.module(batch.clone())
        except UserError:
            raise
        except Exception as error:
            return self._after_failure(error, batch, together)
        if missed := inner - values.keys():
            raise UserError(f"this pass of {self.name} did not reach layer {missed.pop()!r}.")
        scores = self.scores(output, len(batch)) if to_output or wanted - inner else None
        if scores is not None and scores.is_inference():  # of a forward in inference_mode
            scores = scores.clone()
        values |= dict.fromkeys(wanted - inner, scores)
        return scores if to_output else None, {key: values[name] for key, name in asked.items()}

    @property
    def lock(self) -> AbstractContextManager:
        """Hold it from a forward to its backward pass: one thread at a time, in the precision that was asked for.

        Inside, the module is in evaluation mode, and the caller's autocast and inference mode are off.
        """
        where = self.device
        return guarded(held(self.module), exact_if_asked(where), *callers_modes_off(where))

    def size_taken(self, size: Size, layers: "Layers" = (), *, to_output: bool = True) -> Size | None:
        """``size`` itself, or the nearest one that the network takes in a pass as ``forward`` makes it.

        None if it takes neither that nor any other that is tried. It is found by trying, once.
        """
        asked = self._asked(layers)

        def takes(size: Size) -> bool:
            try:
                self.forward(self.normalize(torch.zeros(1, self.channels, *size)), layers, to_output=to_output)
            except UserError:
                return False
            return True

        until = (*sorted(asked.values()), to_output)
        if (until, size) not in self._nearest:
            own = self.input_size or (_PROBED, _PROBED)
            found = nearest(takes, own, size, own_only=until in self._takes_own_only)
            if found == own != size and not takes(tuple(2 * side for side in own)):
                self._takes_own_only.add(until)
            self._nearest[until, size] = found
        return self._nearest[until, size]

    # How

    def _after_failure(self, error: Exception, batch: Tensor, together: Callable[[Tensor], Any]) -> Any:
        """What a pass returns whose module raised an error, if it can be made in another way."""
        count, size = len(batch), "×".join(map(str, batch.shape[-2:]))
        if batching.out_of_memory(error):
            pictures = f"{count} pictures" if count > 1 else "one picture"
            raise batching.too_large(
                error, f"a pass of {self.name} over {pictures} of {size} pixels", batch.device
            ) from error
        if count > 1:  # exported modules are often for a batch of one only
            one_by_one = [together(one) for one in batch.split(1)]
            self._takes_one_at_a_time = True
            return _joined(one_by_one)
        raise explained(error, self.module, self.name, f"{size} pixels") from error

    @cached_property
    def _has_shortcuts(self) -> bool:
        return EveryPartRuns.matters(self.module)

    @cached_property
    def _probed(self) -> tuple[tuple[Layer, ...], dict[str, str], dict[str, Layer]]:
        """The layers, the other names of some, and the layers by name."""
        picture = torch.zeros(1, self.channels, *(self.input_size or (_PROBED, _PROBED)))
        with guarded(self.lock, endings := Endings(), chances := Chances()):
            layers, aliases, output = self._probe(self.normalize(picture))
            scores = self.scores(output, 1)
        self._may_change = chances.found
        if self._output is None and (unsure := doubt(output, self.name, 1, self._count_of_classes)):
            remark(unsure)
        self._settle(scores, endings.of(scores), picture.shape)
        if self._unseen:
            layers = (_whole(self.module, scores, picture.shape[2:]),)
        return layers, aliases, {layer.name: layer for layer in layers}

    def _settle(self, scores: Tensor, ending: str | None, size: torch.Size) -> None:
        """Find out what scores (1, outputs) are that ended so, and give their classes names."""

        def of_noise() -> Tensor:
            noise = torch.rand(size, generator=torch.Generator().manual_seed(0))
            with guarded(self.lock, torch.no_grad()):
                return self.scores(self.module(self.normalize(noise)), 1)

        if self._reading is None:
            asked, how = self._asked_scores, {"precision": self.dtype, "named": self._named}
            self._reading = read(asked, self.name, scores.detach(), ending, of_noise, **how)
            if self._reading.doubt:
                remark(self._reading.doubt)
        self._outputs = scores.shape[1]
        names = self._classes or [f"class {number}" for number in range(max(2, self._outputs))]
        if self._reading.classes == "binary" and (not self._named or len(names) == 1):
            names = [f"not {names[-1]}", names[-1]]
        self._classes = Labels(names)

    def _probe(self, batch: Tensor) -> tuple[tuple[Layer, ...], dict[str, str], Any]:
        found = None
        with suppress(Exception):  # of a ``view`` in the module's own code, perhaps
            found = probe(self.module, batch.contiguous(memory_format=torch.channels_last))
        self._takes_channels_last = found is not None
        try:
            found = found or probe(self.module, batch)
        except Exception as error:
            output = self._unprobed(batch)
            self._unseen = unseen(self.module, output, error)
            return (), {}, output
        layers, _, output = found
        self._unseen = None if layers else unseen(self.module, output, None)
        return found

    def _unprobed(self, batch: Tensor) -> Any:
        """What the module returns if its inner layers are left alone."""
        try:
            with guarded(torch.no_grad()):
                return self.module(batch)
        except Exception as error:
            size = "×".join(map(str, batch.shape[1:]))
            if batching.out_of_memory(error):
                what = f"a pass of {self.name} over one picture of {size}"
                raise batching.too_large(error, what, batch.device) from error
            raise explained(error, self.module, self.name, f"{size} (see input_size and mean)") from error

    @property
    def _parameter(self) -> Tensor:
        """Any of the module's, to ask where it is and of which type."""
        every = chain(self.module.parameters(), self.module.buffers())
        return next((one for one in every if one.is_floating_point()), torch.empty(0))

    @property
    def _channels_last(self) -> bool:
        """Pictures come in the memory format that the weights have (of the first for which it makes a difference)."""
        kernels = (one for one in self.module.parameters() if one.ndim == 4 and one[0, 0].numel() > 1 < one.shape[1])
        first = next(kernels, None)
        return (
            first is not None and not first.is_contiguous() and first.is_contiguous(memory_format=torch.channels_last)
        )

    def _asked(self, layers: "Layers") -> dict[str, str]:
        """What was asked for → name of the layer."""
        several = [layers] if isinstance(layers, str | Layer | nn.Module) else layers
        return {one if isinstance(one, str) else self.layer(one).name: self.layer(one).name for one in several}

    def _in_pieces(self, image: Tensor, function: Callable[[Tensor], Iterable[Tensor]]) -> list[Tensor]:
        """``function`` of the normalized batch, detached, in float32 at least; without batch if ``image`` has none."""
        pictures = self.prepare(image)
        pieces = batching.run(
            lambda some: [_detached(value) for value in function(self.normalize(some))],
            pictures,
            self.bytes_per_image(pictures.shape[-2:]),
            where=self.device,
        )
        values = [torch.cat(parts) for parts in zip(*(results for _, results in pieces), strict=True)]
        return values if image.ndim == 4 else [value[0] for value in values]

    def finite(self, scores: Tensor) -> Tensor:
        """The same scores; UserError if they are not finite."""
        if not scores.isfinite().all():
            raise UserError(f"{self.name} gives scores that are not finite (NaN or infinity) for this picture.")
        return scores

    def scores(self, output: Any, count: int | None = None) -> Tensor:
        """(B, outputs), in float32 at least, of what the module returned, for ``count`` pictures if that is said."""
        scores = self._picked(output, count)
        if isinstance(scores, Tensor) and scores.ndim < 2 and scores.numel() == count:
            scores = scores.reshape(-1, 1)  # of one output, squeezed
        if not isinstance(scores, Tensor) or scores.ndim != 2:
            came = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else _kind(scores)
            raise UserError(
                f"{self.name} must return scores of shape (B, classes), not {came}: pick them with output=."
            )
        outputs = scores.shape[1]
        if self._classes is not None and len(self._classes) not in ((1, 2) if outputs == 1 else (outputs,)):
            raise UserError(f"classes has {len(self._classes)} names, but {self.name} has {outputs} outputs.")
        return scores.float() if scores.dtype.itemsize < 4 else scores

    def _picked(self, output: Any, count: int | None) -> Any:
        if self._output is None:
            return scores_in(output, self.name, count, self._count_of_classes)
        try:
            return self._output(output)
        except (LookupError, AttributeError, TypeError) as error:
            raise UserError(
                f"output cannot pick the scores from what {self.name} returns, {_kind(output)}: {error!r}."
            ) from error

    @property
    def _count_of_classes(self) -> int | None:
        return len(self._classes) if self._named else None


Layers = str | Layer | nn.Module | Iterable[str | Layer | nn.Module]


class _Enough(BaseException):
    """Ends a pass at the deepest layer. Not an Exception, so that no module catches it."""


def _whole(module: nn.Module, scores: Tensor, size: Size) -> Layer:
    """A module as one layer, which gave these scores (1, outputs) to a picture of (height, width)."""
    return Layer(
        name=OUTPUT,
        kind=kind_of(module),
        shape=tuple(scores.shape[1:]),
        receptive_field=tuple(size),
        stride=tuple(map(float, size)),
        offset=tuple((side - 1) / 2 for side in size),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        block=True,
    )


def _joined(passes: Sequence[tuple[Tensor | None, dict[str, Tensor]]]) -> tuple[Tensor | None, dict[str, Tensor]]:
    """What ``forward`` returns, of one batch after another as of one."""
    scores, values = zip(*passes, strict=True)
    together = None if scores[0] is None else torch.cat(scores)
    return together, {key: torch.cat([one[key] for one in values]) for key in values[0]}


def _detached(value: Tensor) -> Tensor:
    value = value.detach()
    return value.float() if value.dtype.itemsize < 4 else value


def _checked(image: Any) -> Tensor:
    """A batch (B, C, H, W) of numbers 0…1."""
    if not isinstance(image, Tensor):
        raise UserError(f"image must be a tensor, as load_image(…) returns, not {_kind(image)}.")
    if image.ndim not in (3, 4) or image.numel() == 0:
        raise UserError(f"image must have the shape (C, H, W) or (B, C, H, W), not {tuple(image.shape)}.")
    if not image.is_floating_point():
        raise UserError(f"image must have floating-point values 0…1, not {image.dtype}: load_image(…) converts it.")
    least, most = (bound.item() for bound in image.detach().aminmax())
    if not (abs(least) < float("inf") and abs(most) < float("inf")):
        raise UserError("image has values that are not finite (NaN or infinity).")
    if least < -0.1 or most > 1.1:
        raise UserError(f"image must have values 0…1, but they go from {least:.4g} to {most:.4g}.")
    image = image.detach()  # what led to the picture is no part of what is found out about it
    image = image.float() if image.dtype.itemsize < 4 else image
    return image if image.ndim == 4 else image[None]


def _with_channels(pictures: Tensor, channels: int) -> Tensor:
    came = pictures.shape[1]
    if came == channels:
        return pictures
    if (came, channels) == (1, 3):
        return pictures.expand(-1, 3, -1, -1)
    if (came, channels) == (3, 1):
        return (pictures * pictures.new_tensor(_LUMINANCE)[:, None, None]).sum(1, keepdim=True)
    raise UserError(f"image must have {channels} channels, not {came} (its shape must be (C, H, W) or (B, C, H, W)).")


def _covering(target: tuple[int, int], size: Sequence[int]) -> int:
    """The shorter side of the smallest picture with the proportions of ``size`` that covers ``target``."""
    shorter = min(size)
    return max(-(-shorter * wanted // there) for wanted, there in zip(target, size, strict=True))


def _without_far_ends(pictures: Tensor, target: tuple[int, int]) -> Tensor:
    """Of very long pictures only what is near the center: scaled up whole they would take gigabytes."""
    longest = 8 * min(pictures.shape[-2:]) * max(target) // min(target)
    size = [min(side, longest) for side in pictures.shape[-2:]]
    return pictures if size == list(pictures.shape[-2:]) else transforms.center_crop(pictures, size)


def _size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    both = (size, size) if isinstance(size, int) else size
    if not isinstance(both, Sequence) or len(both) != 2 or not all(type(one) is int and one > 0 for one in both):
        raise UserError(f"input_size must be a positive number, (height, width) or None, not {came(size)}.")
    if prod(both) > MOST_PIXELS:
        raise UserError(f"input_size must be of at most {MOST_PIXELS // 10**6} million pixels, not {came(size)}.")
    return tuple(both)


def _channels(module: nn.Module, *given: float | Sequence[float] | None) -> int:
    for values in given:
        if isinstance(values, Sequence):
            return len(values)
    convolutions = (part for part in module.modules() if kind_of(part).startswith("Conv"))
    named = next((count for part in convolutions if isinstance(count := getattr(part, "in_channels", None), int)), None)
    kernels = (weight.shape[1] for weight in module.parameters() if weight.ndim == 4)  # traced and exported modules
    return named or next(kernels, 3)


def _per_channel(name: str, given: Any, imagenet: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if given is None:
        return imagenet if channels == 3 else (0.5,) * channels
    if isinstance(given, Iterable) and not len(given):
        raise UserError(f"{name} must be a number or one for each channel, not an empty list.")
    values = tuple(map(float, given)) if isinstance(given, Iterable) else (float(given),) * channels
    if len(values) != channels:
        raise UserError(f"{name} has {len(values)} values, but the network's pictures have {channels} channels.")
    return values


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"

"""``Network``: the view of an image classifier through which all methods use it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from difflib import get_close_matches
from functools import cached_property, partial
from hashlib import sha256
from itertools import chain
from math import prod
from typing import Annotated, Any, Literal, NamedTuple, overload

import torch
from torch import Tensor, nn

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, came, gate
from cnnviz_widgets.networks.default_layer import default_layer
from cnnviz_widgets.networks.failures import check_ready, explained, kind_of, no_way_back
from cnnviz_widgets.networks.forward import forward, joined, lock, watch
from cnnviz_widgets.networks.held import EveryPartRuns
from cnnviz_widgets.networks.layers import Layer
from cnnviz_widgets.networks.outputs import doubt, scores_in
from cnnviz_widgets.networks.preparation import Preparation
from cnnviz_widgets.networks.probing import OUTPUT, first_pass, whole
from cnnviz_widgets.networks.scores import SCORES, Endings, Reading, read
from cnnviz_widgets.networks.sizes import Size, nearest
from cnnviz_widgets.networks.steady import Chances, unsteadiness
from cnnviz_widgets.pictures.class_names import class_names
from cnnviz_widgets.pictures.labels import Labels
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.renamed import Old
from cnnviz_widgets.runtime import batching
from cnnviz_widgets.runtime.interrupts import guarded

_PROBED = 224  # px: the size for which layers are described if the network takes pictures of any size
_UNSEEN_CHANNELS = 64  # as large as those of VGG, layers that cannot be seen are taken to be


class Prediction(NamedTuple):
    index: int  # type: ignore[assignment]  # of the class; nobody searches these three
    name: str
    probability: float

    def __repr__(self) -> str:
        """With the digits that every processor agrees on."""
        return f"Prediction(index={self.index}, name={self.name!r}, probability={self.probability:.4f})"


class Network:
    """An image classifier, with the preparation of its pictures and the meaning of its scores.

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
        self._preparation = Preparation.of(module, input_size, mean, std, resize, interpolation)
        if not isinstance(scores, str) or scores not in SCORES:
            raise UserError(f"scores must be one of {', '.join(map(repr, SCORES))}, not {came(scores)}.")
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
        self._overwritten: set[str] = set()  # layers whose outputs the module writes to, as far as passes have shown
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
            resize=self._preparation.resize,
            interpolation=self._preparation.interpolation,
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
    def input_size(self) -> Size | None:
        return self._preparation.input_size

    @property
    def channels(self) -> int:
        return self._preparation.channels

    @property
    def mean(self) -> tuple[float, ...]:
        return self._preparation.mean

    @property
    def std(self) -> tuple[float, ...]:
        return self._preparation.std

    @property
    def probed_size(self) -> Size:
        """(height, width) for which layers are described."""
        return self.input_size or (_PROBED, _PROBED)

    @property
    def classes(self) -> Labels:
        if self._classes is None or len(self._classes) == 1:
            _ = self._probed
        assert self._classes is not None  # now that the module has been tried
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
        size = torch.Size([1, self.channels, *self.probed_size])

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
        assert self._reading is not None
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
        name: object = layer.name if isinstance(layer, Layer) else layer
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
        if self._probed and self._unseen:
            return self.layers[-1], f"the output, as inner layers cannot be seen: {self._unseen}"
        if not self.layers:
            raise UserError(f"{self.name} has no layers to choose from: its forward pass calls no modules.")
        return default_layer(self.layers, self._outputs, self._reach_scores)

    def _reach_scores(self, layers: Sequence[Layer]) -> list[bool]:
        """Which of the layers, in forward order, the scores depend on.

        The gradient that is propagated back is NaN: it also passes weights of 0, which heads often have before
        training.
        """
        batch = self.normalize(torch.zeros(1, self.channels, *self.probed_size))
        with self.lock:
            scores, values = self.forward(batch, layers, grad_from=layers[0].name)
            if not scores.requires_grad:
                return [False] * len(layers)
            nans = torch.full_like(scores, torch.nan)
            gradients = torch.autograd.grad(scores, list(values.values()), nans, allow_unused=True)
        return [one is not None and bool(one.isnan().any()) for one in gradients]

    def class_index(self, target: int | str) -> int:
        """The number of a class that is given by number or by an unambiguous part of its name."""
        return self.classes.index(target)

    def bytes_per_image(self, size: Sequence[int], grad: bool = False) -> int:
        """About how much memory the pass of one picture of (height, width) takes; ``grad``: with its backward pass."""
        self.tell_if_unsteady()  # every method asks for memory when its input is checked, before its passes
        outputs = self._bytes_of_layers(size)
        return 2 * sum(outputs) if grad else 4 * max(outputs)

    def multiplications(self, size: Sequence[int]) -> float:
        """About how many the pass of one picture of (height, width) takes: each parameter is used at each position."""
        parts = [layer for layer in self.layers if not layer.block]
        return self._larger(size) * sum(layer.parameters * prod(layer.shape[1:]) for layer in parts)

    def at_once(self, size: Sequence[int]) -> int:
        """How many pictures of (height, width) are quickest to compute together."""
        return batching.quickest(max(self._bytes_of_layers(size)), self.device)

    def quickest(self, batch: Tensor, *, kernels: bool = False) -> Tensor:
        """A normalized batch in the memory format in which passes over it are quickest.

        kernels  whether the convolutions have their kernels with channels last, too
        """
        # Kernels that are not in this format are reordered in every pass: that has to be worth it.
        worth = kernels or len(batch) * sum(self._bytes_of_layers(batch.shape[-2:])) >= self._bytes_of_kernels
        if batch.device.type == "cpu" and worth and self._takes_channels_last:
            # A copy in any case: ``contiguous`` leaves a batch of one strides by which convolutions miss it.
            return batch.clone(memory_format=torch.channels_last)
        return batch

    @property
    def prefers_channels_last(self) -> bool:
        """Whether passes are quickest where pictures and kernels have their channels last in memory."""
        _ = self._probed
        return self.device.type == "cpu" and self._takes_channels_last

    @cached_property
    def _bytes_of_kernels(self) -> int:
        kernels = (weight for weight in self.module.parameters() if weight.ndim == 4 and prod(weight.shape[2:]) > 1)
        return sum(kernel.nbytes for kernel in kernels)

    def _bytes_of_layers(self, size: Sequence[int]) -> list[int]:
        """About how large what comes out of each layer is for one picture of (height, width)."""
        each = self._larger(size) * self.dtype.itemsize
        return [int(each * numbers) for numbers in self._numbers_of_layers]

    def _larger(self, size: Sequence[int]) -> float:
        """How many times the area of the picture that was probed is that of another; at least 1."""
        return max(1.0, prod(size) / prod(self.probed_size))

    @cached_property
    def no_way_back(self) -> str | None:
        """Why it cannot be differentiated, if that is known beforehand; None = no reason is known."""
        return no_way_back(self.module)

    @cached_property
    def _numbers_of_layers(self) -> list[int]:
        if self._unseen or not self.layers:
            return [_UNSEEN_CHANNELS * prod(self.probed_size)]
        return [prod(layer.shape) for layer in self.layers]

    # What it does

    def prepare(self, image: Tensor, *, resize: bool = True) -> Tensor:
        """The picture or pictures as the network will see them: (B, C, H, W), values 0…1, where they were.

        image   (C, H, W) or (B, C, H, W), values 0…1. It is scaled and cropped as torchvision's transforms do, unless
                it has the right size; gray is repeated for three channels, and color becomes luminance for one.
        resize  False: it stays in its own size, for a network that takes any
        """
        return self._preparation.prepared(image, resize=resize)

    def normalize(self, pictures: Tensor, *, written_over: bool = False) -> Tensor:
        """Prepared pictures in the network's own units, on its device and in its dtype: (values - mean) / std.

        written_over  whether ``pictures`` may be, which is quicker: no other memory is asked for
        """
        batch = self._preparation.normalized(pictures, self.device, self.dtype, written_over=written_over)
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

    @property
    def exclusive(self) -> bool:
        """Whether its classes exclude each other, so that a softmax belongs to their logits."""
        return self._read.classes == "exclusive"

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

    @overload
    def forward(
        self,
        batch: Tensor,
        layers: "Layers" = (),
        *,
        to_output: Literal[True] = True,
        grad: bool = False,
        grad_from: str | None = None,
        cast: bool = True,
    ) -> tuple[Tensor, dict[str, Tensor]]: ...

    @overload
    def forward(
        self,
        batch: Tensor,
        layers: "Layers" = (),
        *,
        to_output: bool,
        grad: bool = False,
        grad_from: str | None = None,
        cast: bool = True,
    ) -> tuple[Tensor | None, dict[str, Tensor]]: ...

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
        wanted = {name: self.layer(name) for name in asked.values()}
        inner = {} if self._unseen else wanted
        together = partial(self.forward, layers=layers, to_output=to_output, grad=grad, grad_from=grad_from, cast=cast)
        if self._takes_one_at_a_time and len(batch) > 1:
            return joined([together(one) for one in batch.split(1)])
        if grad and not batch.requires_grad:
            batch = batch.detach().requires_grad_()
        try:
            output, values = forward(
                self.module,
                batch,
                inner,
                self.device,
                to_output=to_output,
                grad=grad,
                grad_from=grad_from and self.layer(grad_from).name,
                cast=cast,
                every_part=self._has_shortcuts,
                overwritten=self._overwritten,
            )
        except UserError:
            raise
        except Exception as error:
            return self._after_failure(error, batch, together)
        if missed := inner.keys() - values.keys():
            raise UserError(f"this pass of {self.name} did not reach layer {missed.pop()!r}.")
        unseen = wanted.keys() - inner.keys()
        scores = self.scores(output, len(batch)) if to_output or unseen else None
        if scores is not None:
            scores = scores.clone() if scores.is_inference() else scores  # of a forward in inference_mode
            values |= dict.fromkeys(unseen, scores)
        return scores if to_output else None, {key: values[name] for key, name in asked.items()}

    def watch(self, batch: Tensor, layers: "Layers", see: Callable[[str, Tensor], None]) -> None:
        """One pass over a normalized batch (B, C, H, W) that copies and keeps nothing: ``see(name, maps)`` looks.

        It is called for each layer as soon as this is computed, with maps as in ``forward``. The module may write to
        them later, and to ``batch``: copy what shall stay. What ``see`` raises ends the pass. A network that does not
        take several pictures at once (``takes_several``) must be given one.
        """
        wanted = {name: self.layer(name) for name in self._asked(layers).values()}
        if self._unseen:  # the scores are all that there is
            scores, _ = self.forward(batch)
            return see(OUTPUT, scores)
        raised: list[Exception] = []

        def seen(name: str, maps: Tensor) -> None:
            try:
                see(name, maps)
            except Exception as error:  # no failure of the module's
                raised.append(error)
                raise

        try:
            reached = watch(self.module, batch, wanted, self.device, seen, every_part=self._has_shortcuts)
        except UserError:
            raise
        except Exception as error:
            if raised:
                raise
            count, size = len(batch), "×".join(map(str, batch.shape[-2:]))
            if batching.out_of_memory(error):
                raise self._too_large(error, count, size) from error
            raise explained(error, self.module, self.name, f"{size} pixels") from error
        if missed := wanted.keys() - reached:
            raise UserError(f"this pass of {self.name} did not reach layer {missed.pop()!r}.")

    @cached_property
    def takes_several(self) -> bool:
        """Whether several pictures go through it at once; it is tried with two black ones."""
        self.forward(self.normalize(torch.zeros(2, self.channels, *self.probed_size)))
        return not self._takes_one_at_a_time

    @property
    def lock(self) -> AbstractContextManager:
        """Hold it from a forward to its backward pass: one thread at a time, in the precision that was asked for.

        Inside, the module is in evaluation mode, and the caller's autocast and inference mode are off.
        """
        return lock(self.module, self.device)

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
            own = self.probed_size
            found = nearest(takes, own, size, own_only=until in self._takes_own_only)
            if found == own != size and not takes((2 * own[0], 2 * own[1])):
                self._takes_own_only.add(until)
            self._nearest[until, size] = found
        return self._nearest[until, size]

    # How

    def _after_failure(self, error: Exception, batch: Tensor, together: Callable[[Tensor], Any]) -> Any:
        """What a pass returns whose module raised an error, if it can be made in another way."""
        count, size = len(batch), "×".join(map(str, batch.shape[-2:]))
        if batching.out_of_memory(error):
            raise self._too_large(error, count, size) from error
        if count > 1:  # exported modules are often for a batch of one only
            one_by_one = [together(one) for one in batch.split(1)]
            self._takes_one_at_a_time = True
            return joined(one_by_one)
        raise explained(error, self.module, self.name, f"{size} pixels") from error

    def _too_large(self, error: Exception, count: int, size: str) -> UserError:
        pictures = f"{count} pictures" if count > 1 else "one picture"
        return batching.too_large(error, f"a pass of {self.name} over {pictures} of {size} pixels", self.device)

    @property
    def fingerprint(self) -> str:
        """Of its weights and of how it prepares pictures: 64 hexadecimal digits that differ for any other network."""
        digest = sha256(repr(self._preparation).encode())
        for name, one in chain(self.module.named_parameters(), self.module.named_buffers()):
            digest.update(f"{name} {one.dtype} {tuple(one.shape)}".encode())
            digest.update(one.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()

    @cached_property
    def _has_shortcuts(self) -> bool:
        return EveryPartRuns.matters(self.module)

    @cached_property
    def _probed(self) -> tuple[tuple[Layer, ...], dict[str, str], dict[str, Layer]]:
        """The layers, the other names of some, and the layers by name."""
        picture = torch.zeros(1, self.channels, *self.probed_size)
        with guarded(self.lock, endings := Endings(), chances := Chances()):
            found = first_pass(self.module, self.name, self.normalize(picture))
            self._unseen, self._takes_channels_last = found.unseen, found.channels_last
            scores = self.scores(found.output, 1)
        self._may_change = chances.found
        if self._output is None and (unsure := doubt(found.output, self.name, 1, self._count_of_classes)):
            remark(unsure)
        self._settle(scores, endings.of(scores), picture.shape)
        layers = (whole(self.module, scores, picture.shape[2:]),) if found.unseen else found.layers
        return layers, found.aliases, {layer.name: layer for layer in layers}

    def _settle(self, scores: Tensor, ending: str | None, size: torch.Size) -> None:
        """Find out what scores (1, outputs) are that ended so, and give their classes names."""

        def of_noise() -> Tensor:
            noise = torch.rand(size, generator=torch.Generator().manual_seed(0))
            with guarded(self.lock, torch.no_grad()):
                return self.scores(self.module(self.normalize(noise)), 1)

        if self._reading is None:
            said = self._asked_scores, self.name, scores.detach(), ending, of_noise
            self._reading = read(*said, precision=self.dtype, named=self._named)
            if self._reading.doubt:
                remark(self._reading.doubt)
        self._outputs = scores.shape[1]
        names = self._classes or [f"class {number}" for number in range(max(2, self._outputs))]
        if self._reading.classes == "binary" and (not self._named or len(names) == 1):
            names = [f"not {names[-1]}", names[-1]]
        self._classes = Labels(names)

    @property
    def _parameter(self) -> Tensor:
        """Any of the module's, to ask where it is and of which type."""
        every = chain(self.module.parameters(), self.module.buffers())
        return next((one for one in every if one.is_floating_point()), torch.empty(0))

    @property
    def _channels_last(self) -> bool:
        """Pictures come in the memory format that the weights have (of the first for which it makes a difference).

        Their shapes are asked for: to index a weight while another thread takes its gradient can stop Python for ever,
        as torch waits for the lock of the weight with that of Python in its hands.
        """
        four = (one for one in self.module.parameters() if one.ndim == 4)
        kernels = (one for one in four if prod(one.shape[2:]) > 1 < one.shape[1])
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
        return len(self._classes) if self._named and self._classes is not None else None


Layers = str | Layer | nn.Module | Iterable[str | Layer | nn.Module]


def _detached(value: Tensor) -> Tensor:
    value = value.detach()
    return value.float() if value.dtype.itemsize < 4 else value


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"

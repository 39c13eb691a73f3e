"""What a network's scores are: logits, log-probabilities or probabilities, and of which kind of classes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from cnnviz_widgets.errors import UserError

SCORES = ("auto", "logits", "log-probabilities", "probabilities", "binary", "multilabel")
_ADD_UP = 1e-4  # how far float32 probabilities of all classes may be from 1 together


@dataclass(frozen=True)
class Reading:
    """How scores (…, outputs) are read.

    values   what they are: "logits", "log-probabilities" or "probabilities"
    classes  "exclusive": one class for each output, and one of them is right (softmax); "binary": one output, which
             is the score of the second of two classes; "multilabel": each output is a question of its own (sigmoid)
    doubt    a sentence, if it is not certain
    """

    values: str
    classes: str
    doubt: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        if self.classes == "exclusive":
            return self.values
        one = {"logits": "logit", "log-probabilities": "log-probability", "probabilities": "probability"}
        return f"{self.classes} ({one[self.values] if self.classes == 'binary' else self.values})"

    @property
    def unit(self) -> str:
        """What ``logits`` makes of them, in words."""
        if self.values == "logits":
            return "logit"
        return "log-probability" if self.classes == "exclusive" else "logit of the probability"

    def logits(self, scores: Tensor) -> Tensor:
        """(…, classes): numbers of which softmax, or sigmoid, makes the probabilities.

        Logits stay what they are, probabilities become ``log p``, or ``log p - log(1 - p)`` where a sigmoid belongs;
        the first class of a binary network has minus the logit of the second. All are finite: 0 counts as the smallest
        normal number, and 1 as the number below it.
        """
        if self.values == "log-probabilities":
            scores = scores.clamp(min=torch.finfo(scores.dtype).min)
        if self.values == "probabilities":
            odds = scores if self.classes == "exclusive" else _against(1 - scores)
            scores = scores.clamp(min=torch.finfo(scores.dtype).tiny).log()
            scores = scores if self.classes == "exclusive" else scores - odds.log()
        elif self.values == "log-probabilities" and self.classes != "exclusive":
            scores = scores - _against(-scores.expm1()).log()
        return torch.cat([-scores, scores], -1) if self.classes == "binary" else scores

    def probabilities(self, scores: Tensor) -> Tensor:
        """(…, classes), 0…1; they add up to 1, except those of a multilabel network."""
        if self.values == "probabilities":
            return torch.cat([1 - scores, scores], -1) if self.classes == "binary" else scores
        logits = self.logits(scores)
        return logits.softmax(-1) if self.classes == "exclusive" else logits.sigmoid()


def _against(rest: Tensor) -> Tensor:
    """``1 - p``, which is never less than what lies between 1 and the number below it."""
    return rest.clamp(min=torch.finfo(rest.dtype).eps / 2)


def read(
    asked: str,
    name: str,
    scores: Tensor,
    ending: str | None,
    again: Callable[[], Tensor],
    *,
    precision: torch.dtype = torch.float32,
    named: bool = False,
) -> Reading:
    """What the scores of the network ``name`` are, from those of one picture, (1, outputs).

    asked      one of SCORES. "logits", "log-probabilities" and "probabilities" say what the numbers are, "binary" and
               "multilabel" what the classes are: the other half is found here
    ending     what ``Endings`` says of these scores
    again      gives the scores of another picture: what numbers happen to be is believed if they are so twice
    precision  in which they were computed
    named      whether the classes have names that were given, so that there are classes
    Raises UserError if they cannot be what was asked for.
    """
    loose = max(_ADD_UP, 8 * torch.finfo(precision).eps)

    def always(holds: Callable[[Tensor], bool]) -> bool:
        return holds(scores) and holds(again())

    def add_up(values: Tensor) -> bool:
        return within(values) and bool((values.sum(-1) - 1).abs().max() <= loose)

    def within(values: Tensor) -> bool:
        return bool(((values >= 0) & (values <= 1 + loose)).all())

    outputs = scores.shape[1]
    if asked == "binary" and outputs > 1:
        raise UserError(f'scores must not be "binary" for {name}, which has {outputs} outputs: that is for one.')
    allowed = {"probabilities": within(scores), "log-probabilities": bool((scores <= loose).all())}
    if not allowed.get(asked, True):
        low, high = (bound.item() for bound in scores.aminmax())
        raise UserError(f'scores of {name} cannot be "{asked}": on a black picture they are {low:.4g} to {high:.4g}.')

    doubt = None
    if asked in ("logits", *allowed):
        values = asked
    elif ending in ("softmax", "sigmoid"):
        values = "probabilities"
    elif ending == "log_softmax" or (outputs > 1 and always(lambda some: add_up(some.exp()))):
        values = "log-probabilities"
    elif outputs > 1 and always(add_up):
        values = "probabilities"
    elif ending != "unbounded" and always(within):
        values = "probabilities"
        doubt = f'{name} gives numbers of 0…1, taken for probabilities: scores="logits" says that they are not.'
    else:
        values = "logits"

    if outputs == 1:
        classes = "binary"
        if ending in ("softmax", "log_softmax") and always(lambda some: bool((some == some.round()).all())):
            doubt = f"{name} ends in a softmax over its one output, which is 1 for any picture: it needs a sigmoid."
        elif asked == "auto" and values == "logits" and not named:
            doubt = (
                f'{name} has one output, taken for the logit of one of two classes: scores="binary" says that it is; '
                "for another number, such as that of a regression, give target=lambda scores: scores[:, 0]."
            )
    elif asked == "multilabel":
        classes = "multilabel"
    elif values != "probabilities" or (ending != "sigmoid" and always(add_up)):
        classes = "exclusive"
    else:
        classes = "multilabel"
        if ending == "softmax":
            doubt = f"{name} ends in a softmax, but over its classes the scores do not add up to 1: wrong dimension?"
    return Reading(values, classes, doubt)


class Endings(TorchFunctionMode):
    """Notes of every tensor that is computed while it is entered what it ended in.

    That is "softmax", "log_softmax" or "sigmoid", also if it was reshaped or averaged since; "unbounded" after what can
    give any number, such as a linear layer; None where neither is known.
    """

    def __init__(self) -> None:
        super().__init__()
        self._endings = WeakTensorKeyDictionary()

    def of(self, tensor: Tensor) -> str | None:
        return self._endings.get(tensor)

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        found = {self.of(tensor) for tensor in _tensors([*args, *kwargs.values()])}
        output = func(*args, **kwargs)
        name = getattr(func, "__name__", "").strip("_").removeprefix("special_")
        ending: str | None
        if name in _ENDINGS:
            ending = _ENDINGS[name]
        elif name == "log" and found == {"softmax"}:
            ending = "log_softmax"
        elif (name in _SHAPES and len(found) == 1) or (name in _ARITHMETIC and found & {"unbounded"}):
            (ending,) = found & {"unbounded"} or found
        else:
            ending = None
        for tensor in _tensors([output]):
            self._endings[tensor] = ending
        return output


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple) and not isinstance(value, torch.Size):
            yield from _tensors(value)


_UNBOUNDED = (
    "linear conv1d conv2d conv3d matmul mm bmm addmm einsum bilinear relu relu6 leaky_relu prelu elu selu gelu silu "
    "hardswish mish softplus batch_norm layer_norm group_norm instance_norm rms_norm"
)
_ENDINGS = {
    "softmax": "softmax",
    "log_softmax": "log_softmax",
    **dict.fromkeys(("sigmoid", "hardsigmoid", "expit"), "sigmoid"),
    **dict.fromkeys(_UNBOUNDED.split(), "unbounded"),
}
_SHAPING = (
    "view reshape flatten unflatten squeeze unsqueeze permute transpose t contiguous clone detach to float double half "
    "bfloat16 type type_as getitem get select narrow split chunk unbind cat stack dropout mean amax max avg_pool2d "
    "adaptive_avg_pool2d max_pool2d adaptive_max_pool2d"
)
_SHAPES = set(_SHAPING.split())
_ARITHMETIC = {"add", "sub", "rsub", "mul", "div", "truediv", "neg", "sum"}

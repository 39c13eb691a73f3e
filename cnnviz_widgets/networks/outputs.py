"""Which of the tensors that a module returns are its scores."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor

from cnnviz_widgets.errors import UserError

FIELDS = ("logits", "scores", "output", "out")


def scores_in(output: Any, name: str, count: int | None = None, classes: int | None = None) -> Any:
    """The scores in what the network ``name`` returned; what is there instead, if they are not found.

    count    of the pictures, if known
    classes  how many there are, if known
    Of a namedtuple, a dataclass or any other object with attributes they are the first of FIELDS, or else the only
    tensor (B, classes); of a dictionary the first of FIELDS; of a tuple or list the first such tensor with the right
    number of classes. Raises UserError if several could be meant.
    """
    if isinstance(output, Tensor):
        return output
    found = _candidates(output, count, classes)
    chosen = next((key for key in (*FIELDS, 0) if key in found), None)
    if chosen is not None:
        return found[chosen]
    if found and not _is_dictionary(output):
        if len(found) > 1:
            raise UserError(f"{name} returns several tensors that could be its scores: {_pick(output, found)}")
        return next(iter(found.values()))
    parts = _parts(output)
    return next((parts[key] for key in (*FIELDS, 0) if key in parts), output)


def doubt(output: Any, name: str, count: int, classes: int | None = None) -> str | None:
    """A sentence, if the first tensor of a tuple or list was taken, and others could be the scores as well."""
    found = _candidates(output, count, classes)
    if 0 not in found or len(found) == 1:
        return None
    return (
        f"{name} returns {len(found)} tensors that could be its scores, and the first is taken: {_pick(output, found)}"
    )


def _pick(output: Any, found: dict[str | int, Tensor]) -> str:
    last = [*found][-1]
    written = f"answer[{last}]" if isinstance(last, int) else f"answer.{last}"
    return f"output=lambda answer: {written} takes {written}, and so on for {', '.join(map(repr, found))}."


def _candidates(output: Any, count: int | None, classes: int | None) -> dict[str | int, Tensor]:
    """All parts (B, classes); where there are none, the (B,) of a squeezed single output."""
    tensors: dict[str | int, Tensor] = {
        key: part for key, part in _parts(output).items() if isinstance(part, Tensor) and part.is_floating_point()
    }
    tables = {key: part for key, part in tensors.items() if part.ndim == 2 and count in (None, len(part))}
    found = tables or {key: part for key, part in tensors.items() if part.ndim < 2 and part.numel() == count}
    known: dict[str | int, Tensor] = {key: part for key, part in found.items() if key in FIELDS}
    return known or {key: part for key, part in tables.items() if part.shape[1] == classes} or found


def _parts(output: Any) -> dict[str | int, Any]:
    if hasattr(output, "_asdict"):
        return output._asdict()
    if is_dataclass(output):
        return {field.name: getattr(output, field.name) for field in fields(output)}
    if isinstance(output, Mapping):
        return dict(output)
    if isinstance(output, tuple | list):
        return dict(enumerate(output))
    return getattr(output, "__dict__", {})


def _is_dictionary(output: Any) -> bool:
    return isinstance(output, Mapping) and not is_dataclass(output)

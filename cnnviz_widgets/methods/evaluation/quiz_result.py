"""S3: answers to questions about maps, counted; also those of a whole class."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, nan
from pathlib import Path
from statistics import mean, median
from typing import Annotated, Any, Literal, NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from cnnviz_widgets.described import listed
from cnnviz_widgets.drawing.chart import FAINT, INK, PAPER
from cnnviz_widgets.drawing.font import cut, write
from cnnviz_widgets.drawing.render import Content, to_uint8
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, came, gate

__all__ = ["QuizAnswer", "QuizResult", "merge_quizzes"]

KIND = "cnnviz quiz 1"  # of a file
WIDE, ROW, LEFT, RIGHT, FOOT = 560, 30, 140, 150, 40  # px of the picture
BLUE = (0, 114, 178)


class QuizAnswer(NamedTuple):
    """An answer, without the name of whoever gave it, and without the time of day.

    asks      "class" or "networks", see ``QuizTrial``
    method    whose maps they were
    choices   between which one chose
    value     for "class": 1 = right, 0 = wrong; for "networks": −2…+2, + where the first one is more reasonable
    seconds   that it took; NaN = not known
    networks  names of both
    """

    asks: Literal["class", "networks"]
    method: str
    choices: int
    value: int
    seconds: float = nan
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class QuizResult(Result):
    """Answers, counted by method.

    answers  in the order in which they were given
    """

    answers: tuple[QuizAnswer, ...]
    convention: str = "share of right answers about a class, by method"

    @cached_property
    def accuracy(self) -> dict[str, Counted]:
        """By method: right answers about a class, with the 95% interval of their share (Wilson, 1927)."""
        return {name: Counted(sum(values), len(values)) for name, values in self._values("class").items()}

    @cached_property
    def preference(self) -> dict[str, Counted]:
        """By method: how often the first network was more reasonable, of the answers that prefer one."""
        found = {name: [value > 0 for value in values if value] for name, values in self._values("networks").items()}
        return {name: Counted(sum(values), len(values)) for name, values in found.items()}

    @cached_property
    def leaning(self) -> dict[str, float]:
        """By method: the mean of the answers about networks, −2…+2; above 0 the first one is more reasonable."""
        return {name: mean(values) for name, values in self._values("networks").items()}

    @property
    def chance(self) -> float:
        """The share of right answers about a class to expect of guesses."""
        shares = [1 / one.choices for one in self.answers if one.asks == "class"]
        return mean(shares) if shares else nan

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the two that were compared, the first one first; () = none were."""
        return next((one.networks for one in self.answers if one.networks), ())

    @cached_property
    def seconds(self) -> dict[str, float]:
        """By method: the median time of an answer about a class."""
        asked = [one for one in self.answers if one.asks == "class" and isfinite(one.seconds)]
        return {name: median(one.seconds for one in asked if one.method == name) for name in _methods(asked)}

    @property
    def of(self) -> str:
        return f"{len(self.answers)} answers"

    @property
    def values(self) -> Tensor:
        """(methods,): the shares of right answers."""
        return torch.tensor([one.share for one in self.accuracy.values()], dtype=torch.float64)

    @property
    def table(self) -> list[list[str]]:
        """Rows of cells; the first one is the head."""
        rows = [["map", "right (95% interval)", "s per answer"]]
        times = self.seconds
        rows += [
            [name, str(one), f"{times[name]:.1f}" if name in times else "–"] for name, one in self.accuracy.items()
        ]
        if self.accuracy:
            rows.append(["by chance", f"{self.chance:.0%}", ""])
        if self.networks:
            rows.append(["map", f"{self.networks[0]} preferred", "mean, −2…+2"])
            rows += [
                [name, str(one) if one.total else "no preference", f"{self.leaning[name]:+.1f}"]
                for name, one in self.preference.items()
            ]
        return rows

    def content(self) -> Content:
        """A row a method: the share, its interval, and chance as a dashed line."""
        said = listed((f"{name} {one}" for name, one in self.accuracy.items()), len(self.accuracy))
        alt = f"right answers, with 95% interval: {said}; by chance {self.chance:.0%}" if said else "no answers"
        return Content(to_uint8(_drawn(self.accuracy, self.chance)), caption=self.told, alt=alt)

    @property
    def told(self) -> str:
        shares = "; ".join(f"{name} {one}" for name, one in self.accuracy.items())
        return f"{shares}; by chance {self.chance:.0%}" if shares else "no answers about classes"

    @property
    def text(self) -> str:
        """The answers as JSON: no names of people, and no time of day."""
        answers = [one._asdict() | {"seconds": one.seconds if isfinite(one.seconds) else None} for one in self.answers]
        return json.dumps({"kind": KIND, "answers": answers}, indent=1)

    def save(self, path: str | os.PathLike) -> None:
        """Write ``text`` to a file, which ``merge_quizzes`` reads."""
        Path(path).write_text(self.text, encoding="utf-8")

    def _values(self, asks: str) -> dict[str, list[int]]:
        asked = [one for one in self.answers if one.asks == asks]
        return {name: [one.value for one in asked if one.method == name] for name in _methods(asked)}


@gate
def merge_quizzes(files: Annotated[Any, OWN]) -> QuizResult:
    """The answers of several people as one result.

    files  paths of files that ``QuizResult.save`` wrote, or such results
    UserError for other files, and for comparisons of different networks.

        merge_quizzes(["answers-1.json", "answers-2.json"])
    """
    if isinstance(files, str | bytes | dict) or not isinstance(files, Iterable):
        raise UserError(f"files must be paths of saved answers, or results, not {came(files)}.")
    results = [one if isinstance(one, QuizResult) else _read(one) for one in files]
    if not results:
        raise UserError("files must be at least one, not none.")
    compared = {one.networks for result in results for one in result.answers if one.networks}
    if len(compared) > 1:
        pairs = "; ".join(" and ".join(one) for one in sorted(compared))
        raise UserError(f"files must compare the same networks, in the same order, not {pairs}.")
    return QuizResult(tuple(one for result in results for one in result.answers))


def _read(path: Any) -> QuizResult:
    try:
        about = json.loads(Path(path).read_text(encoding="utf-8"))
        if about["kind"] != KIND:
            raise ValueError(about["kind"])
        return QuizResult(tuple(map(_answer, about["answers"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        named = str(path) if isinstance(path, os.PathLike) else path
        raise UserError(f"files must be saved answers of a quiz: {came(named)} is not.") from error


def _answer(about: dict[str, Any]) -> QuizAnswer:
    """Of a file; ValueError, KeyError or TypeError for what is none."""
    asks, method, choices, value = (about[name] for name in ("asks", "method", "choices", "value"))
    seconds, networks = about["seconds"], tuple(map(str, about["networks"]))
    allowed = {"class": (0, 1), "networks": (-2, -1, 0, 1, 2)}[asks]
    if value not in allowed or choices not in (2, 3, 4, 5) or len(networks) != (0 if asks == "class" else 2):
        raise ValueError(about)
    return QuizAnswer(asks, str(method), int(choices), int(value), nan if seconds is None else float(seconds), networks)


def _methods(answers: list[QuizAnswer]) -> list[str]:
    return sorted({one.method for one in answers}, key=str.casefold)


def _drawn(found: dict[str, Counted], chance: float) -> Image.Image:
    high = ROW * max(1, len(found)) + FOOT
    sheet = Image.new("RGB", (2 * WIDE, 2 * high), PAPER)
    pen = ImageDraw.Draw(sheet)

    def at(share: float) -> float:
        return 2 * (LEFT + share * (WIDE - LEFT - RIGHT))

    for tick in (0, 0.25, 0.5, 0.75, 1):
        pen.line([at(tick), 8, at(tick), 2 * (high - FOOT + 4)], FAINT, 2)
        write(pen, (at(tick), 2 * (high - FOOT + 6)), f"{tick:.0%}", INK, 22, "ma")
    write(pen, (at(0.5), 2 * (high - 16)), "right answers, and 95% interval", INK, 22, "ma")
    if isfinite(chance):
        for top in range(8, 2 * (high - FOOT + 4), 16):
            pen.line([at(chance), top, at(chance), top + 8], INK, 3)
    for number, (name, one) in enumerate(found.items()):
        middle, (low, upper) = 2 * ROW * number + ROW, one.interval
        write(pen, (2 * (LEFT - 10), middle), cut(name, 2 * (LEFT - 14), 24), INK, 24, "rm")
        pen.line([at(low), middle, at(upper), middle], BLUE, 6)
        pen.ellipse([at(one.share) - 9, middle - 9, at(one.share) + 9, middle + 9], BLUE)
        write(pen, (2 * (WIDE - RIGHT + 16), middle), f"{one.share:.0%} ({one.hits} of {one.total})", INK, 24, "lm")
    return sheet.resize((WIDE, high), Image.Resampling.BOX)

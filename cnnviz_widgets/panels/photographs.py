"""Many photographs for a panel: of the session's dataset, or else the samples."""

from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.pictures import Dataset, samples


def photographs(now: Now) -> As:
    """The first ``now.pictures``; they are loaded when a call is made with them, and not where it is only written."""
    if now.dataset is None:
        written = "[one for one in cnnviz.samples() if one not in cnnviz.samples().styles]"
        return As(Call(_samples, now.pictures), f"{written}[:{now.pictures}]")
    source = now.dataset.source or "...  # the dataset that you gave to the panel"
    written = f"[picture for _, (picture, _) in zip(range({now.pictures}), {source})]"
    return As(Call(_of, now.dataset, now.pictures), written)


def _samples(count: int) -> list:
    """Their names, without paintings and textures."""
    return [one for one in samples() if one not in samples().styles][:count]


def _of(dataset: Dataset, count: int) -> list:
    return [picture for _, (picture, _) in zip(range(count), dataset, strict=False)]

"""The one exception that speaks to the user."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """Bad input. The message is one sentence: which argument, what came, what is allowed."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook: the sentence. ``%debug``, ``%tb`` and scripts have the whole traceback."""
        return [f"{type(self).__name__}: {self}"]


@contextmanager
def naming(argument: str) -> Iterator[None]:
    """What is refused inside, in whatever words, is told with the name of the argument that was given."""
    try:
        yield
    except UserError as error:
        if argument in str(error):
            raise
        raise UserError(f"{argument}: {error}") from error

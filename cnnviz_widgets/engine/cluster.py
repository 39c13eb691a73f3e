"""Work over many pictures, in parts, by the workers of a Dask cluster."""

import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came

T = TypeVar("T")
MOST = 512  # pictures in a task: so much is lost with a worker
TASKS = 4  # for each worker, at least: the last ones are not waited for long
RETRIES = 3


def check_client(cluster: Any) -> Any:
    """UserError for what is no ``dask.distributed.Client``."""
    distributed = sys.modules.get("distributed")  # whoever has a client has imported it
    if distributed is None or not isinstance(cluster, distributed.Client):
        raise UserError(f"cluster must be a dask.distributed.Client (pip install distributed), not {came(cluster)}.")
    return cluster


def worked(
    client: Any, work: Callable[[Any, range, Any], T], given: Any, left: Sequence[range], more: Any
) -> Iterator[T]:
    """What ``work(given, part, more)`` returns for parts of ``left``, in the order in which workers come to an end.

    UserError for what cannot be sent, and where workers die again and again, or the scheduler is gone.
    """
    from distributed import as_completed

    try:
        content = pickle.dumps(given)
    except Exception as error:
        raise UserError(
            f"cluster: network or pictures cannot be sent to workers, as they do not pickle: {error}"
        ) from error
    try:
        count = sum(map(len, left))
        size = max(1, min(MOST, -(-count // (TASKS * max(1, len(client.scheduler_info()["workers"]))))))
        parts = [
            range(start, min(start + size, one.stop)) for one in left for start in range(one.start, one.stop, size)
        ]
        # A task, and not scattered data: it is made again if the worker that has it dies.
        held = client.submit(pickle.loads, content, pure=False)
        tasks = [client.submit(work, held, part, more, pure=False, retries=RETRIES) for part in parts]
    except Exception as error:
        raise _gone(error) from error
    try:
        for task in as_completed(tasks):
            try:
                found = task.result()
            except UserError:
                raise
            except Exception as error:
                raise _gone(error) from error
            yield found
    finally:
        with suppress(Exception):  # such as that of a client whose scheduler is gone
            client.cancel([held, *tasks], force=True)


def _gone(error: Exception) -> UserError:
    said = " ".join(str(error).split())[:200]
    return UserError(
        f"cluster: its workers or its scheduler failed ({type(error).__name__}: {said}); what was found is kept."
    )

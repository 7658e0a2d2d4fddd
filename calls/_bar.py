"""The progress of a broadcast, for people or for programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def reporting(progress: Callable[[Any], object] | bool) -> Iterator[Callable[[Any], object] | None]:
    """Whom to tell of progress: the function that was given, a bar on standard error, or nobody."""
    if not isinstance(progress, bool):
        yield progress
        return
    if not progress:
        yield None
        return
    try:
        from rich import progress as rich  # noqa: PLC0415  # an extra
        from rich.console import Console  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "a progress bar needs the cli extra: pip install 'bxml-calls[cli]'"
        ) from error
    columns = (
        rich.TextColumn("{task.completed:>9,.0f} of {task.total:,.0f} calls"),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[detail]}"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("", total=0, detail="")

        def report(now: Any) -> None:
            shown.update(
                task,
                total=now.total,
                completed=now.total - now.pending,
                detail=f"{now.pushed:,} pushed, {now.refused:,} refused, {now.gone:,} gone",
            )

        yield report

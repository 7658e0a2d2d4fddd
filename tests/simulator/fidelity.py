"""Which attributes of which verbs a test is about; the table in the docs is written from it."""

from collections.abc import Callable
from typing import Literal, TypeVar

F = TypeVar("F", bound=Callable[..., None])


def effects(label: Literal["documented", "inferred"], *names: str) -> Callable[[F], F]:
    """The test that follows shows what attributes do here.

    Its docstring is the statement of the reference; ``label`` is whether the vendor has documented
    it, or it is inferred. A name is that of a verb and an attribute in the vendor's spelling,
    ``Gather.maxDigits``, or of the verb alone: its text, its children, its course.
    """

    def marked(test: F) -> F:
        assert label in {"documented", "inferred"}
        assert names
        return test

    return marked

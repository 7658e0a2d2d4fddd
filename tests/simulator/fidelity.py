"""Which attribute of which verb a test is about; the table in the docs is written from it."""

from collections.abc import Callable
from typing import Literal, TypeVar

F = TypeVar("F", bound=Callable[..., None])


def effect(verb: str, attribute: str, label: Literal["documented", "inferred"]) -> Callable[[F], F]:
    """The test that follows shows what an attribute does here.

    Its docstring is the statement of the reference; ``label`` is whether the vendor has documented
    it, or it is inferred. ``attribute`` is in the vendor's spelling; "" stands for the verb itself
    (its text, its children, its course). One test may show several.
    """

    def marked(test: F) -> F:
        shown = getattr(test, "effects", [])
        test.effects = [*shown, (verb, attribute, label)]  # type: ignore[attr-defined]  # of a function
        return test

    return marked

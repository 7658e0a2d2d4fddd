"""Tells Hypothesis how objects of this language are made, so that ``st.from_type(Gather)`` works.

Hypothesis calls ``register`` when it is imported; the entry point is in ``pyproject.toml``.
"""

from functools import partial
from typing import Any

from hypothesis import strategies as st

from bxml._declare import Checked
from bxml._speech import TAGS
from bxml.document import VERBS


def register() -> None:
    """Register every verb and every SSML tag. Bases, such as ``Document``, follow from those.

    Hypothesis is told classes, not names of classes, so all of them are imported here. That adds
    a quarter to what Hypothesis itself takes, once a process, where both are installed; waiting for
    ``bxml`` to be imported would need a hook in every later import. The strategies, which take
    more, are imported when the first of them is asked for.
    """
    for cls in (*VERBS, *TAGS):
        st.register_type_strategy(cls, partial(_objects_of, cls))


def _objects_of(cls: type[Checked], _: object) -> st.SearchStrategy[Any]:
    # The type asked for is ignored: where that is a base, Hypothesis asks each of its classes.
    from bxml.strategies import from_verb  # noqa: PLC0415

    return from_verb(cls)

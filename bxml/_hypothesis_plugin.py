"""Tells Hypothesis how objects of this language are made, so that ``st.from_type(Gather)`` works.

Hypothesis calls ``register`` when it is imported; the entry point is in ``pyproject.toml``.
"""

from functools import partial
from typing import Any

from hypothesis import strategies as st

from bxml._compose import Verb
from bxml._speech import TAGS, Tag
from bxml.document import VERBS, Document


def register() -> None:
    """Register every verb, every SSML tag, and what each family has in common.

    Hypothesis is told classes, not names of classes, so all of them are imported here. That adds
    a quarter to what Hypothesis itself takes, once a process, where both are installed; to wait until
    somebody imports ``bxml`` would need a hook in every import. The strategies, which take more, are
    imported when the first of them is asked for.
    """
    for cls in (*VERBS, *TAGS):
        st.register_type_strategy(cls, partial(_draws, "from_verb", cls))
    st.register_type_strategy(Document, partial(_draws, "documents"))
    st.register_type_strategy(Verb, partial(_draws, "verbs"))
    st.register_type_strategy(Tag, partial(_draws, "tags"))


def _draws(strategy: str, *args: Any) -> st.SearchStrategy[Any]:
    """A strategy of ``bxml.strategies``, called without the type that Hypothesis adds at the end."""
    from bxml import strategies  # noqa: PLC0415

    made: st.SearchStrategy[Any] = getattr(strategies, strategy)(*args[:-1])
    return made

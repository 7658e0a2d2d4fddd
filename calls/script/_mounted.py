"""A script at its path, and the URLs that lead back to it."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias, cast
from weakref import WeakKeyDictionary, ref

from bxml._kinds import shown
from bxml.document import Document
from calls.errors import refuse
from calls.events import CallEvent, DisconnectEvent, TransferDisconnectEvent
from calls.script._documents import Way
from calls.script.errors import ScriptError
from calls.script.script import Script
from calls.webhooks import Query, VoiceApp

AnyScript: TypeAlias = Script[[], Any]

STEP = "script_step"
"""The parameter of the URLs that go on with a script, ``1.3``: the first script of a call, step 3."""

_PLACE = re.compile(rf"(?:^|&){STEP}=(\d{{1,6}})\.(\d{{1,9}})(?:&|$)").search


class Place(NamedTuple):
    """Where in a call an event belongs: the how manieth script, and the step that it answers."""

    number: int
    step: int


ENDS = (DisconnectEvent, TransferDisconnectEvent)
"""The events that tell of the end of a call."""


class Answers(Protocol):
    """What answers for a script."""

    async def answer(
        self, mounted: "Mounted", event: CallEvent, place: Place | None
    ) -> Document | None:
        """Answer an event that has come to it, at a step or to begin it."""
        ...

    async def end(self, mounted: "Mounted", event: CallEvent) -> None:
        """Tell it of the end of a call."""
        ...


_scripts_of: WeakKeyDictionary[VoiceApp, "list[Answers]"] = WeakKeyDictionary()


def scripts_of(app: VoiceApp) -> "list[Answers]":
    """What answers for the scripts of an application."""
    return list(_scripts_of.get(app, ()))


class Mounted:
    """A script at its path."""

    def __init__(self, scripts: Answers, script: AnyScript) -> None:
        self.script = script
        self.scripts = scripts
        self._app: Callable[[], VoiceApp | None] = lambda: None
        self._handler: Any = None
        self._credentials: tuple[dict[str, str], dict[str, str]] = {}, {}

    @property
    def app(self) -> VoiceApp:
        """The application that it answers in."""
        app = self._app()
        if app is None:
            raise ScriptError(f"{self.script.name} answers nowhere: VoiceApp(scripts)")
        return app

    def join(self, app: VoiceApp, path: str) -> None:
        """Answer at a path of an application.

        Raises:
            InvalidRequest: It answers in another one already.
        """
        if self._app() is not None:
            refuse("scripts", f"answer in another application already ({self.script.name})")

        async def handler(event: CallEvent, query: Query) -> Document | None:
            if isinstance(event, ENDS):
                await self.scripts.end(self, event)
                return None
            return await self.scripts.answer(self, event, place_in(query))

        handler.__qualname__ = handler.__name__ = self.script.name
        app.on(path, on_failure=self.script.on_failure)(handler)
        # What is shown as its code is the script's; only now, as its signature was read before.
        vars(handler)["__wrapped__"] = self.script.function
        known = _scripts_of.setdefault(app, [])
        if all(each is not self.scripts for each in known):
            known.append(self.scripts)
        self._app = ref(app)
        self._handler = handler
        self._credentials = (
            cast("dict[str, str]", app.auth),
            cast("dict[str, str]", app.fallback_auth),
        )

    def url_of(self, number: int, step: int) -> str:
        """The URL that goes on with a step."""
        return f"{self.app.url_for(self._handler)}?{STEP}={number}.{step}"

    def way(self, number: int, step: int) -> Way:
        """How a verb leads back to a step."""
        return Way(self.url_of(number, step), *self._credentials)


def place_in(query: str) -> Place | None:
    """Where an event belongs, as the URL says that it came to; None if it says nothing.

    Raises:
        ScriptError: It says what cannot be.
    """
    if not query or STEP not in query:
        return None
    found = _PLACE(query)
    if found is None:
        raise ScriptError(f"{STEP} is like 1.3 (got {shown(query)})")
    return Place(int(found[1]), int(found[2]))

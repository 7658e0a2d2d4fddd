"""A call as a script: one async function that speaks, asks and decides. Needs the extra ``web``.

    from calls.script import Line, script
    from calls.webhooks import VoiceApp

    @script
    async def reception(line: Line) -> None:
        line.speak_sentence("Welcome to Acme.")
        choice = await line.menu("For sales, press 1. For support, press 2.", keys="12")
        if choice == "1":
            await line.transfer("+19195550100")

    app = VoiceApp({"/answer": reception})

Each ``await`` ends a document, and the next webhook goes on with the function, in whatever process:
a journal holds what came of each step, and a script that is not in memory any more is run again
from its beginning against it, without doing anything twice. ``Scripts`` says where journals are.
"""

from calls.script.errors import (
    GaveUp,
    HungUp,
    JournalConflict,
    JournalFailed,
    ReplayError,
    RunFailed,
    RunInterrupted,
    ScriptError,
)
from calls.script.journals import Journal, MemoryJournal
from calls.script.line import Line
from calls.script.outcomes import (
    Bridged,
    Conferred,
    Gathered,
    Recorded,
    Redirected,
    Referred,
    Transferred,
)
from calls.script.script import Script, script
from calls.script.scripts import Scripts

__all__ = [
    "Bridged",
    "Conferred",
    "Gathered",
    "GaveUp",
    "HungUp",
    "Journal",
    "JournalConflict",
    "JournalFailed",
    "Line",
    "MemoryJournal",
    "Recorded",
    "Redirected",
    "Referred",
    "ReplayError",
    "RunFailed",
    "RunInterrupted",
    "Script",
    "ScriptError",
    "Scripts",
    "Transferred",
    "script",
]

"""Messages into a live call: the script that waits for one goes on, and what it says is pushed."""

import asyncio
from typing import Any

import httpx
import pytest
from msgspec import Struct

from bxml import Response
from calls import (
    AsyncCallController,
    Basic,
    CallController,
    CallEnded,
    ConnectionFailed,
    Repeat,
    Retry,
)
from calls.script import Line, MemoryJournal, Script, ScriptError, Scripts
from calls.simulator import Phone, PhoneCall, Simulator
from calls.webhooks import VoiceApp

PUBLIC = "https://app.example.com"
AGENT = "+19195550100"


class Agent(Struct):
    name: str
    number: str


def controller_of(simulator: Simulator, kind: Any = AsyncCallController) -> Any:
    return kind(
        simulator.account_id,
        auth=simulator.auth,
        base_url=simulator.base_url,
        transport=simulator.transport(),
    )


class Desk:
    """A call that runs a script, and scripts that can be sent messages."""

    def __init__(self, phone: Phone, function: Any, kind: Any = AsyncCallController) -> None:
        self.phone = phone
        self.journal = MemoryJournal()
        self.function = Script(function, Response().speak_sentence("Sorry."))
        self.kind = kind
        self.scripts = self.with_scripts()
        app = VoiceApp(self.scripts, public_url=PUBLIC)
        self.apps = [app]
        self.call: PhoneCall = phone.dials("+15550100", app=app)

    def with_scripts(self) -> Scripts:
        started = self.phone.simulator
        return Scripts(
            {"/answer": self.function},
            journal=self.journal,
            controller=controller_of(started, self.kind),
        )

    def other_process(self) -> Scripts:
        """The same scripts and journal, and nothing in memory."""
        scripts = self.with_scripts()
        self.apps.append(VoiceApp(scripts, public_url=PUBLIC))
        return scripts

    def send(self, message: Any, scripts: Scripts | None = None) -> bool:
        return asyncio.run((scripts or self.scripts).send(self.call.call_id, message))


async def waiting(line: Line) -> None:
    line.speak_sentence("All agents are busy.")
    line.play_audio("https://app.example.com/music.wav")
    agent = await line.message(Agent, seconds=60)
    if agent is None:
        line.speak_sentence("Please call again.")
        return
    line.speak_sentence(f"{agent.name} is free now.")
    outcome = await line.transfer(agent.number)
    line.speak_sentence(f"It ended with {outcome.cause}.")


@pytest.mark.parametrize("kind", [AsyncCallController, CallController])
def test_an_agent_becomes_free_while_the_caller_hears_music(phone: Phone, kind: Any) -> None:
    desk = Desk(phone, waiting, kind)
    desk.call.hears("All agents are busy").hears("music.wav").waits(1)
    assert desk.send({"name": "Ann", "number": AGENT}) is True
    desk.call.hears("Ann is free now")
    desk.call.is_transferred_to(AGENT).answers().talks("5s").hangs_up()
    desk.call.hears("It ended with hangup").ended(cause="hangup")


def test_another_process_may_send_it(phone: Phone) -> None:
    desk = Desk(phone, waiting)
    desk.call.hears("music.wav")
    assert desk.send({"name": "Ann", "number": AGENT}, desk.other_process()) is True
    desk.call.hears("Ann is free now")
    desk.call.is_transferred_to(AGENT).is_busy()
    desk.call.hears("It ended with busy").ended()


def test_what_was_said_is_played_again_and_again_until_nobody_waits_any_more(phone: Phone) -> None:
    call = Desk(phone, waiting).call.ended(cause="hangup")
    rounds = call.heard.count("All agents are busy.")
    assert call.heard == [
        *(["All agents are busy.", "[https://app.example.com/music.wav]"] * rounds),
        "Please call again.",
    ]
    assert rounds > 10
    with phone.simulator.held() as engine:
        assert 60 <= engine.now < 70


def test_who_hears_nothing_waits_in_silence_and_what_was_begun_is_not_begun_again(
    phone: Phone,
) -> None:
    async def silent(line: Line) -> None:
        line.start_recording()
        line.speak_sentence(f"Told {await line.message(seconds=40)}.")

    call = Desk(phone, silent).call.hears("Told None").ended()
    assert call.transcript.count("<StartRecording") == 1
    assert call.transcript.count("<Pause") == 3, "15 s of silence, three times"


def test_a_message_that_comes_before_anybody_waits_is_kept(phone: Phone) -> None:
    async def later(line: Line) -> None:
        await line.menu("Press 1.", keys="1")
        line.speak_sentence(f"Told {await line.message()}, {await line.message()}.")
        await line.heard()

    desk = Desk(phone, later)
    desk.call.hears("Press 1")
    assert [desk.send("first"), desk.send(2, desk.other_process())] == [False, False]
    desk.call.presses("1").hears("Told first, 2").ended()


def test_a_message_of_another_form_is_the_scripts_error(phone: Phone, caplog: Any) -> None:
    desk = Desk(phone, waiting)
    desk.call.hears("music.wav")
    with pytest.raises(ScriptError, match="cannot be read as Agent"):
        desk.send("no agent")
    desk.call.hears("Sorry").ended(cause="hangup")


def test_a_push_whose_reply_is_lost_is_not_lost(phone: Phone) -> None:
    """The caller gets what the script said at the end of what is being played."""

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("nothing came", request=request)

    def with_lost_replies(account_id: str, **_: Any) -> AsyncCallController:
        return AsyncCallController(
            account_id,
            auth=Basic("user", "password"),
            transport=httpx.MockTransport(lost),
            retry=Retry(update_call_bxml=Repeat()),
        )

    desk = Desk(phone, waiting, with_lost_replies)
    desk.call.hears("music.wav")
    with pytest.raises(ConnectionFailed):
        desk.send({"name": "Ann", "number": AGENT})
    desk.call.hears("Ann is free now").hangs_up()


def test_who_is_gone_gets_no_message(phone: Phone) -> None:
    desk = Desk(phone, waiting)
    desk.call.hears("music.wav").hangs_up().ended()
    with pytest.raises(ScriptError, match="no script is under way"):
        desk.send("too late")
    with pytest.raises(ScriptError, match="no script is under way"):
        asyncio.run(desk.scripts.send("c-unknown", "whom"))


def test_a_call_that_ended_unnoticed_is_told_to_the_sender(phone: Phone) -> None:
    desk = Desk(phone, waiting)
    desk.call.hears("music.wav")
    with phone.simulator.held() as engine:
        call = engine.calls[desk.call.call_id]
        call.disconnect = None  # nobody is told
        engine.hang_up(call, "hangup")
    with pytest.raises(CallEnded):
        desk.send({"name": "Ann", "number": AGENT})


def test_what_a_message_needs_is_told(phone: Phone) -> None:
    desk = Desk(phone, waiting)
    desk.call.hears("music.wav")
    with pytest.raises(ScriptError, match="cannot be written as JSON"):
        desk.send(object())
    with pytest.raises(ScriptError, match="at most"):
        desk.send("x" * 2_000_000)
    without = Scripts({"/answer": desk.function}, journal=desk.journal)
    with pytest.raises(ScriptError, match="controller"):
        desk.send("x", without)
    no_url = desk.with_scripts()
    app = VoiceApp(no_url)
    with pytest.raises(ScriptError, match="public_url"):
        desk.send("x", no_url)
    assert app.public_url is None
    nowhere = desk.with_scripts()
    with pytest.raises(ScriptError, match="answers nowhere"):
        desk.send("x", nowhere)

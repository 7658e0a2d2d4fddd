"""Fluent and list composition, nesting, and what documents can do."""

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bxml.strategies
from bxml import (
    VERBS,
    Bxml,
    Gather,
    Hangup,
    InvalidDocument,
    InvalidVerb,
    Pause,
    PhoneNumber,
    Refer,
    Response,
    SipUri,
    SpeakSentence,
    Transfer,
)
from bxml._compose import Container
from bxml._declare import describe, python_name

HELLO = SpeakSentence("Hello.")
MENU = Gather([SpeakSentence("Press 1.")], gather_url="/menu")


def test_a_chain_and_a_list_make_the_same_document() -> None:
    chain = (
        Response()
        .speak_sentence("Hello.")
        .gather([SpeakSentence("Press 1.")], gather_url="/menu")
        .transfer([PhoneNumber("+15551230001")], call_timeout=20)
        .hangup()
    )
    transfer = Transfer(call_timeout=20).phone_number("+15551230001")
    assert chain == Response([HELLO, MENU, transfer, Hangup()])
    assert chain == Response().then(HELLO, MENU).then(transfer).then(Hangup())


def test_every_step_of_a_chain_is_a_new_document() -> None:
    empty = Response()
    hello = empty.speak_sentence("Hello.")
    assert len(empty) == 0
    assert len(hello) == 1
    assert hello.then() == hello


def test_children_come_from_any_iterable() -> None:
    texts = ["one", "two"]
    assert Response(SpeakSentence(text) for text in texts) == Response(
        [SpeakSentence("one"), SpeakSentence("two")]
    )
    assert Bxml(Response([HELLO])) == Bxml([HELLO])
    with pytest.raises(InvalidVerb, match="Response: takes an iterable of verbs"):
        Response(MENU)
    with pytest.raises(InvalidVerb, match="Response: takes an iterable of verbs"):
        Response(HELLO)  # type: ignore[arg-type]


def test_documents_add_iterate_index_and_have_a_length() -> None:
    document = Response([HELLO]) + Response([MENU, Hangup()])
    assert list(document) == [HELLO, MENU, Hangup()]
    assert len(document) == 3
    assert document[0] == HELLO
    assert document[-1] == Hangup()
    assert document[1:] == Response([MENU, Hangup()])
    assert Bxml([HELLO]) + Response([MENU]) == Bxml([HELLO, MENU])
    with pytest.raises(TypeError):
        document + [HELLO]  # type: ignore[operator]  # noqa: RUF005


def test_an_empty_document_is_true() -> None:
    """It hangs up, which is not nothing: ``document or default`` must not lose it."""
    assert Response()
    assert Gather()


def test_a_container_offers_only_what_it_may_hold_and_says_so() -> None:
    words = r"^a Gather may hold SpeakSentence or PlayAudio \(got Redirect\)$"
    with pytest.raises(AttributeError, match=words):
        Gather().redirect("/x")  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"^a Transfer may hold PhoneNumber or SipUri"):
        Transfer().speak_sentence("x")  # type: ignore[attr-defined]
    with pytest.raises(InvalidVerb, match=r"^Gather\[0\]: a Gather may hold SpeakSentence or"):
        Gather().then(Hangup())  # type: ignore[arg-type]
    assert not hasattr(Gather(), "redirect")


@pytest.mark.parametrize("name", ["add_verb", "add_verbs", "append", "extend"])
def test_asking_for_a_method_that_would_change_it_names_then(name: str) -> None:
    """A chain whose result is thrown away must not go unnoticed."""
    with pytest.raises(AttributeError, match=r"immutable.*response = response\.then\(verb\)"):
        getattr(Response(), name)


def test_a_transfer_may_be_filled_and_needs_a_party_in_a_document() -> None:
    empty = Transfer(call_timeout=10)
    assert Response([empty.sip_uri("sip:bob@pbx.example.com")])
    with pytest.raises(InvalidVerb, match="Transfer: must hold at least 1"):
        Response().then(empty)
    with pytest.raises(InvalidVerb, match="Transfer: must hold at least 1"):
        Response().transfer(call_timeout=10)


def test_the_upper_bound_is_checked_as_children_come() -> None:
    full = Transfer([SipUri("sip:a@b.example")] * 8)
    with pytest.raises(InvalidVerb, match=r"Transfer: may hold at most 8 .* \(got 9\)"):
        full.phone_number("+15551230001")
    asking = Gather(repeat_count=10).speak_sentence("1").speak_sentence("2")
    with pytest.raises(InvalidVerb, match=r"repeat_count times .* at most 20 \(got 10 x 3\)"):
        asking.speak_sentence("3")


def test_several_wrong_verbs_are_told_at_once_with_their_places() -> None:
    with pytest.raises(InvalidVerb) as caught:
        Response([HELLO]).then(MENU, PhoneNumber("+15551230001"), "x")  # type: ignore[arg-type]
    assert [problem.path for problem in caught.value.problems] == ["Response[2]", "Response[3]"]


def test_a_method_shows_the_signature_and_the_words_of_its_verb() -> None:
    assert "max_digits" in inspect.signature(Response.gather).parameters
    assert "Collects digits" in (Response.gather.__doc__ or "")


def test_a_document_larger_than_64_kb_cannot_be_serialized() -> None:
    text = "é" * 32_700
    assert len(bytes(Response().speak_sentence(text))) < 65_536
    with pytest.raises(InvalidDocument, match=r"at most 65,536 bytes \(got 65,6"):
        Response().speak_sentence(text + "é" * 100).to_bxml()


def test_the_compact_form_is_computed_once() -> None:
    document = Response([HELLO])
    assert document.to_bxml() is document.to_bxml()
    grown = document.then(Pause())
    assert "<Pause/>" in grown.to_bxml()
    assert "<Pause/>" not in document.to_bxml()


def test_a_refer_takes_an_address_and_nothing_else_however_it_is_filled() -> None:
    """The platform refuses a SipUri with attributes there."""
    refer = Refer(refer_complete_url="/done").sip_uri("sip:a@b.example")
    assert refer == Refer([SipUri("sip:a@b.example")], refer_complete_url="/done")
    dressed = SipUri("sip:a@b.example", tag="x")
    words = r"Refer\[0\] > SipUri: tag is not an attribute of a SipUri in a Refer"
    with pytest.raises(InvalidVerb, match=words):
        Refer([dressed])
    with pytest.raises(InvalidVerb, match=words):
        Refer().then(dressed)
    with pytest.raises(TypeError):
        Refer().sip_uri("sip:a@b.example", tag="x")  # type: ignore[call-arg]
    with pytest.raises(InvalidVerb, match=r"Refer\[0\] > SipUri: text must be a SIP URI"):
        Refer().sip_uri("a@b.example")


def test_a_container_in_place_of_its_children_would_lose_its_attributes() -> None:
    for container in (
        Gather([SpeakSentence("1")], gather_url="/menu"),
        Transfer([PhoneNumber("+15551230001")], privacy=True),
    ):
        with pytest.raises(InvalidVerb, match="takes an iterable of verbs"):
            type(container)(container)  # type: ignore[arg-type]


@given(st.data())
def test_a_chain_holds_what_a_list_holds_and_is_refused_where_a_list_is(
    data: st.DataObject,
) -> None:
    verb: Any = data.draw(st.sampled_from(VERBS))
    containers = [each for each in VERBS if verb in (describe(each).holds or ())]
    container: Any = data.draw(st.sampled_from(containers or [Response]))
    child: Any = data.draw(bxml.strategies.from_verb(verb))
    if not containers:
        return
    given_ = {known.name: getattr(child, known.name) for known in describe(verb).attributes}
    given_ |= {"children": tuple(child)} if isinstance(child, Container) else {}
    wanted = {
        known.name: value
        for known in describe(container).attributes
        if known.required
        for value in ["wss://bot.example.com/"]
    }
    try:
        listed = container(children=[child], **wanted)
    except InvalidVerb:
        listed = None
    append = getattr(container(**wanted), python_name(verb.__name__))
    try:
        chained = append(given_["text"]) if container.bare else append(**given_)
    except InvalidVerb:
        chained = None
    assert chained == listed or (container.bare and listed is None)

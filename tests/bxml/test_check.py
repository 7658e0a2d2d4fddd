"""What ``check`` says, where it says it, and in which order. The corpus has the rules one by one."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bxml.strategies
from bxml import Bxml, Document, Gather, InvalidVerb, Problem, Response, Where, check, ssml
from bxml.rules import RULES

APP = "https://app.example.com"


def told(document: Document, where: Where = "reply") -> list[str]:
    return [
        f"{each.level} {each.rule} {each.path}: {each.message}"
        for each in levelled(document, where)
    ]


def levelled(document: Document, where: Where) -> list[Problem]:
    return [each for each in check(document, where=where) if each.level != "info"]


@given(bxml.strategies.documents(), st.sampled_from(get_args(Where)))
def test_check_has_words_and_never_raises_for_a_document_that_exists(
    document: Document, where: Where
) -> None:
    before = len(document)
    for problem in check(document, where=where):
        assert problem.rule in RULES
        assert problem.level in ("error", "warning", "info")
        assert problem.message
        assert problem.advice == RULES[problem.rule].advice
        assert problem.path.startswith(type(document).__name__)
    assert len(document) == before


def test_a_document_that_is_too_large_to_be_sent_is_told_and_not_raised() -> None:
    long = Response().speak_sentence("é" * 40_000).hangup()
    assert told(long) == [
        "error doc-size Response: a document may hold at most 65,536 bytes (got 80,099)"
    ]
    doubtful = Response().speak_sentence("x" * 64_000).hangup()
    assert [each.split(":")[0] for each in told(doubtful)] == ["warning doc-size Response"]
    assert doubtful.to_bxml()


def test_problems_come_in_the_order_of_the_document_with_the_path_to_each() -> None:
    document = (
        Response()
        .start_stream("wss://bot.example.com/")
        .speak_sentence(["Say ", ssml.s(["or ", ssml.break_(), ssml.lang("oui", xml_lang="fr")])])
        .gather(gather_method="GET")
        .redirect(f"{APP}/next")
        .speak_sentence("Never.", voice="julie", gender="male")
    )
    assert told(document) == [
        "warning ssml-language-unknown Response[1] > SpeakSentence[0] > s[1] > lang:"
        " xml_lang is not known (got 'fr')",
        "warning method-without-url Response[2] > Gather:"
        " gather_method has no effect without gather_url",
        "warning gather-no-url Response[2] > Gather:"
        " gather_url is not given, so what is gathered is lost",
        "warning redirect-last Response[3] > Redirect: Redirect should be the last verb",
        "warning doc-unreachable Response[4] > SpeakSentence:"
        " this verb is never run, since Redirect ends the document before",
        "warning voice-overrides Response[4] > SpeakSentence:"
        " gender is ignored, since voice is given",
    ]


def test_what_is_nested_is_looked_at_too() -> None:
    menu = Gather(gather_url=f"{APP}/menu").play_audio("/a.wav").speak_sentence("x", voice="nobody")
    assert told(Bxml([menu]), "push") == [
        "warning doc-relative-url-rest Bxml[0] > Gather[0] > PlayAudio:"
        " text is relative, and a pushed document has no base (got '/a.wav')",
        "warning voice-unknown Bxml[0] > Gather[1] > SpeakSentence:"
        " voice is not known (got 'nobody')",
    ]


@pytest.mark.parametrize(
    ("document", "streams"),
    [
        (Response().start_stream("wss://a.example/"), [0]),
        (Response().start_stream("wss://a.example/").tag("x").stop_stream("y"), [0]),
        (Response().start_stream("wss://a.example/").start_stream("wss://b.example/"), [0, 1]),
        (Response().start_stream("wss://a.example/").hangup(), [0]),
        (Response().start_stream("wss://a.example/").pause().start_stream("wss://b.example/"), [2]),
        (Response().start_stream("wss://a.example/", name="x").stop_stream("x", wait=True), []),
        (Response().start_stream("wss://a.example/").redirect(f"{APP}/next"), []),
        (Response().start_stream("wss://a.example/").pause().hangup(), []),
    ],
)
def test_a_stream_that_ends_as_soon_as_it_begins_is_told(
    document: Document, streams: list[int]
) -> None:
    found = [each.path for each in check(document) if each.rule == "stream-last-verb"]
    assert found == [f"Response[{index}] > StartStream" for index in streams]


def test_the_first_relative_url_is_named_and_the_others_are_counted() -> None:
    one = check(Response().redirect("/next"))
    assert str(one[0]).endswith(
        "there is one URL relative to that of the request for this document ('/next')"
    )
    three = check(Response().play_audio("a.wav").play_audio("b.wav").redirect("/next"))
    assert str(three[0]).endswith(
        "are 3 URLs relative to that of the request for this document ('a.wav' first)"
    )


def test_a_document_that_is_pushed_to_a_conference_has_no_base_either() -> None:
    spoken = Bxml().play_audio("/a.wav")
    assert [each.rule for each in check(spoken, where="conference")] == ["doc-relative-url-rest"]
    assert [each.rule for each in check(Response(spoken), where="conference")] == [
        "doc-relative-url"
    ]


def test_credentials_over_plain_http_are_told_in_good_english() -> None:
    with pytest.raises(InvalidVerb) as caught:
        Response().record(record_complete_url="http://a.example/", username="u", password="p")
    assert str(caught.value) == (
        "Response[0] > Record: record_complete_url must be https,"
        " since username and password go there"
    )
    audio = Response().play_audio("http://a.example/a.wav", password="p").hangup()
    assert told(audio) == [
        "warning https-with-credentials-other Response[0] > PlayAudio: text should be https,"
        " since password goes there"
    ]
    nowhere = Response().redirect(f"{APP}/", fallback_password="p")
    assert told(nowhere) == [
        "warning credentials-without-url Response[0] > Redirect: fallback_password has no effect,"
        " since redirect_fallback_url is not given"
    ]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("<Response/>", r"check\(\) takes a document, and parse\(\) reads markup"),
        (Gather(), r"check\(\) takes a document, and it has verbs \(got Gather\(\)\)"),
    ],
)
def test_only_documents_are_checked(document: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        check(document)


def test_the_place_is_one_of_four() -> None:
    place: Any = "webhook"
    with pytest.raises(
        ValueError, match="where must be one of reply, push, conference, transfer_answer"
    ):
        check(Response(), where=place)


def test_every_rule_says_what_it_is_and_what_to_do() -> None:
    for rule in RULES.values():
        assert rule.says.endswith("."), rule.id
        assert rule.advice.endswith("."), rule.id


def test_credentials_in_a_url_over_plain_http_are_told() -> None:
    [told_] = told(Bxml().redirect("http://u:hunter2@app.example.com/x"), "push")
    assert told_ == (
        "warning https-with-credentials-other Bxml[0] > Redirect: redirect_url should be https,"
        " since a name and a password are in it"
    )
    assert told(Bxml().redirect("https://u:p@app.example.com/x"), "push") == []
    assert told(Bxml().redirect("http://app.example.com/x@y"), "push") == []

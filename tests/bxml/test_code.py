"""From documents to the Python that builds them."""

import ast
from typing import Any

import pytest
from hypothesis import given

import bxml
from bxml import (
    Bxml,
    Conference,
    Document,
    Forward,
    Gather,
    Hangup,
    PlayAudio,
    Redirect,
    Response,
    SpeakSentence,
    StartStream,
    StreamParam,
    Tag,
    parse,
    ssml,
)
from bxml._code import WIDTH, code
from bxml._speech import DEEPEST
from bxml.strategies import documents


def built(source: str) -> Any:
    """The document that some code builds."""
    names: dict[str, Any] = {}
    exec(compile(source, "document.py", "exec"), names)  # noqa: S102  # what is tested
    return names["document"]


@given(documents())
def test_the_code_of_a_document_builds_an_equal_one(document: Document) -> None:
    assert built(code(document)) == document


@given(documents())
def test_the_code_of_a_document_imports_what_it_uses_and_nothing_else(document: Document) -> None:
    imports, assignment = ast.parse(code(document)).body
    assert isinstance(imports, ast.ImportFrom)
    imported = [alias.name for alias in imports.names]
    used = {node.id for node in ast.walk(assignment) if isinstance(node, ast.Name)}
    assert {*imported, "document"} == used
    assert imported == sorted(imported)  # capitals come before ssml
    assert set(imported) <= set(bxml.__all__)


@given(documents())
def test_the_code_of_a_document_is_printable_and_as_narrow_as_its_texts(document: Document) -> None:
    for line in code(document).split("\n"):
        assert line.isprintable()
        # Twenty tags in each other take their indentation.
        piece = line.strip()
        if len(piece) > WIDTH:
            name, _, value = piece.removesuffix(",").partition("=")
            text = value if name.isidentifier() else piece.removesuffix(",")
            assert isinstance(ast.literal_eval(text), str)


def test_code_reads_as_one_would_write_it() -> None:
    document = Response(
        [
            Gather(
                [
                    SpeakSentence(
                        [
                            "For sales, press ",
                            ssml.say_as("1", interpret_as="cardinal"),
                            ssml.break_(time="250ms"),
                            ", or stay on the line and somebody will be with you.",
                        ],
                        voice="julie",
                    ),
                    PlayAudio("/a.wav"),
                ],
                max_digits=1,
                first_digit_timeout=2.5,
                gather_url="/menu",
            ),
            StartStream("wss://a.example", [StreamParam("a", "b")], name="x"),
            Conference("room", call_ids_to_coach=["c-1", "c-2"], mute=True),
            Forward("+15551230001", from_="+15551230002"),
            Hangup(),
        ]
    )
    assert (
        code(document)
        == """\
from bxml import (
    Conference,
    Forward,
    Gather,
    Hangup,
    PlayAudio,
    Response,
    SpeakSentence,
    StartStream,
    StreamParam,
    ssml,
)

document = Response([
    Gather(
        [
            SpeakSentence(
                [
                    'For sales, press ',
                    ssml.say_as('1', interpret_as='cardinal'),
                    ssml.break_(time='250ms'),
                    ', or stay on the line and somebody will be with you.',
                ],
                voice='julie',
            ),
            PlayAudio('/a.wav'),
        ],
        gather_url='/menu',
        max_digits=1,
        first_digit_timeout=2.5,
    ),
    StartStream('wss://a.example', [StreamParam('a', 'b')], name='x'),
    Conference('room', mute=True, call_ids_to_coach=['c-1', 'c-2']),
    Forward('+15551230001', from_='+15551230002'),
    Hangup(),
])
"""
    )


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (Response(), "from bxml import Response\n\ndocument = Response()\n"),
        (Bxml([Tag("")]), "from bxml import Bxml, Tag\n\ndocument = Bxml([Tag()])\n"),
        (
            Bxml([Tag("it's")]),
            'from bxml import Bxml, Tag\n\ndocument = Bxml([Tag("it\'s")])\n',
        ),
    ],
)
def test_what_is_as_it_would_be_anyway_is_not_written(document: Document, expected: str) -> None:
    assert code(document) == expected


def test_a_password_is_in_the_code_though_repr_masks_it() -> None:
    document = Response([Redirect("/next", username="me", password="hunter2")])
    assert "hunter2" not in repr(document)
    assert "password='hunter2'" in code(document)
    assert built(code(document)) == document


def test_the_largest_and_the_deepest_documents_can_be_built_from_their_code() -> None:
    many = parse(f"<Response>{'<Hangup/>' * 7000}</Response>")
    assert built(code(many)) == many
    dressed = "<Transfer><PhoneNumber>+15551230001</PhoneNumber></Transfer>"
    nested = parse(f"<Response>{dressed * 1000}</Response>")
    assert built(code(nested)) == nested
    long = Response([SpeakSentence("'\"é\\ " * 10_000)])
    assert built(code(long)) == long
    inside: ssml.Part = "a" * WIDTH
    for _ in range(DEEPEST):
        inside = ssml.sub([inside, "b"], alias="c" * WIDTH)
    deep = Response([Gather([SpeakSentence([inside, ssml.s()])])])
    assert built(code(deep)) == deep

"""No data becomes markup: lxml, which knows nothing of this library, reads back what went in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

import bxml
import bxml.render
import bxml.strategies
from bxml import VERBS, Bxml, Document, InvalidVerb, Response, SpeakSentence, ssml
from bxml._compose import Container
from bxml._declare import Checked, describe
from bxml._kinds import Boolean, Choice, Listing, Number, Text
from bxml._speech import TAGS, Spoken, parts

Tree = tuple[str, dict[str, Any], list[Any]]
"""The name of an element, its attributes, and its content: texts and trees."""

XML = "{http://www.w3.org/XML/1998/namespace}"


def told(thing: Checked) -> Tree:
    """What the markup of a verb or a tag must say, by its objects alone."""
    described = describe(type(thing))
    attributes = {
        known.vendor_name.replace("xml:", XML): as_written(known.kind, getattr(thing, known.name))
        for known in described.written
        if getattr(thing, known.name) is not None
    }
    content: list[Any] = []
    if described.content:
        mixed = parts(getattr(thing, "text", ""))
        content = [part if isinstance(part, str) else told(part) for part in mixed]
    elif isinstance(thing, Container):
        content = [told(child) for child in thing]
    return described.name, attributes, content


def as_written(kind: Any, value: Any) -> Any:
    if isinstance(kind, Boolean):
        return "true" if value else "false"
    if isinstance(kind, Listing):
        return ",".join(value)
    return value


def read(element: Any, like: Tree) -> Tree:
    """What lxml reads; numbers as numbers, where there should be one."""
    attributes: dict[str, Any] = dict(element.items())
    for name, value in like[1].items():
        if isinstance(value, int | float) and name in attributes:
            attributes[name] = float(attributes[name])
    inner = [each for each in like[2] if not isinstance(each, str)]
    content: list[Any] = [element.text] if element.text else []
    for index, child in enumerate(element):
        content.append(read(child, inner[index] if index < len(inner) else ("", {}, [])))
        content += [child.tail] if child.tail else []
    return element.tag, attributes, content


@given(bxml.strategies.documents())
def test_lxml_reads_back_exactly_what_went_in(document: Document) -> None:
    wanted = told(document)
    assert read(etree.fromstring(bytes(document)), wanted) == wanted


@given(st.sampled_from([*VERBS, *TAGS]), st.data())
def test_any_string_in_any_position_comes_back_as_it_is_or_is_refused(
    cls: Any, data: st.DataObject
) -> None:
    """Whatever the strings are, the names of elements and attributes are those of the class."""
    described = describe(cls)
    sound = data.draw(bxml.strategies.from_verb(cls) if cls in VERBS else tags_of(cls))
    given_ = {known.name: getattr(sound, known.name) for known in described.attributes}
    positions = [
        known.name
        for known in described.attributes
        if isinstance(known.kind, Text | Spoken | Listing | Choice)
    ]
    chosen = data.draw(st.lists(st.sampled_from(positions), unique=True)) if positions else []
    for name in chosen:
        given_[name] = data.draw(bxml.strategies.hostile_text(), label=name)
    if isinstance(sound, Container):
        given_["children"] = tuple(sound)
    try:
        built = cls(**given_)
        markup = bxml.render.render(built)
    except InvalidVerb as error:
        assert error.problems
        return
    wanted = told(built)
    for name in chosen:
        value = getattr(built, name)
        assert value == given_[name] or not isinstance(value, str) or name == "text"
    assert read(etree.fromstring(markup), wanted) == wanted


def tags_of(cls: Any) -> st.SearchStrategy[Any]:
    required = {
        known.name: st.sampled_from(known.kind.values)
        if isinstance(known.kind, Choice)
        else st.just("x")
        for known in describe(cls).attributes
        if known.required
    }
    extra = {"format": st.just("mdy")} if cls.__name__ == "SayAs" else {}
    return st.builds(cls, **required, **extra)


BREAKING_OUT = [
    "</SpeakSentence><Transfer><PhoneNumber>+19005550199</PhoneNumber></Transfer>",
    '"/><Redirect redirectUrl="https://evil.example/"/><x y="',
    "]]></SpeakSentence><Hangup/><![CDATA[",
    "--><Hangup/><!--",
    "<break time='10s'/>",
    '<say-as interpret-as="characters">',
    "&lt;Hangup/&gt;",
    "&#60;Hangup/&#62;",
    "&xxe;",
    "?><?php echo 1 ?>",
    "<!DOCTYPE x [<!ENTITY y 'z'>]>",
]


@pytest.mark.parametrize("text", BREAKING_OUT)
@pytest.mark.parametrize("root", [Response, Bxml])
def test_a_callers_name_dials_no_toll_number(root: Any, text: str) -> None:
    document = (
        root()
        .speak_sentence(f"Hello {text}.")
        .speak_sentence(["Hello ", ssml.emphasis(text), ssml.sub("x", alias=text)])
        .gather([SpeakSentence(text, voice=text)], gather_url="/menu", tag=text, hints=text)
        .start_stream("wss://bot.example.com/", [bxml.StreamParam(text, text)], name=text)
        .tag(text)
    )
    tree = etree.fromstring(bytes(document))
    assert [each.tag for each in tree.iter()] == [
        root.__name__,
        *("SpeakSentence", "SpeakSentence", "emphasis", "sub"),
        *("Gather", "SpeakSentence", "StartStream", "StreamParam", "Tag"),
    ]
    assert tree[0].text == f"Hello {text}."
    assert [tree[1][0].text, tree[1][1].get("alias")] == [text, text]
    assert [tree[2].get("tag"), tree[2].get("hints"), tree[2][0].get("voice")] == [text] * 3
    assert [tree[3].get("name"), tree[3][0].get("name"), tree[3][0].get("value")] == [text] * 3
    assert tree[4].text == text
    assert bxml.parse(document.to_bxml()) == document


def test_every_kind_of_value_is_looked_at() -> None:
    """A new kind must be added to the properties above."""
    kinds = {type(known.kind) for verb in VERBS for known in describe(verb).attributes}
    assert kinds == {Boolean, Choice, Listing, Number, Spoken, Text}

"""Agreement with the vendor's own SDK, attribute by attribute.

The same element is built with ``bandwidth-sdk`` and with ours; lxml reads both. Where the two
differ on purpose, ``DIFFERENCES`` says how and why, and each of its lines is held to be true still.
"""

import inspect
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib.metadata import version
from typing import Any, NamedTuple

import hypothesis
import pytest
from bandwidth.models import bxml as sdk
from lxml import etree

import bxml.strategies
from bxml import VERBS, Bxml, InvalidVerb, Response, SipUri, SpeakSentence, ssml
from bxml._compose import Container, Verb
from bxml._declare import Attribute, describe
from bxml._kinds import Boolean, Choice, Kind, Listing, Number
from bxml._speech import TAGS, Part, Tag
from bxml.document import Document
from bxml.render import render

RELEASE = f"bandwidth-sdk {version('bandwidth-sdk')}"

TEXT = {
    "Bridge": "target_call",
    "Conference": "name",
    "Endpoint": "endpoint_id",
    "PhoneNumber": "number",
    "PlayAudio": "audio_uri",
    "SendDtmf": "digits",
    "SipUri": "uri",
    "SpeakSentence": "text",
    "Tag": "content",
}
"""What the SDK calls the text between the tags."""

CHILDREN = {
    "Bxml": "nested_verbs",
    "Connect": "destination",
    "Gather": "audio_verbs",
    "Refer": "sip_uri",
    "Response": "nested_verbs",
    "StartStream": "stream_params",
    "StartTranscription": "custom_params",
    "Transfer": "transfer_to",
}
"""What it calls the nested elements: a list, and for Refer the one that there may be."""

SPELLED = {"from_": "_from"}
"""Where it spells an attribute in another way than we do in Python."""

OPTIONAL_THERE = {"CustomParam.name", "CustomParam.value", "Forward.to"}
"""Attributes that the documentation requires and the SDK's constructors do not."""

SAMPLES = (
    "plain",
    'Tom & Jerry say "hi", it\'s 5 > 3 < 4; 한국어 🎈',
    "",
    "  spaces  around  ",
    "12*#",
    "/menu?first=1&second=2",
    "https://app.example.com/menu",
    "wss://socket.example.com/in",
    "+15551230001",
    "sip:user@host.example.com",
    "Restricted",
    "aGVsbG8=;encoding=base64",
    "first line\nsecond line\twith a tab",
)
"""Texts, of which an attribute gets each that it takes. One of a new form needs one here."""

LISTS = (("c-1a2b", "d-3c4d"), ("en-US", "es-US"))
"""The same for attributes that are several texts."""

VERB_NAMES = [pytest.param(verb, id=verb.__name__) for verb in VERBS]
ATTRIBUTES = [
    pytest.param(verb, known, id=f"{verb.__name__}.{known.vendor_name}")
    for verb in VERBS
    for known in describe(verb).written
]
TEXTS = [pytest.param(verb, id=verb.__name__) for verb in VERBS if describe(verb).content]
CONTAINERS = [pytest.param(verb, id=verb.__name__) for verb in VERBS if describe(verb).holds]
NESTINGS = [
    pytest.param(verb, held, id=f"{verb.__name__}>{held.__name__}")
    for verb in VERBS
    for held in describe(verb).holds or ()
]


class Difference(NamedTuple):
    """Where the two disagree: what is given to both, what each makes of it, and why we differ."""

    element: str
    where: str
    """An attribute, or ``text`` or ``children``."""
    given: Mapping[str, Any]
    theirs: str
    ours: str
    """The markup, or the words with which it is refused."""
    why: str


DIFFERENCES = (
    Difference(
        "Pause",
        "duration",
        {},
        '<Pause duration="1" />',
        "<Pause/>",
        "What was not given is not written: then parsing gives back an equal object. The platform"
        " assumes 1 by itself.",
    ),
    Difference(
        "Record",
        "maxDuration",
        {},
        '<Record maxDuration="60" />',
        "<Record/>",
        "What was not given is not written; the platform assumes 60 by itself.",
    ),
    Difference(
        "Pause",
        "duration",
        {"duration": None},
        '<Pause duration="None" />',
        "<Pause/>",
        "None is an attribute that is not given, here as everywhere.",
    ),
    Difference(
        "Gather",
        "firstDigitTimeout",
        {"first_digit_timeout": 0.00001},
        '<Gather firstDigitTimeout="1e-05" />',
        '<Gather firstDigitTimeout="0.00001"/>',
        "XML Schema's decimal has no exponents; Python's str() of a float has.",
    ),
    Difference(
        "Record",
        "silenceTimeout",
        {"silence_timeout": 0.00001, "max_duration": 1},
        '<Record maxDuration="1" silenceTimeout="1e-05" />',
        '<Record maxDuration="1" silenceTimeout="0.00001"/>',
        "XML Schema's decimal has no exponents; Python's str() of a float has.",
    ),
    Difference(
        "Gather",
        "maxDigits",
        {"max_digits": 99},
        '<Gather maxDigits="99" />',
        "Gather: max_digits must be a whole number from 1 to 50 (got 99)",
        "Values are checked against the documentation; the SDK checks none.",
    ),
    Difference(
        "Redirect",
        "redirectMethod",
        {"redirect_url": "/next", "redirect_method": "PUT"},
        '<Redirect redirectUrl="/next" redirectMethod="PUT" />',
        "Redirect: redirect_method must be GET or POST (got 'PUT')",
        "Values are checked against the documentation; the SDK checks none.",
    ),
    Difference(
        "SpeakSentence",
        "text",
        {"text": "<Hangup/>"},
        "<SpeakSentence><Hangup/></SpeakSentence>",
        "<SpeakSentence>&lt;Hangup/&gt;</SpeakSentence>",
        "Text is text, whatever it looks like; tags are built by bxml.ssml. The SDK takes SSML as"
        " text and un-escapes whatever looks like a tag.",
    ),
    Difference(
        "SpeakSentence",
        "text",
        {"text": "a <b and c> d"},
        "<SpeakSentence>a <b and c> d</SpeakSentence>",
        "<SpeakSentence>a &lt;b and c&gt; d</SpeakSentence>",
        "Text is text. What the SDK un-escapes need not be well-formed.",
    ),
    Difference(
        "Gather",
        "children",
        {"children": [SpeakSentence("a <b"), SpeakSentence("c> d")]},
        "<Gather><SpeakSentence>a <b</SpeakSentence><SpeakSentence>c> d</SpeakSentence></Gather>",
        "<Gather><SpeakSentence>a &lt;b</SpeakSentence>"
        "<SpeakSentence>c&gt; d</SpeakSentence></Gather>",
        "The SDK un-escapes over the whole document: from one text to the next, too.",
    ),
    Difference(
        "Gather",
        "tag",
        {"tag": "<b>"},
        '<Gather tag="<b>" />',
        '<Gather tag="&lt;b&gt;"/>',
        "The SDK un-escapes in attributes, too, where XML allows no <.",
    ),
    Difference(
        "SpeakSentence",
        "text",
        {"text": (ssml.sub("UN", alias='the "United" Nations'),)},
        '<SpeakSentence><sub alias="the &amp;quot;United&amp;quot; Nations">UN</sub></SpeakSentence>',
        '<SpeakSentence><sub alias="the &quot;United&quot; Nations">UN</sub></SpeakSentence>',
        "The SDK escapes the entities of SSML and un-escapes only what looks like a tag, so a tag"
        " cannot hold them.",
    ),
    Difference(
        "SpeakSentence",
        "text",
        {"text": "carriage\rreturn"},
        "<SpeakSentence>carriage\rreturn</SpeakSentence>",
        "<SpeakSentence>carriage&#13;return</SpeakSentence>",
        "A parser turns a bare carriage return into a line feed.",
    ),
    Difference(
        "SpeakSentence",
        "text",
        {"text": "nul\0"},
        "<SpeakSentence>nul\0</SpeakSentence>",
        "SpeakSentence: text holds U+0000 at index 3, which XML cannot carry (got 'nul\\x00')",
        "No XML holds such a character.",
    ),
    Difference(
        "SpeakSentence",
        "text",
        {"text": ""},
        "<SpeakSentence />",
        "SpeakSentence: text must not be blank (got '')",
        "The platform refuses blank text (documented).",
    ),
    Difference(
        "Tag",
        "text",
        {"text": "  order 7  "},
        "<Tag>  order 7  </Tag>",
        "<Tag>order 7</Tag>",
        "The platform drops the white space around it (documented), so it is dropped at once.",
    ),
    Difference(
        "Refer",
        "children",
        {"children": [SipUri("sip:user@host.example.com", tag="t")]},
        '<Refer><SipUri tag="t">sip:user@host.example.com</SipUri></Refer>',
        "Refer[0] > SipUri: tag is not an attribute of a SipUri in a Refer; it has none there",
        "In a Refer it takes text only (documented); the SDK shares one class and does not check.",
    ),
)

WRITTEN_UNASKED = {
    each.element: {each.where: etree.fromstring(each.theirs).attrib[each.where]}
    for each in DIFFERENCES
    if not each.given
}
"""Attributes that the SDK writes though nobody gave them."""

SSML: tuple[tuple[Part, str], ...] = (
    (ssml.break_(), "<break/>"),
    (ssml.break_(strength="x-strong"), '<break strength="x-strong"/>'),
    (ssml.break_(time="250ms"), '<break time="250ms"/>'),
    (ssml.emphasis("now"), "<emphasis>now</emphasis>"),
    (ssml.emphasis("now", level="strong"), '<emphasis level="strong">now</emphasis>'),
    (ssml.lang("bonjour", xml_lang="fr-FR"), '<lang xml:lang="fr-FR">bonjour</lang>'),
    (ssml.p(["one", ssml.s("two")]), "<p>one<s>two</s></p>"),
    (ssml.phoneme("pecan", ph="wɔtə"), '<phoneme ph="wɔtə">pecan</phoneme>'),
    (ssml.prosody("low", pitch="-15%"), '<prosody pitch="-15%">low</prosody>'),
    (ssml.prosody("slow", rate="90%"), '<prosody rate="90%">slow</prosody>'),
    (ssml.prosody("soft", volume="-6dB"), '<prosody volume="-6dB">soft</prosody>'),
    (ssml.s("AT&T"), "<s>AT&T</s>"),
    (ssml.say_as("1", interpret_as="cardinal"), '<say-as interpret-as="cardinal">1</say-as>'),
    (
        ssml.say_as("1.2.", interpret_as="date", format="dm"),
        '<say-as interpret-as="date" format="dm">1.2.</say-as>',
    ),
    (ssml.sub("W3C", alias="World Wide Web & Co"), '<sub alias="World Wide Web & Co">W3C</sub>'),
)
"""A tag as ours builds it, and as it stands in the text that the SDK takes."""


class Tree(NamedTuple):
    """What lxml reads: nothing of how it was written."""

    name: str
    attributes: dict[str, str]
    text: str
    children: tuple["Tree", ...]
    tail: str


def read(markup: str) -> Tree:
    return _tree(etree.fromstring(markup.encode()))


def _tree(element: Any) -> Tree:
    children = tuple(_tree(child) for child in element)
    tail = element.tail or ""
    return Tree(element.tag, dict(element.attrib), element.text or "", children, tail)


def parameter(verb: type[Verb], name: str) -> str:
    """The SDK's name of what we call ``name``."""
    special = {"text": TEXT, "children": CHILDREN}.get(name)
    return special[verb.__name__] if special else SPELLED.get(name, name)


def theirs(verb: type[Verb], given: Mapping[str, Any]) -> Any:
    """The SDK's object with what is given by our names."""
    made = {parameter(verb, name): their_value(name, value) for name, value in given.items()}
    if verb.__name__ == "Refer" and given.get("children"):
        (made["sip_uri"],) = made["sip_uri"]
    return getattr(sdk, verb.__name__)(**made)


def their_value(name: str, value: Any) -> Any:
    """What the SDK takes where ours takes ``value``: strings in place of tuples."""
    if name == "children":
        return [translated(child) for child in value]
    if name == "text" and isinstance(value, tuple):
        return "".join(part if isinstance(part, str) else render(part) for part in value)
    return ",".join(value) if isinstance(value, tuple) else value


def translated(verb: Verb) -> Any:
    """The SDK's object with all that one of ours holds."""
    names = [known.name for known in describe(type(verb)).attributes]
    given = {name: getattr(verb, name) for name in names if getattr(verb, name) is not None}
    if isinstance(verb, Container) and len(verb):
        given["children"] = list(verb)
    return theirs(type(verb), given)


def without_what_nobody_gave(tree: Tree, verb: Verb) -> Tree:
    """The SDK's tree as it would be if it wrote only what it was given."""
    names = {known.vendor_name: known.name for known in describe(type(verb)).written}
    left = dict(tree.attributes)
    for name, value in WRITTEN_UNASKED.get(tree.name, {}).items():
        if getattr(verb, names[name]) is None:
            assert left.pop(name) == value
    children = tree.children
    if isinstance(verb, Container):
        pairs = zip(children, verb, strict=True)
        children = tuple(without_what_nobody_gave(child, own) for child, own in pairs)
    return tree._replace(attributes=left, children=children)


def same(verb: Verb, other: Any) -> None:
    """Assert that lxml reads the same in both."""
    markup = verb.to_bxml() if isinstance(verb, Document) else render(verb)
    assert read(markup) == without_what_nobody_gave(read(other.to_bxml()), verb)


def samples(kind: Kind) -> Iterator[Any]:
    """Values of a kind: the bounds of a range, every word of a list, texts of every form."""
    match kind:
        case Boolean():
            yield from (True, False)
        case Choice(values):
            yield from values
        case Number(whole, least, most):
            low = 1 if least is None else least
            high = 10_000 if most is None else most
            yield from (int(low), int(high)) if whole else (low, high, low + 0.5)
        case Listing():
            yield from (each for each in LISTS if kind.fault(each) is None)
        case _:
            sound = (each for each in SAMPLES if kind.fault(each) is None)
            yield from (each for each in sound if kind.settle(each) == each)


def sample(kind: Kind) -> Any:
    return next(samples(kind))


def smallest(verb: type[Verb]) -> dict[str, Any]:
    """What an element of this class cannot do without."""
    return {known.name: sample(known.kind) for known in describe(verb).attributes if known.required}


def test_both_have_the_same_elements() -> None:
    """A verb of the SDK's next release fails here: it needs a class of ours."""
    bases = {"NestableVerb", "Root", "Verb"}
    known = {name for name, each in vars(sdk).items() if inspect.isclass(each)} - bases
    ours = {verb.__name__ for verb in VERBS}
    assert not (new := known - ours), f"{RELEASE} has elements that bxml lacks: {new}"
    assert not (gone := ours - known), f"{RELEASE} lacks elements that bxml has: {gone}"


@pytest.mark.parametrize("verb", VERB_NAMES)
def test_both_take_the_same_attributes(verb: type[Verb]) -> None:
    """A parameter of the SDK's next release fails here: it needs an attribute of ours."""
    known = set(inspect.signature(getattr(sdk, verb.__name__)).parameters)
    described = describe(verb)
    names = [each.name for each in described.attributes] + ["children"] * bool(described.holds)
    ours = {parameter(verb, name) for name in names}
    name = f"{verb.__name__} of {RELEASE}"
    assert not (new := known - ours), f"{name} takes what ours does not: {new}"
    assert not (gone := ours - known), f"{name} does not take what ours does: {gone}"


@pytest.mark.parametrize("verb", VERB_NAMES)
def test_both_require_the_same_attributes(verb: type[Verb]) -> None:
    parameters = inspect.signature(getattr(sdk, verb.__name__)).parameters
    for known in describe(verb).attributes:
        optional = parameters[parameter(verb, known.name)].default is not inspect.Parameter.empty
        where = f"{verb.__name__}.{known.vendor_name}"
        assert (known.required and where not in OPTIONAL_THERE) is not optional, where


@pytest.mark.parametrize(("verb", "known"), ATTRIBUTES)
def test_both_write_an_attribute_alike(verb: type[Verb], known: Attribute) -> None:
    values = list(samples(known.kind))
    assert values, f"none of the samples is {known.kind.wanted}"
    for value in values:
        given = {**smallest(verb), known.name: value}
        ours = verb(**given)
        same(ours, theirs(verb, given))
        assert known.vendor_name in read(render(ours)).attributes


@pytest.mark.parametrize("verb", TEXTS)
def test_both_write_the_text_of_a_verb_alike(verb: type[Verb]) -> None:
    content = describe(verb).content
    assert content
    values = list(samples(content.kind))
    assert values, f"none of the samples is {content.kind.wanted}"
    for value in values:
        ours = verb(**{**smallest(verb), "text": value})
        same(ours, theirs(verb, {**smallest(verb), "text": value}))
        assert read(render(ours)).text == value


@pytest.mark.parametrize(("verb", "held"), NESTINGS)
def test_both_nest_an_element_alike(verb: type[Verb], held: type[Verb]) -> None:
    given = {**smallest(verb), "children": [completed(held)]}
    same(verb(**given), theirs(verb, given))


@pytest.mark.parametrize("verb", CONTAINERS)
def test_both_keep_the_order_of_nested_elements(verb: type[Container[Any]]) -> None:
    holds = [held for held in describe(verb).holds or () if issubclass(held, Verb)]
    several = [completed(held) for held in (*holds, *reversed(holds))][: verb.most]
    given = {**smallest(verb), "children": several}
    same(verb(**given), theirs(verb, given))


def completed(verb: type[Verb]) -> Verb:
    """An element that may stand in a document."""
    made = verb(**smallest(verb))
    if isinstance(made, Container) and made.least:
        holds = [held for held in describe(verb).holds or () if issubclass(held, Verb)]
        return made.then(completed(holds[0]))
    return made


@pytest.mark.parametrize("root", [Response, Bxml], ids=["Response", "Bxml"])
def test_a_document_filled_verb_by_verb_is_the_same(root: type[Document]) -> None:
    """As the SDK's own pages do it: with ``add_verb``, and ours with the fluent methods."""
    other = getattr(sdk, root.__name__)()
    other.add_verb(sdk.SpeakSentence("Welcome to Acme & Sons.", voice="julie"))
    gather = sdk.Gather(gather_url="/chosen", max_digits=1)
    gather.add_verb(sdk.SpeakSentence("For sales, press 1."))
    other.add_verb(gather)
    transfer = sdk.Transfer(call_timeout="12.5", privacy=False)
    transfer.add_transfer_recipient(sdk.PhoneNumber("+15551230001"))
    other.add_verb(transfer)
    ours = (
        root()
        .speak_sentence("Welcome to Acme & Sons.", voice="julie")
        .gather([SpeakSentence("For sales, press 1.")], gather_url="/chosen", max_digits=1)
        .transfer([bxml.PhoneNumber("+15551230001")], call_timeout=12.5, privacy=False)
    )
    same(ours, other)


@pytest.mark.parametrize("root", [Response, Bxml], ids=["Response", "Bxml"])
def test_both_declare_xml_1_0_in_utf_8(root: type[Document]) -> None:
    for markup in (root().pause().to_bxml(), sdk.Response([sdk.Pause()]).to_bxml()):
        assert markup.startswith("<?xml ")
        information = etree.fromstring(markup.encode()).getroottree().docinfo
        assert (information.xml_version, information.encoding) == ("1.0", "UTF-8")


@pytest.mark.parametrize("root", [Response, Bxml], ids=["Response", "Bxml"])
def test_an_empty_document_is_the_same(root: type[Document]) -> None:
    same(root(), getattr(sdk, root.__name__)())


@pytest.mark.parametrize(("part", "markup"), SSML, ids=[markup for _, markup in SSML])
def test_both_write_an_ssml_tag_alike(part: Part, markup: str) -> None:
    """The SDK takes it as text with tags in it; ours as text and tags."""
    same(SpeakSentence(["a ", part, " & b"]), sdk.SpeakSentence(f"a {markup} & b"))
    assert ssml.parse(markup.replace("&", "&amp;")) == (part,)


def test_every_ssml_tag_and_attribute_is_compared() -> None:
    compared = {
        (element.tag, name)
        for _, markup in SSML
        for element in etree.fromstring(markup.replace("&", "&amp;")).iter()
        for name in ("", *element.attrib)
    }
    xml = "{http://www.w3.org/XML/1998/namespace}"
    assert compared == {
        (tag.element_name(), name)
        for tag in TAGS
        for name in ("", *(each.vendor_name.replace("xml:", xml) for each in describe(tag).written))
    }


@pytest.mark.parametrize(
    "case",
    DIFFERENCES,
    ids=[f"{n}-{each.element}.{each.where}" for n, each in enumerate(DIFFERENCES)],
)
def test_a_difference_that_is_named_is_still_there(case: Difference) -> None:
    verb = next(verb for verb in VERBS if verb.__name__ == case.element)
    given = dict(case.given)
    assert theirs(verb, given).to_bxml() == case.theirs
    try:
        ours = render(verb(**given))
    except InvalidVerb as error:
        assert str(error) == case.ours, case.why
        return
    assert ours == case.ours, case.why
    try:
        other = read(case.theirs)
    except etree.XMLSyntaxError:
        return
    assert read(ours) != other, "there is no difference any more"


@hypothesis.given(bxml.strategies.verbs())
def test_any_verb_is_the_same_but_for_the_differences(verb: Verb) -> None:
    ours = render(verb)
    hypothesis.assume("&lt;" not in ours)  # what the SDK may take for a tag
    hypothesis.assume("&#13;" not in ours)  # what it loses in texts
    hypothesis.assume(not any("&" in render(tag) for tag in tags_of(verb)))  # it takes no entities
    other = without_what_nobody_gave(read(translated(verb).to_bxml()), verb)
    assert plain_numbers(read(ours)) == plain_numbers(other)


def tags_of(verb: Verb) -> Iterator[Tag]:
    """The SSML tags in a verb and in what it holds."""
    if isinstance(verb, SpeakSentence):
        yield from (part for part in verb.parts if isinstance(part, Tag))
    elif isinstance(verb, Container):
        for held in verb:
            yield from tags_of(held)


def plain_numbers(tree: Tree) -> Tree:
    """The same, with numbers that differ only in how they are written made equal."""
    kinds = {
        known.vendor_name: known.kind
        for verb in VERBS
        if verb.__name__ == tree.name
        for known in describe(verb).written
    }
    attributes = {
        name: str(Decimal(value).normalize()) if isinstance(kinds.get(name), Number) else value
        for name, value in tree.attributes.items()
    }
    return tree._replace(attributes=attributes, children=tuple(map(plain_numbers, tree.children)))

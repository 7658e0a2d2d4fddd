"""The kinds of value that an attribute may have, read from its annotation.

A kind answers with words when a value does not fit, reads a value from markup, and writes it back.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from msgspec import Meta, Struct

from bxml.types import Breaks, Form, NoControlCharacters, NotBlank, Secret, Splits, Trimmed

# XML 1.0, production [2] Char. Compiled when first needed: it takes milliseconds.
_ILLEGAL = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"

_PLAIN_HOST = r"[a-zA-Z]+://[a-zA-Z0-9.-]+(?::[0-9]{1,4})?(?:[/?#]|$)"

XML_SPACE = " \t\r\n"
"""What XML calls white space; a no-break space, for one, is text."""

SHORT_NUMBER = 16
"""Characters of a number up to which nothing is lost by reading it: 15 digits and a point."""

QUOTED = "v if v.isalnum() else attribute(v)"
"""A Python expression: the string ``v`` as it stands between quotation marks."""

DIGITS = "0123456789"

UNBOUNDED = 10**15
"""What no number exceeds, also where no range is documented: longer ones cost time to read."""

Mark = TypeVar("Mark")


class Fault(NamedTuple):
    """A rule that a value broke, and the rest of the sentence that begins with its name."""

    rule: str
    message: str
    name: str = ""


def shown(value: object, *, secret: bool = False) -> str:
    """A value as an error shows it: never long, never a secret, never raw control characters."""
    if secret:
        return "a secret, not shown"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # it is somebody else's __repr__, or a number too long for one
        return f"a {type(value).__name__} that cannot be shown"
    text = without_credentials(text)
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"


def without_credentials(text: str) -> str:
    """Text that may hold a URL, without the name and the password in that."""
    return re.sub(r"(?<=//)[^/?#@\s'\"]+@", "…@", text) if "@" in text else text


def plain(value: Any) -> Any:
    """A string of any class as a plain one: a subclass may bring other methods, or another str()."""
    return str.__str__(value) if isinstance(value, str) and type(value) is not str else value


def uncarried(text: str) -> str | None:
    """Which character XML cannot carry, in words; None if it can carry all of them."""
    found = re.search(_ILLEGAL, text)
    if not found:
        return None
    return f"holds U+{ord(found[0]):04X} at index {found.start()}, which XML cannot carry"


def _apart(url: str) -> str | None:
    """Why a URL does not come apart into scheme, host, port and path; None if it does."""
    from urllib.parse import urljoin, urlsplit  # noqa: PLC0415  # not for those with paths only

    try:
        parts = urlsplit(url)
        if parts.port is not None and not parts.hostname:
            return "it has a port and no host"
        urljoin("http://host/", url)
    except ValueError as error:
        return str(error)
    return None


class Kind(Struct, frozen=True):
    """What the values of an attribute are."""

    @property
    def wanted(self) -> str:
        """The values in words."""
        raise NotImplementedError

    @property
    def secret(self) -> bool:
        """Whether a value must be shown to nobody."""
        return False

    @property
    def loose(self) -> bool:
        """Whether sound values may come in forms that are not the one in which they are kept."""
        return False

    def settle(self, value: Any) -> Any:
        """``value`` in the one form in which it is kept."""
        return value

    def fault(self, value: Any) -> Fault | None:
        """What is wrong with a settled ``value``, or None."""
        raise NotImplementedError

    def shortcut(self, scope: dict[str, Any], name: str) -> str:
        """A Python expression over ``v``: true only where it is settled and ``fault(v)`` is None.

        It may be false for a sound value: then ``fault`` decides. Whatever it refers to is put into
        ``scope`` under a name that ends in ``name``.
        """
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """The value that ``text`` stands for in markup; ``text`` itself where it stands for none."""
        return text

    def written(self) -> str:
        """A Python expression over ``v`` that is its markup, for use inside quotation marks."""
        raise NotImplementedError


class Text(Kind, frozen=True):
    """Characters, of any length and form unless it is said otherwise."""

    max_length: int | None = None
    form: Form | None = None
    not_blank: bool = False
    no_control: bool = False
    hidden: bool = False
    trimmed: bool = False
    splits: bool = False
    breaks: str | None = None

    @property
    def secret(self) -> bool:
        return self.hidden

    @property
    def free(self) -> bool:
        """Whether white space around it, which the platform drops, may be given and is dropped."""
        return self.trimmed and self.form is None

    def settle(self, value: Any) -> Any:
        value = plain(value)
        return value.strip(XML_SPACE) if self.free and isinstance(value, str) else value

    def fault(self, value: Any) -> Fault | None:
        got = shown(value, secret=self.secret)
        if not isinstance(value, str):
            return Fault("attribute-type", f"must be a string (got {got})")
        if carried := uncarried(value):
            return Fault("xml-character", f"{carried} (got {got})")
        if self.not_blank and not value.strip():
            return Fault(self.breaks or "blank", f"must not be blank (got {got})")
        if self.max_length is not None and len(value) > self.max_length:
            words = f"must be at most {self.max_length} characters (got {len(value)})"
            return Fault(self.breaks or "length", words)
        if self.no_control and (control := re.search(_CONTROL, value)):
            words = f"must hold no control character (got U+{ord(control[0]):04X} in {got})"
            return Fault(self.breaks or "attribute-format", words)
        if self.form and not re.fullmatch(self.form.pattern, value):
            words = f"must be {self.form.wanted} (got {got})"
            return Fault(self.breaks or "attribute-format", words)
        if self.splits and (reason := _apart(value)):
            return Fault(
                "attribute-format", f"must be a URL that comes apart: {reason} (got {got})"
            )
        return None

    def shortcut(self, scope: dict[str, Any], name: str) -> str:
        # A printable string holds no control character and nothing that XML cannot carry.
        tests = ["type(v) is str", "v.isprintable()"]
        if self.not_blank:
            tests.append("v and not v.isspace()")
        if self.max_length is not None:
            tests.append(f"len(v) <= {self.max_length}")
        if self.free:
            tests.append("v.strip() == v")
        if self.form:
            scope[f"matches_{name}"] = re.compile(self.form.pattern).fullmatch
            tests.append(f"matches_{name}(v)")
        if self.splits:
            # Only a host can be wrong: there may be none, or one that is surely right.
            scope["plain_host"] = re.compile(_PLAIN_HOST).match
            tests.append(
                "('//' not in v or plain_host(v) or v.isascii() and '[' not in v"
                " and ']' not in v and apart(v) is None)"
            )
            scope["apart"] = _apart
        return " and ".join(tests)

    def read(self, text: str) -> str:
        return text.strip(XML_SPACE) if self.trimmed else text

    def written(self) -> str:
        return QUOTED

    @property
    def wanted(self) -> str:
        words = self.form.wanted if self.form else "text"
        words += "" if self.max_length is None else f", at most {self.max_length} characters"
        words += ", not blank" if self.not_blank else ""
        return words + (", no control characters" if self.no_control else "")


class Number(Kind, frozen=True):
    """A whole number, or one with a fraction."""

    whole: bool
    least: float | None = None
    most: float | None = None
    breaks: str | None = None

    def settle(self, value: Any) -> Any:
        # An enumeration, or a number of a library: a plain one has no other words for itself.
        if isinstance(value, int) and type(value) not in (int, bool):
            return int.__int__(value)
        if isinstance(value, float) and type(value) is not float:
            return float.__float__(value)
        return value

    def fault(self, value: Any) -> Fault | None:
        if type(value) is not int and (self.whole or type(value) is not float):
            return Fault("attribute-type", f"must be {self.wanted} (got {shown(value)})")
        low = -UNBOUNDED if self.least is None else self.least
        high = UNBOUNDED if self.most is None else self.most
        if not low <= value <= high:
            words = f"must be {self.wanted} (got {shown(value)})"
            return Fault(self.breaks or "attribute-range", words)
        return None

    def shortcut(self, scope: dict[str, Any], name: str) -> str:  # noqa: ARG002
        low = -UNBOUNDED if self.least is None else self.least
        high = UNBOUNDED if self.most is None else self.most
        kind = "type(v) is int" if self.whole else "(type(v) is float or type(v) is int)"
        return f"{kind} and {low!r} <= v <= {high!r}"

    def read(self, text: str) -> Any:
        # No number of this language needs more digits, and int() of very long ones is slow.
        digits = text.isascii() and len(text) <= 400
        if digits and text.isdigit():
            return int(text)
        if digits and text.replace(".", "", 1).isdigit():
            return _exactly(text)
        bare = text.strip(XML_SPACE)
        if bare[:1] in ("+", "-") and bare[1:2] in (".", *DIGITS):
            sign = -1 if bare[0] == "-" else 1
            value = self.read(bare[1:])
            return text if isinstance(value, str) else sign * value
        return self.read(bare) if bare != text else text

    def written(self) -> str:
        return "v" if self.whole else "decimal(v)"

    @property
    def wanted(self) -> str:
        noun = "a whole number" if self.whole else "a number"
        if self.least is None and self.most is None:
            return noun
        if self.most is None:
            return f"{noun} of at least {self.least:g}"
        if self.least is None:
            return f"{noun} of at most {self.most:g}"
        return f"{noun} from {self.least:g} to {self.most:g}"


def _exactly(text: str) -> float | str:
    """A number with a fraction; the text itself where only rounding would bring it into bounds."""
    value = float(text)
    if len(text) <= SHORT_NUMBER:
        return value
    from decimal import Decimal  # noqa: PLC0415  # seldom needed, and slow to import

    return value if Decimal(text) == Decimal(repr(value)) else text


class Boolean(Kind, frozen=True):
    """True or false."""

    @property
    def wanted(self) -> str:
        return "true or false"

    def fault(self, value: Any) -> Fault | None:
        if value is True or value is False:
            return None
        return Fault("attribute-type", f"must be true or false (got {shown(value)})")

    def shortcut(self, scope: dict[str, Any], name: str) -> str:  # noqa: ARG002
        return "(v is True or v is False)"

    def read(self, text: str) -> Any:
        return {"true": True, "false": False}.get(text.strip(XML_SPACE), text)

    def written(self) -> str:
        return "boolean(v)"


class Choice(Kind, frozen=True):
    """One of a closed list of words."""

    values: tuple[str, ...]

    def settle(self, value: Any) -> Any:
        return plain(value)

    def fault(self, value: Any) -> Fault | None:
        if isinstance(value, str) and value in self.values:
            return None
        return Fault("attribute-value", f"must be {self.wanted} (got {shown(value)})")

    def shortcut(self, scope: dict[str, Any], name: str) -> str:
        scope[f"values_{name}"] = frozenset(self.values)
        return f"type(v) is str and v in values_{name}"

    def written(self) -> str:
        return "v"

    @property
    def wanted(self) -> str:
        *others, last = self.values
        return f"{', '.join(others)} or {last}" if others else last


class Listing(Kind, frozen=True):
    """Several texts, which markup separates with commas."""

    items: Text

    @property
    def loose(self) -> bool:
        return True

    def settle(self, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip(XML_SPACE) for part in plain(value).split(","))
        if isinstance(value, bytes) or not isinstance(value, Iterable):
            return value
        return tuple(plain(each) for each in value)

    def fault(self, value: Any) -> Fault | None:
        if not isinstance(value, tuple):
            words = f"must be a string or an iterable of strings (got {shown(value)})"
            return Fault("attribute-type", words)
        if not value:
            return Fault("attribute-format", f"must be {self.wanted} (got none)")
        return next(filter(None, map(self.items.fault, value)), None)

    def shortcut(self, scope: dict[str, Any], name: str) -> str:
        sound = self.items.shortcut(scope, name)
        return f"type(v) is tuple and v and all({sound} for v in v)"

    def written(self) -> str:
        return "listed(v)"

    @property
    def wanted(self) -> str:
        return self.items.wanted


class Instance(Kind, frozen=True):
    """An object of a class: a time, or a value with attributes of its own. Not for markup."""

    of: type

    def fault(self, value: Any) -> Fault | None:
        if isinstance(value, self.of):
            return None
        return Fault("attribute-type", f"must be {self.wanted} (got {shown(value)})")

    def shortcut(self, scope: dict[str, Any], name: str) -> str:
        scope[f"class_{name}"] = self.of
        return f"type(v) is class_{name}"

    @property
    def wanted(self) -> str:
        return f"a {self.of.__name__}"


def kind_of(base: Any, marks: tuple[object, ...]) -> Kind:
    """The kind that a type and its marks declare; a mark may be the kind itself."""
    if own := first(marks, Kind):
        return own
    if get_origin(base) is Literal:
        return Choice(get_args(base))
    if base is bool:
        return Boolean()
    meta = [mark for mark in marks if isinstance(mark, Meta)]
    breaks = first(marks, Breaks)
    rule = breaks.rule if breaks else None
    if base is int or base is float:
        least = [bound.ge for bound in meta if bound.ge is not None]
        most = [bound.le for bound in meta if bound.le is not None]
        return Number(base is int, max(least, default=None), min(most, default=None), rule)
    if base is str or base == Iterable[str]:
        lengths = [bound.max_length for bound in meta if bound.max_length is not None]
        text = Text(
            max_length=min(lengths, default=None),
            form=first(marks, Form),
            not_blank=first(marks, NotBlank) is not None,
            no_control=first(marks, NoControlCharacters) is not None,
            hidden=first(marks, Secret) is not None,
            trimmed=first(marks, Trimmed) is not None,
            splits=first(marks, Splits) is not None,
            breaks=rule,
        )
        return text if base is str else Listing(text)
    if isinstance(base, type):
        return Instance(base)
    raise TypeError(f"{base!r} is no type of an attribute")


def first(marks: tuple[object, ...], of: type[Mark]) -> Mark | None:
    """The first mark of a type, or None."""
    return next((mark for mark in marks if isinstance(mark, of)), None)


def unwrap(annotation: Any) -> tuple[Any, tuple[object, ...], bool]:
    """The plain type, the marks and the optionality of ``Annotated[T | None, …] | None``."""
    marks: tuple[object, ...] = ()
    optional = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            marks += tuple(more)
            continue
        arms = get_args(annotation)
        if type(None) in arms and len(arms) == 2:
            optional = True
            annotation = arms[0] if arms[1] is type(None) else arms[1]
            continue
        return annotation, marks, optional


TAB = "    "
"""What a terminal shows for a tab, whatever its own stops are."""


def safe(text: str) -> str:
    r"""Text on one line that a terminal shows and does not obey: U+001B is ``\x1b``."""
    return "".join(
        each if each.isprintable() else repr(each)[1:-1] for each in text.replace("\t", TAB)
    )

"""From verbs to markup. All escaping is here."""

from collections.abc import Callable
from typing import Any

from bxml._compose import Container, Verb
from bxml._declare import Checked, describe

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

Renderer = Callable[[Any], str]


_renderers: dict[type, Renderer] = {}
"""The compiled renderer of each class that has been rendered so far."""


def render(verb: Verb) -> str:
    """The markup of a verb or a document, without the XML declaration."""
    cls = type(verb)
    return (_renderers.get(cls) or _compile(cls))(verb)


def render_pretty(verb: Verb, indent: str = "") -> str:
    """The same markup for people: one element a line. White space inside text is not touched."""
    if not isinstance(verb, Container) or not len(verb):
        return f"{indent}{render(verb)}"
    empty = render(verb.emptied())
    inner = "\n".join(render_pretty(child, f"{indent}  ") for child in verb)
    return f"{indent}{empty[:-2]}>\n{inner}\n{indent}</{type(verb).__name__}>"


def text(value: str) -> str:
    """Characters for use between tags."""
    if "&" in value:
        value = value.replace("&", "&amp;")
    if "<" in value:
        value = value.replace("<", "&lt;")
    if ">" in value:
        value = value.replace(">", "&gt;")
    # A parser would turn a bare carriage return into a line feed.
    return value.replace("\r", "&#13;")


_IN_ATTRIBUTES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


def attribute(value: str) -> str:
    """Characters for use between double quotation marks."""
    if value.isprintable() and "&" not in value and "<" not in value and '"' not in value:
        return value
    return value.translate(_IN_ATTRIBUTES)


def decimal(value: float) -> str:
    """A number without an exponent, which XML Schema's decimal does not know."""
    written = repr(value + 0)  # a zero has no sign
    if "e" not in written:
        return written
    from decimal import Decimal  # noqa: PLC0415  # seldom needed, and slow to import

    return format(Decimal(written), "f")


def boolean(value: bool) -> str:
    """The vendor writes true and false."""
    return "true" if value else "false"


def _compile(cls: type[Checked]) -> Renderer:
    """Write the renderer of a class out as code, with its names and escapes in place."""
    described = describe(cls)
    for held in described.holds or ():
        if held not in _renderers:
            _compile(held)
    lines = ["def rendered(self):", f"  s = '<{described.name}'"]
    for known in described.written:
        value = f"{{{known.kind.written()}}}"
        lines.append(f"  v = self.{known.name}")
        lines.append(f"  if v is not None: s += f' {known.vendor_name}=\"{value}\"'")
    close = f"</{described.name}>"
    if described.content:
        lines.append("  v = self.text")
        lines.append("  if '&' in v or '<' in v or '>' in v or '\\r' in v: v = text(v)")
        lines.append(f"  return f'{{s}}>{{v}}{close}'")
    elif described.holds:
        lines.append("  if not self.children: return s + '/>'")
        lines.append("  s += '>'")
        lines.append("  for v in self.children: s += renderers[type(v)](v)")
        lines.append(f"  return s + '{close}'")
    else:
        lines.append("  return s + '/>'")
    scope: dict[str, Any] = {
        "text": text,
        "attribute": attribute,
        "boolean": boolean,
        "decimal": decimal,
        "renderers": _renderers,
    }
    exec("\n".join(lines), scope)  # noqa: S102  # every word of it comes from the class
    renderer: Renderer = scope["rendered"]
    _renderers[cls] = renderer
    return renderer

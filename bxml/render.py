"""From verbs to markup. All escaping is here."""

from collections.abc import Callable
from typing import Any

from bxml._compose import Container, Verb
from bxml._declare import Checked, describe
from bxml._speech import Spoken, Tag

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

Renderer = Callable[[Any], str]


class _Renderers(dict[type, Renderer]):
    """The compiled renderer of each class, written when an object of it is first rendered."""

    def __missing__(self, cls: type[Checked]) -> Renderer:
        renderer = self[cls] = _compile(cls)
        return renderer


_renderers = _Renderers()


def render(verb: Verb | Tag) -> str:
    """The markup of a verb, a document or an SSML tag, without the XML declaration."""
    return _renderers[type(verb)](verb)


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


def listed(values: tuple[str, ...]) -> str:
    """Several texts, for use between double quotation marks."""
    return attribute(",".join(values))


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


def _mixed(parts: tuple[Any, ...]) -> str:
    """Text and tags, for use between tags."""
    return "".join(text(part) if type(part) is str else render(part) for part in parts)


def _compile(cls: type[Checked]) -> Renderer:
    """Write the renderer of a class out as code, with its names and escapes in place."""
    described = describe(cls)
    lines = ["def rendered(self):", f"  s = '<{described.name}'"]
    for known in described.written:
        value = f"{{{known.kind.written()}}}"
        lines.append(f"  v = self.{known.name}")
        lines.append(f"  if v is not None: s += f' {known.vendor_name}=\"{value}\"'")
    close = f"</{described.name}>"
    if described.content:
        lines.append("  v = self.text")
        if isinstance(described.content.kind, Spoken):
            lines.append("  if type(v) is not str: return f'{s}>{mixed(v)}" + close + "'")
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
        "mixed": _mixed,
        "attribute": attribute,
        "boolean": boolean,
        "decimal": decimal,
        "listed": listed,
        "renderers": _renderers,
    }
    exec("\n".join(lines), scope)  # noqa: S102  # every word of it comes from the class
    renderer: Renderer = scope["rendered"]
    return renderer

"""The forms in which a graph can be had."""

from collections.abc import Callable, Mapping

from calls.explore.drawing import dot_of, mermaid_of
from calls.explore.graph import Graph
from calls.explore.layout import svg_of
from calls.explore.page import html_of
from calls.explore.report import json_of, sarif_of, text_of

WRITERS: Mapping[str, Callable[[Graph], str]] = {
    "text": text_of,
    "json": json_of,
    "sarif": sarif_of,
    "mermaid": mermaid_of,
    "dot": dot_of,
    "svg": svg_of,
    "html": html_of,
}
"""What makes each of them."""

"""Pictures of graphs, drawn by Graphviz: the only place that needs it.

Graphviz is a library in C that ends the process when it fails, may not end at all, and warns on
standard error: it draws in a process of its own.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from calls.explore.covered import Covered
from calls.explore.drawing import Picture, dot_parts, picture_of
from calls.explore.graph import Graph

PATIENCE = 60.0
"""Seconds in which pictures are drawn with care; without, as many again."""

_DRAWS = """
import json, sys
from pygraphviz import AGraph

def drawn(first, rest):
    graph = AGraph(string=first + "}")
    if not rest:
        return graph.draw(format="svg", prog="dot").decode()
    placed = graph.draw(format="dot", prog="dot").decode().rstrip().removesuffix("}")
    return AGraph(string=placed + rest + "}").draw(format="svg", prog="nop").decode()

pictures = [drawn(first, rest) for first, rest in json.load(sys.stdin.buffer)]
sys.stdout.buffer.write(json.dumps(pictures).encode())
"""
"""A program that places boxes by the first part of each picture, and draws the rest between them."""


class DrawingFailed(Exception):
    """Graphviz has drawn nothing."""


def svg_of(graph: Graph, *, covered: Covered | None = None) -> str:
    """A graph as an SVG, laid out by Graphviz.

    Args:
        graph: What to draw.
        covered: What was done of it, to be shown in colours.

    Raises:
        ImportError: There is no Graphviz.
        DrawingFailed: It failed.
    """
    return svgs_of([picture_of(graph, covered=covered)])[0]


def svgs_of(pictures: Sequence[Picture]) -> list[str]:
    """Each picture as an SVG.

    Raises:
        ImportError: There is no Graphviz.
        DrawingFailed: It failed.
    """
    if find_spec("pygraphviz") is None:
        raise ImportError('drawing needs Graphviz: pip install "bxml-calls[draw]"')
    try:
        return _drawn([dot_parts(each) for each in pictures])
    except DrawingFailed:  # at one of them; without care there is less that can fail
        return _drawn([dot_parts(each, is_large=True) for each in pictures])


def _drawn(dots: Sequence[tuple[str, str]]) -> list[str]:
    """What Graphviz makes of texts in its language."""
    try:
        drawn = subprocess.run(  # noqa: S603  # this interpreter, and a program of its own
            [sys.executable, "-P", "-c", _DRAWS],
            input=json.dumps(dots).encode(),
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise DrawingFailed(f"Graphviz was at it for {PATIENCE:g} seconds") from None
    except subprocess.CalledProcessError as error:
        said: bytes = error.stderr
        lines = said.decode(errors="replace").strip().splitlines() or ["and said nothing"]
        raise DrawingFailed(f"Graphviz failed ({error.returncode}): {lines[-1][:300]}") from None
    svgs: list[str] = json.loads(drawn.stdout)
    return [svg[svg.index("<svg") :] for svg in svgs]  # without its DOCTYPE, which names a server

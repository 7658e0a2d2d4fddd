"""A graph as one page for a browser, which needs nothing else: no network, no other file.

The page has the graph as data, and makes text of it; a policy lets it run its own script only.
"""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from msgspec import to_builtins

from calls.explore.covered import Covered, measured_of, reached_of, shares_of, total
from calls.explore.drawing import Groups, groups_of, picture_of, picture_of_group, picture_of_groups
from calls.explore.graph import Graph
from calls.explore.layout import svgs_of

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>$style</style>
</head>
<body>
<header>
<h1 id="title">$title</h1>
<p id="figures"></p>
<form id="search" role="search">
<input id="words" type="search" placeholder="Search documents" aria-label="Search documents"
 autocomplete="off">
<ul id="matches" hidden></ul>
</form>
</header>
<main>
<section id="left" aria-label="Picture">
<nav id="views" aria-label="Views"></nav>
<div id="tools">
<button id="closer" type="button" title="Larger (+)" aria-label="Larger">+</button>
<button id="farther" type="button" title="Smaller (-)" aria-label="Smaller">&minus;</button>
<button id="fit" type="button" title="All of it (0)">Fit</button>
</div>
<div id="picture" tabindex="0" aria-label="Picture: arrow keys move it, + and - zoom"></div>
</section>
<aside>
<section id="panel" aria-live="polite" hidden></section>
<section id="findings"></section>
<section id="notes"></section>
</aside>
</main>
<noscript>This page needs JavaScript, and no network.</noscript>
<script type="application/json" id="data">$data</script>
<script>$script</script>
</body>
</html>
""")


def html_of(graph: Graph, *, covered: Covered | None = None) -> str:
    """A graph as a page that can be searched, zoomed and opened node by node.

    Args:
        graph: What to show.
        covered: What was done of it, to be shown in colours and figures.

    Raises:
        ImportError: There is no Graphviz.
        DrawingFailed: It failed.
    """
    assets = files("calls.explore")
    style = assets.joinpath("page.css").read_text("utf-8")
    script = assets.joinpath("page.js").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)};"
        " base-uri 'none'; form-action 'none'"
    )
    return _PAGE.substitute(
        policy=policy,
        title=escape(graph.title.encode(errors="replace").decode()),
        style=style,
        script=script,
        data=_json(_data(graph, covered)),
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _json(data: Any) -> str:
    """Data that no parser of HTML or of scripts finds anything in: ASCII without markup."""
    text = json.dumps(data, separators=(",", ":"))
    return text.translate({ord(each): f"\\u{ord(each):04x}" for each in "<>&"})


def _data(graph: Graph, covered: Covered | None) -> dict[str, Any]:
    """What the script of the page reads."""
    groups = groups_of(graph)
    views = _views(graph, groups, covered)
    return {
        "title": graph.title,
        "nodes": [
            to_builtins(node) | {"code": str(node.code) if node.code else ""}
            for node in graph.nodes
        ],
        "edges": to_builtins(graph.edges),
        "findings": [
            to_builtins(finding) | {"code": str(finding.code) if finding.code else ""}
            for finding in graph.findings
        ],
        "limits": graph.limits,
        "remarks": graph.remarks,
        "spent": to_builtins(graph.spent),
        "groups": groups,
        "views": views,
        "coverage": None if covered is None else _coverage(graph, covered),
    }


def _views(graph: Graph, groups: Groups, covered: Covered | None) -> dict[str, str]:
    """Every picture by its name: of all, of the groups if there are several, and of each of them."""
    pictures = {"whole": picture_of(graph, covered=covered)}
    if len(groups) > 1:
        pictures["overview"] = picture_of_groups(graph, groups, covered=covered)
        for number in range(len(groups)):
            pictures[f"g{number}"] = picture_of_group(graph, groups, number, covered=covered)
    return dict(zip(pictures, svgs_of(list(pictures.values())), strict=True))


def _coverage(graph: Graph, covered: Covered) -> dict[str, Any]:
    """What was done: of everything, at each node, and at each edge."""
    measured = measured_of(graph, covered)
    every = total(measured.values())
    return {
        "taken": every.taken,
        "all": every.all,
        "percent": f"{every.percent:.1f}",
        "reached": sorted(reached_of(graph, covered)),
        "nodes": measured,
        "edges": shares_of(graph, covered),
        "choices": [
            sorted(covered.get(index, frozenset()) & set(edge.choices))
            for index, edge in enumerate(graph.edges)
        ],
    }

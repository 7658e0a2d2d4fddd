"""A finding as a test that fails as long as it is there."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from calls.explore.graph import Finding, Graph

_HEAD = '''"""{what}

Written by calls explore. It passes as soon as this is found no longer.
"""

from calls.explore import explore, load, text_of


def test_{name}() -> None:
    # {conversation}
    graph = explore({call})
    found = graph.of_rule({looked_for})
    assert not found, text_of(graph)
'''


def save_tests(
    graph: Graph, directory: Path | str, *, app: str, options: Mapping[str, Any] | None = None
) -> list[Path]:
    """Write a test for each finding: a file for pytest, which goes to its place and looks again.

    Args:
        graph: What was found.
        directory: Where the files go. It is made if it is not there; files of the same names are
            written anew.
        app: The name of the application, as ``load`` takes it.
        options: What ``explore`` was told besides.

    Returns:
        The files.

    Raises:
        ValueError: The options hold credentials, which belong in no file.
        OSError: The files cannot be written.
    """
    if options and options.get("credentials") is not None:
        raise ValueError(
            "credentials are not written into files: read them from the environment in a test of yours"
        )
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, finding in _named(graph.findings):
        file = folder / f"test_{name}.py"
        file.write_text(_test(finding, name, app, options or {}), encoding="utf-8")
        files.append(file)
    return files


def _named(findings: tuple[Finding, ...]) -> Iterator[tuple[str, Finding]]:
    """A name for each, which stays the same as long as the way to it does."""
    known: dict[str, int] = {}
    for finding in findings:
        parts = (finding.rule, *finding.way[-4:], finding.choice or "")
        name = re.sub(r"[^a-z0-9]+", "_", "_".join(map(_spelled, parts)).lower()).strip("_")[:80]
        known[name] = known.get(name, 0) + 1
        yield name if known[name] == 1 else f"{name}_{known[name]}", finding


def _spelled(part: str) -> str:
    return part.replace("*", " star ").replace("#", " pound ")


def _test(finding: Finding, name: str, app: str, options: Mapping[str, Any]) -> str:
    told = dict(options)
    if finding.way:
        told["after"] = finding.way
    arguments = [f"load({app!r})", *(f"{key}={value!r}" for key, value in told.items())]
    call = ", ".join(arguments)
    if len(call) > 70:
        call = "\n        " + ",\n        ".join(arguments) + ",\n    "
    looked_for = [repr(finding.rule)]
    if finding.node is not None:
        looked_for.append("node=1")
    if finding.choice:
        looked_for.append(f"choice={finding.choice!r}")
    what = finding.message.replace("\\", "\\\\").replace('"""', "'''").rstrip('"')
    if not what.endswith((".", "!", "?")):
        what += "."
    lines = [_printable(line) for line in finding.conversation]
    return _HEAD.format(
        what=_printable(what[:1].upper() + what[1:]),
        name=name,
        conversation="\n    # ".join(lines),
        call=call,
        looked_for=", ".join(looked_for),
    )


def _printable(line: str) -> str:
    """A line that stays one, and a comment."""
    return "".join(each if each.isprintable() else " " for each in line)

"""The corpus as Python: what the files of this folder hold, with repetitions written out."""

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent


class Example(NamedTuple):
    """One document of the corpus, and what is said of it."""

    about: str
    """The element and the attribute, or the rule."""
    accepted: bool
    source: str
    """``documented`` or ``inferred``."""
    document: str
    rule: str = ""
    where: str = "reply"
    level: str = ""
    found: str = ""

    @property
    def name(self) -> str:
        """For the report of the tests."""
        short = self.document if len(self.document) <= 90 else f"{self.document[:90]}…"
        return f"{self.about} {'takes' if self.accepted else 'refuses'} {short}"


def written_out(markup: str) -> str:
    """``{x*257}`` stands for 257 times the character, or characters, before the star."""
    return re.sub(r"\{([^{}*]+)\*(\d+)\}", lambda found: found[1] * int(found[2]), markup)


def load(path: Path) -> dict[str, Any]:
    """One file of the corpus."""
    return tomllib.loads(path.read_text("utf-8"))


def of_elements() -> list[Example]:
    """The examples of elements and attributes, each as a whole document."""
    found = []
    for path in sorted((HERE / "elements").glob("*.toml")):
        data = load(path)
        for case in data["case"]:
            for accepted in (True, False):
                for markup in case["accepted" if accepted else "refused"]:
                    document = written_out(markup)
                    if not re.match(r"\s*(<\?xml|<!--.*?-->\s*)?<(Response|Bxml)\b", document):
                        document = f"<Response>{document}</Response>"
                    about = f"{data['element']}.{case['on']}"
                    found.append(Example(about, accepted, case["source"], document))
    return found


def of_rules() -> list[Example]:
    """The examples of rules."""
    found = []
    for rule in load(HERE / "rules.toml")["rule"]:
        for accepted in (True, False):
            for entry in rule["accepted" if accepted else "refused"]:
                given: dict[str, Any] = {"bxml": entry} if isinstance(entry, str) else entry
                found.append(
                    Example(
                        rule["id"],
                        accepted,
                        rule["source"],
                        written_out(given["bxml"]),
                        rule["id"],
                        given.get("where", rule["where"]),
                        given.get("level", rule["level"]),
                        rule["found"],
                    )
                )
    return found

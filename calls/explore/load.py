"""An application, or a graph, by its name: ``acme:app``."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from bxml._kinds import shown


def load(name: str) -> Any:
    """What a name stands for: a URL is itself, ``module:attribute`` what is imported.

    Modules are looked for in the working directory too.

    Raises:
        ValueError: The name is neither; there is no such module, or it cannot be imported; it has no
            such attribute.
    """
    if name.startswith(("http://", "https://")):
        return name
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ValueError(
            f"an application is named like acme:app (module:attribute), or by its URL (got {shown(name)})"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise ValueError(f"there is no module {module} here, or installed ({name})") from None
        raise ValueError(f"{module} cannot be imported: {error}") from error
    except Exception as error:
        words = f"{module} cannot be imported: {type(error).__name__}: {error}"
        raise ValueError(words) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{module} has no {attribute} ({name})")
        found = getattr(found, part)
    return found

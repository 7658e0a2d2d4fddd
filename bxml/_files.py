"""Reading and writing documents, for the ``bxml`` command."""

import os
import shutil
import sys
from pathlib import Path
from tempfile import mkstemp

from bxml.document import LARGEST


def read(name: str) -> bytes:
    """What is in a file, up to one byte more than a document may have, so that its size can be told.

    Raises:
        OSError: It cannot be read.
    """
    if name != "-":
        with Path(name).open("rb") as file:
            return file.read(LARGEST + 1)
    if sys.stdin is None:
        raise OSError(0, "there is no standard input")
    return sys.stdin.buffer.read(LARGEST + 1)


def replace(name: str, data: bytes) -> None:
    """Put other bytes into a file: all of them or, when that fails, none.

    Raises:
        OSError: It is as it was.
    """
    path = Path(name).resolve()  # a link stays one
    with path.open("r+b") as file:  # what may not be written to is not replaced either
        if file.read(len(data) + 1) == data:
            return
    descriptor, beside = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        shutil.copymode(path, beside)
        Path(beside).replace(path)
    finally:
        Path(beside).unlink(missing_ok=True)

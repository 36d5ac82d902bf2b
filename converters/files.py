"""Files onto the disk: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from typing import Union

from .errors import UserError

Path = Union[str, "os.PathLike[str]"]


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it holds either its old or its whole new content at any time.

    A link's target is written; permissions stay, those of a new file are the usual ones. Whatever ends the call early,
    an interrupt too, leaves nothing else in the folder.

    Raises
    ------
    UserError
        The path cannot be written.
    """
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write several files: none of them unless the content of all lies on the disk.

    Parameters
    ----------
    files : dict
        Path -> content.

    Raises
    ------
    UserError
        A path cannot be written.
    """
    check_different(*files)
    targets = {path: _regular_file(path) for path in files}
    temporary = {path: _beside(target) for path, target in targets.items()}
    try:
        for path, data in files.items():
            with _saying(path):
                _write(temporary[path], data, like=targets[path])
        for path in files:
            with _saying(path):
                os.replace(temporary[path], targets[path])
    finally:
        for left in temporary.values():
            with contextlib.suppress(OSError):
                os.unlink(left)


def check_different(*paths: Path) -> None:
    """Files that are written by one call.

    Raises
    ------
    UserError
        Two paths are one file.
    """
    if len({_regular_file(path) for path in paths}) < len(paths):
        raise UserError(
            f"cannot write {' and '.join(os.fspath(path) for path in paths)}: they are one file; choose another name"
        )


def check_writable(path: Path) -> None:
    """For what is written after a long time: whether its folder exists.

    Raises
    ------
    UserError
        It does not.
    """
    folder = os.path.dirname(_regular_file(path))
    if not os.path.isdir(folder):
        raise UserError(f"{os.fspath(path)}: the folder {folder} does not exist; create it or write elsewhere")


def _regular_file(path: Path) -> str:
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        raise UserError(f"cannot write {os.fspath(path)}: it is no regular file; choose another name")
    return target


def _beside(target: str) -> str:
    """A name in the same folder, so that renaming moves no bytes."""
    return os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.part")


def _write(path: str, data: bytes, like: str) -> None:
    """A new file with the permissions of another, if that exists."""
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileNotFoundError):
        os.chmod(path, os.stat(like).st_mode & 0o777)


@contextlib.contextmanager
def _saying(path: Path) -> Iterator[None]:
    """The system's errors as the user's, for one file."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot write {os.fspath(path)}: {reason}; choose a folder that exists and is writable"
        ) from None

"""The shapes that travel through the engine: plain frozen values that are also JSON.

Everything the kernel takes and gives is one of these, so that a state, an event or an effect can be
stored, hashed, compared and replayed without translation. Values hold no behaviour and no
reference to a diagram; JSON data inside them (`Json`) is never changed in place.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
"""Plain JSON data, as variables and facts hold it. `Any` because JSON nests without end."""

Facts = Mapping[str, Any]
"""Names and JSON values: what a person answered, a message carried, a handler found."""


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of every shape: immutable, compared by content, written as a JSON object."""


class Compact(msgspec.Struct, frozen=True, array_like=True):
    """Base of the shapes inside a state: the same, but written as a JSON array to keep states small."""


T = TypeVar("T")


def encode(value: object) -> bytes:
    """JSON bytes of a value or of plain data, names in a fixed order: equal values give equal bytes."""
    return msgspec.json.encode(value, order="deterministic")


def decode(data: bytes | str, shape: type[T]) -> T:
    """The value of the given shape that `data` (JSON) holds. Raises `ValueError` when it holds another."""
    return msgspec.json.decode(data, type=shape)


def plain(value: object) -> Any:
    """The value as plain JSON data (dicts, lists, strings, numbers, booleans, None)."""
    return msgspec.to_builtins(value, order="deterministic")


def revive(data: object, shape: type[T]) -> T:
    """The value of the given shape that plain JSON data describes. Raises `ValueError` on another shape."""
    return msgspec.convert(data, type=shape)

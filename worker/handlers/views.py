"""Read-only views of JSON objects: attributes like JavaScript's, made when they are looked at.

An event has some hundred fields and a handler reads five, so nothing is converted up front: a view holds the decoded
object as it is and wraps what is asked for. A class declares its fields as annotations only; the same annotation is
what mypy sees in a handler, what gives the field its class, and what decides what an absent field is.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Never, NoReturn, get_args, get_origin

from worker.handlers.errors import ReadOnlyError, no_attribute

_SCALARS = frozenset({str, int, float, bool, NoneType})


class View(Mapping[str, Any]):
    """An object of the event, and a mapping of its fields. Nothing of it can be changed.

    Declared fields that are absent or null are None; required objects are empty then, required arrays `()`. Fields that
    are not declared are there if the event has them, else AttributeError. Objects are views, arrays tuples. Two views,
    or a view and a dict, are equal if they are the same JSON.
    """

    __slots__ = ("_data",)
    _data: Mapping[str, Any]
    _children: ClassVar[Mapping[str, type[View]]] = {}

    def __init__(self, data: Mapping[str, Any]) -> None:
        _set_data(self, data)

    def __init_subclass__(cls) -> None:
        """Make a reading property of each annotated field."""
        annotations = inspect.get_annotations(cls, eval_str=True).items()
        fields = [_Field(name, annotation) for name, annotation in annotations if not name.startswith("_")]
        for field in fields:
            setattr(cls, field.name, field.reader())
        cls._children = {**cls._children, **{field.name: field.child for field in fields}}

    def __getitem__(self, name: str) -> Any:
        return wrap(self._data[name], self._children.get(name, Dictionary))

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __eq__(self, other: object) -> bool:
        return _comparable(self) == _comparable(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # like dict

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"

    def __setattr__(self, name: str, value: Never) -> NoReturn:
        raise ReadOnlyError(f"{type(self).__name__} is read-only: handlers change things by calling the api")

    def __delattr__(self, name: str) -> NoReturn:
        raise ReadOnlyError(f"{type(self).__name__} is read-only: handlers change things by calling the api")

    if TYPE_CHECKING:  # mypy must see misspelt fields of a declared object
        ...
    else:

        def __getattr__(self, name):  # noqa: ANN001, ANN204 - hidden from mypy
            if name.startswith("__") or name not in self._data:
                raise no_attribute(type(self).__name__, name, self._children)
            return self[name]


_set_data = View.__dict__["_data"].__set__  # past __setattr__, and faster than object's


class Dictionary(View):
    """An open map: any attribute may be asked for and is None if it is absent, as JavaScript's undefined.

    `[...]` raises KeyError for an absent key. Keys that are names of mapping methods (`get`, `items`, `keys`, `values`)
    are reached by `[...]` only.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return wrap(self._data.get(name), self._children.get(name, Dictionary))


def wrap(value: Any, child: type[View] = Dictionary) -> Any:
    """Return a JSON value for reading: objects as views of class `child`, arrays as tuples of such."""
    kind = value.__class__
    if kind in _SCALARS:
        return value
    if kind is dict or isinstance(value, Mapping):
        return child(value)
    if kind is list or kind is tuple:
        return tuple([wrap(item, child) for item in value])
    return value


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _comparable(item) for name, item in value.items()}
    return [_comparable(item) for item in value] if isinstance(value, list | tuple) else value


class _Field:
    """A declared field: its name, the class of the objects in it, and what it is when it is absent."""

    def __init__(self, name: str, annotation: Any) -> None:
        views = [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, View)]
        self.name = name
        self.child: type[View] = views[0] if views else Dictionary
        self.absent: Any = None
        if annotation in views:
            self.absent = self.child({})
        elif get_origin(annotation) is tuple:
            self.absent = ()

    def reader(self) -> property:
        """Return the property that reads this field."""
        name, child, absent = self.name, self.child, self.absent

        def read(view: View) -> Any:
            value = view._data.get(name)  # noqa: SLF001 - a method of the view, made here
            if value is None:
                return absent
            return value if value.__class__ in _SCALARS else wrap(value, child)

        return property(read)


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield an annotation and all that it is made of: `tuple[X, ...] | None`, `tuple[X, ...]`, `X`."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)

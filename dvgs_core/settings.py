"""Settings: frozen, validated, and declared once.

Every setting a person can choose is a field of a `Settings` class: its name, title, unit, bounds,
default and help stand in the field and nowhere else. The command line's flags, the pages' forms,
the recipe and the documentation are drawn from that declaration by `fields`.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ConfigDict, ValidationError

from dvgs_core.errors import InputError

S = TypeVar("S", bound="Settings")


class Settings(BaseModel):
    """Base of every settings class: cannot be changed, knows no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Setting:
    """One field of a settings class, as a form or a help text needs it.

    Attributes:
        name, title, help, unit: what a person reads; unit is "" where there is none.
        default: the value used when nothing is said.
        choices: what may be chosen, or () where any value within the bounds may.
        minimum, maximum: inclusive bounds, or None.
        type: int, float, bool or str; the first of them that the annotation allows.
        optional: None is a value too.
        column: the value names a column of the table, so that a form can offer those there are.
    """

    name: str
    title: str
    help: str
    unit: str
    default: Any
    choices: tuple[Any, ...]
    minimum: float | None
    maximum: float | None
    type: type
    optional: bool
    column: bool


def fields(cls: type[Settings]) -> Iterator[Setting]:
    """The fields of a settings class, in the order of their declaration."""
    for name, field in cls.model_fields.items():
        annotation, optional = field.annotation, False
        if type(None) in get_args(annotation):
            optional = True
            annotation = next(a for a in get_args(annotation) if a is not type(None))
        choices = get_args(annotation) if get_origin(annotation) is Literal else ()
        bounds: dict[str, Any] = {}
        for bound in field.metadata:
            match bound:
                case annotated_types.Ge(ge=value):
                    bounds["minimum"] = value
                case annotated_types.Gt(gt=value):
                    bounds["minimum"] = value
                case annotated_types.Le(le=value):
                    bounds["maximum"] = value
                case annotated_types.Lt(lt=value):
                    bounds["maximum"] = value
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, Mapping) else {}
        yield Setting(
            name=name,
            title=field.title or name,
            help=field.description or "",
            unit=str(extra.get("unit", "")),
            default=field.default,
            choices=choices,
            minimum=bounds.get("minimum"),
            maximum=bounds.get("maximum"),
            type=type(choices[0]) if choices else _plain_type(annotation),
            optional=optional,
            column=bool(extra.get("column", False)),
        )


def shared(cls: type[Settings], name: str, **changes: Any) -> Any:
    """The field of another settings class, for one that offers the same choice.

    Args:
        cls: the class that declares it.
        name: which of its fields.
        **changes: what differs here: default, description.
    """
    field = copy(cls.model_fields[name])
    for attribute, value in changes.items():
        setattr(field, attribute, value)
    field._attributes_set = field._attributes_set | changes
    return field


def _plain_type(annotation: Any) -> type:
    return annotation if annotation in (int, float, bool, str) else str


def validated(cls: type[S], values: Mapping[str, Any]) -> S:
    """A settings object from values as a person gave them.

    Raises:
        InputError: the first value that is not allowed, in one line with what is.
    """
    try:
        return cls(**values)
    except ValidationError as error:
        raise InputError(one_line(cls, error)) from error


def one_line(cls: type[Settings], error: ValidationError) -> str:
    """What is wrong with the first rejected value, in one line a person can act on."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or cls.__name__
    if first["type"] == "extra_forbidden":
        known = ", ".join(cls.model_fields)
        return f"There is no setting {name!r}. Known settings: {known}."
    return f"{name}: {first['msg']}; got {first['input']!r}."

"""What the tables of a topic file share."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from monitor.problem import mistake

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def _name(value: str) -> str:
    if _NAME.fullmatch(value):
        return value
    raise mistake(f'"{value}" is not a name', "use a-z, 0-9, - and _, at most 60 of them")


Name = Annotated[str, AfterValidator(_name)]


class Table(BaseModel):
    """A table of known keys, each of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

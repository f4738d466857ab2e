"""A head that no base knows, as a file beside the others: whether a post announces to take part."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classifiers import heads

NAME = "announces"
FILE = '''"""Announces: whether the author says that they will take part."""

from classifiers.evaluation import macro_f1
from classifiers.label_head import LabelHead

HEAD = LabelHead(
    name="announces",
    labels=("yes", "no"),
    takes_target=True,
    metric=macro_f1,
    question="Does the author announce to take part in {target}?",
    meanings={"yes": "They say that they will.", "no": "Anything else."},
    off_topic="no",
)
'''


@contextmanager
def new_head(folder: Path) -> Iterator[None]:
    """Lets the heads be those of the package and the one in `folder`, where its file is put."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.py").write_text(FILE, encoding="utf-8")
    heads.__path__.append(str(folder))
    heads.all_heads.cache_clear()
    try:
        yield
    finally:
        heads.__path__.remove(str(folder))
        sys.modules.pop(f"{heads.__name__}.{NAME}", None)
        heads.all_heads.cache_clear()

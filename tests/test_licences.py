"""Everything that is installed with the program may be: no licence asks for ours to change."""

from __future__ import annotations

import re
from importlib import metadata

from packaging.requirements import Requirement

PROGRAM = "employee-sentiment-monitor"
ALLOWED = re.compile(
    r"apache( software license|[- ]2\.0| license 2\.0| 2\.0 license)?( with llvm-exception)?"
    r"|mit( license|-0)?|bsd( license)?|bsd-[123]-clause|0bsd|isc( license \(iscl\))?|zlib|cc0-1\.0"
    r"|bsl-1\.0|psf-2\.0|python software foundation license|cnri-python|unlicense"
    r"|mpl-2\.0|mozilla public license 2\.0 \(mpl 2\.0\)"  # by file; ours are other files
    r"|lgpl-3\.0-only",  # psycopg: imported, not changed
)
BY_HAND = {
    "vl-convert-python": "BSD-3-Clause",
    "fasttext-predict": "MIT",
    "rensa": "MIT",
    "pyrage": "MIT",
}
"""Read in the package where its metadata says nothing."""


def installed_with(name: str) -> dict[str, metadata.PackageMetadata]:
    """The packages that a package brings along, its own wishes for this machine followed."""
    found: dict[str, metadata.PackageMetadata] = {}
    asked: set[tuple[str, str]] = set()
    waiting = [Requirement(name)]
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        new = {(requirement.name.lower(), extra) for extra in extras} - asked
        if not new:
            continue
        asked |= new
        found[requirement.name.lower()] = metadata.metadata(requirement.name)
        wishes = map(Requirement, metadata.requires(requirement.name) or [])
        waiting += [
            wish
            for wish in wishes
            if wish.marker is None or any(wish.marker.evaluate({"extra": e}) for e in extras)
        ]
    del found[name]
    return found


def licences(package: metadata.PackageMetadata) -> list[str]:
    """What a package says: SPDX, classifiers, or the first line of the free text."""
    said = package.get("License-Expression") or ""
    if not said:
        classifiers = package.get_all("Classifier") or []
        named = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License")]
        said = " AND ".join(named) or (package.get("License") or "").partition("\n")[0]
    said = said or BY_HAND.get(package["Name"].lower(), "")
    return [part.lower() for part in re.split(r"[ (]*\b(?:AND|OR)\b[ )]*|; ", said)]


def test_every_installed_package_has_a_licence_that_lets_us_be_apache() -> None:
    packages = installed_with(PROGRAM)
    assert len(packages) > 50
    refused = {
        name: said
        for name, package in packages.items()
        if not (said := licences(package)) or not all(map(_is_allowed, said))
    }
    assert refused == {}


def _is_allowed(licence: str) -> bool:
    return ALLOWED.fullmatch(licence) is not None

"""A model card for every version, in the Hugging Face hub's form (Mitchell et al., 2019)."""

from collections.abc import Mapping

from huggingface_hub import ModelCard, ModelCardData

from classifiers.calibration import Temperature
from classifiers.version import ModelVersion


def model_card(version: ModelVersion, code_version: str) -> str:
    """Return a version's card as Markdown with a YAML head.

    Args:
        version: With its metrics and verdict.
        code_version: Of the program that made it.
    """
    data = ModelCardData(
        language="en",
        library_name="employee-sentiment-monitor",
        pipeline_tag="text-classification",
        tags=[f"topic:{version.topic}", f"version:{version.id}"],
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{_body(version, code_version)}"))


def _body(version: ModelVersion, code_version: str) -> str:
    passed = bool(version.verdict) and all(check["passed"] for check in version.verdict)
    facts = {
        "compared with": f"`{version.parent}`",
        "labels (fingerprint)": f"`{version.data_fingerprint}`",
        "seed": version.seed,
        "made": f"{version.created_at.isoformat()} in {version.minutes} minutes",
        "by": f"version {code_version} of the program",
        "heads": ", ".join(version.heads),
    } | {f"temperature, {name}": _told(value) for name, value in version.temperature.items()}
    sections = [
        f"# Version {version.id}",
        f"A change of the base `{version.base}` by labels of the topic `{version.topic}`.",
        _table(("", ""), facts),
        "## Use",
        "Daily shares of many posts about this topic. Not for judging, ranking or acting upon a\n"
        "person, nor for any single post as evidence; not for other topics.",
        f"## Verdict: {'may take over' if passed else 'must not take over'}",
        "\n".join(
            f"- {'passed' if one['passed'] else 'FAILED'}: {one['told']}" for one in version.verdict
        ),
        "## Measured",
        _table(
            ("on", "figures"),
            {
                name: ", ".join(f"{measure} {value:.4g}" for measure, value in figures.items())
                for name, figures in version.metrics.items()
            },
        ),
        "## Errors on audit labels (rows: what people said, columns: what the model said)",
        "\n".join(
            f"- {name}: {[list(row) for row in rows]}" for name, rows in version.confusion.items()
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _told(temperature: Temperature) -> str:
    numbers = [temperature] if isinstance(temperature, float) else temperature
    return ", ".join(f"{number:.3f}" for number in numbers)


def _table(titles: tuple[str, str], rows: Mapping[str, object]) -> str:
    lines = [f"| {titles[0]} | {titles[1]} |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows.items())])

"""Telling MLflow of a new version, for those who keep their experiments there."""

from __future__ import annotations

import importlib
from pathlib import Path

from classifiers.registry import CARD_FILE
from classifiers.version import ModelVersion
from monitor.errors import ConfigurationError


def track(uri: str, version: ModelVersion, folder: Path) -> None:
    """Logs a version as a run: what it was made from, every figure, verdict and card; no labels.

    Args:
        uri: MLflow's tracking address; where it is empty nothing happens and nothing is imported.
        version: The version.
        folder: Its folder in the registry.

    Raises:
        ConfigurationError: MLflow is not installed.
    """
    if not uri:
        return
    try:
        mlflow = importlib.import_module("mlflow")
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"retraining.mlflow_uri is {uri}, and MLflow is not installed",
            hint="pip install 'employee-sentiment-monitor[mlflow]', or leave the setting empty",
        ) from error
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(version.topic)
    with mlflow.start_run(run_name=version.id):
        mlflow.log_params(
            {
                "base": version.base,
                "parent": version.parent,
                "data_fingerprint": version.data_fingerprint,
                "seed": version.seed,
                "passed": all(check["passed"] for check in version.verdict),
            }
        )
        mlflow.log_metrics(
            {
                f"{_plain(of)}/{_plain(name)}": float(value)
                for of, figures in [
                    *version.metrics.items(),
                    *((check["name"], check["figures"]) for check in version.verdict),
                ]
                for name, value in figures.items()
            }
        )
        mlflow.log_artifact(str(folder / CARD_FILE))


def _plain(name: str) -> str:
    """A name of the signs that MLflow allows."""
    return "".join(sign if sign.isalnum() or sign in "_-./ " else "_" for sign in name)

"""The libraries of the model speak to nobody."""

import sys
from importlib import import_module


def test_openvino_cannot_tell_its_maker_that_it_is_used() -> None:
    import_module("classifiers.export").converted  # noqa: B018  whoever converts loads all of it
    assert [name for name in sys.modules if name.startswith("openvino_telemetry.")] == []
    assert "openvino.tools.ovc.telemetry_stub" in sys.modules

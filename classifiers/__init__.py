"""From texts to calibrated probabilities: the classifiers and how they are trained.

This package knows no post, no database and no topic file. It takes texts (and the text of
a target) and answers with probabilities, and it keeps versions of its model on disk.
"""

import sys

# On being imported OpenVINO tells its maker so over the network, unless what would tell it is
# missing. Nothing that reads people's posts speaks to anyone else.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

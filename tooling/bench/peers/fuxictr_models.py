"""The models of the checkout in $FUXICTR_HOME, whose `fuxictr` package goes first on sys.path."""

import importlib
import logging
import os
import sys
from pathlib import Path

PATHS = {name: f"model_zoo.{name}.src.{name}" for name in ["DCNv2", "xDeepFM", "FiBiNET", "AutoInt", "FiGNN"]}
PATHS["DeepFM"] = "model_zoo.DeepFM.DeepFM_torch.src.DeepFM"

if not os.environ.get("FUXICTR_HOME"):
    sys.exit("FUXICTR_HOME must name a checkout: git clone https://github.com/reczoo/FuxiCTR")
sys.path.insert(0, str(Path(os.environ["FUXICTR_HOME"]).resolve()))
logging.disable(logging.INFO)


def model_class(name):
    return getattr(importlib.import_module(PATHS[name]), name)

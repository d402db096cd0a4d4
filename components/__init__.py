"""What runs inside a node of the pipeline; nothing here imports ``pipeline``."""

import os

from components.own_environment import claim

claim(os.environ)

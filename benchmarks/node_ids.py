"""Prints the ids of the nodes as JSON, in the order in which they run.

``benchmarks.scale`` runs it as a process of its own, since wiring imports TFX.
"""

import json

from pipeline.config import load_config
from pipeline.definition import create_pipeline
from pipeline.digests import NO_DIGESTS

if __name__ == "__main__":
    pipeline = create_pipeline(load_config(), NO_DIGESTS)
    print(json.dumps([node.id for node in pipeline.components]))

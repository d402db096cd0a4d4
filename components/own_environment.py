"""Leaves out of the environment what others set for another Keras or TensorFlow.

``components`` calls it when it is imported, which is before any of our code imports
Keras: in the command line, a container's process, a worker of Beam, a test.
"""

import os
import sys
from collections.abc import MutableMapping

# Keras reads no ``keras.json``, which may name another backend, and writes none.
_OURS = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull, "MPLBACKEND": "agg"}
# They change what TensorFlow computes, end it where it does not know a flag, or tell
# the Trainer that it is one of many.
_FOREIGN = ("TF2_BEHAVIOR", "TF_CONFIG", "TF_XLA_FLAGS", "XLA_FLAGS")
_LEGACY = "TF_USE_LEGACY_KERAS"


def claim(environ: MutableMapping[str, str]) -> None:
    """Makes Keras run on TensorFlow, whatever the user has set.

    Args:
      environ: of this process; those that it starts inherit it.
    """
    keras = [name for name in environ if name.startswith("KERAS_")]
    for name in (*keras, *_FOREIGN):
        environ.pop(name, None)
    # TensorFlow Transform sets it for itself, unless the user has.
    if "tensorflow_transform" not in sys.modules:
        environ.pop(_LEGACY, None)
    environ.update(_OURS)

"""Benchmarks: `python -m benchmarks.NAME` prints one table each.

TensorFlow reads its environment once, so that it is set here, before any
module of this package imports it.
"""

import logging
import warnings

from realm_tf import environment

environment.configure()
# What a library says of Python's version, and Keras of how it saves, is not
# for a table.
warnings.filterwarnings("ignore", message="You are using a Python version")
logging.getLogger("tensorflow").setLevel(logging.ERROR)

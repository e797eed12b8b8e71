"""For tools that still look for it: pyproject.toml describes the packages."""

import setuptools

setuptools.setup()

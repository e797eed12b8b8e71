"""The MIPS index: search, versions on disk, building, the refresh job."""

from typing import TYPE_CHECKING

from realm_tf import lazy

if TYPE_CHECKING:
  from realm_tf.index.search.vector_index import Searcher

__all__ = ["Searcher"]

__getattr__, __dir__ = lazy.attach(
  __name__, {"Searcher": "realm_tf.index.search.vector_index"}
)

"""The MIPS index: the searcher, its versions on disk, the refresh job."""

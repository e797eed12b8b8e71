"""The MIPS index: search, versions on disk, building, the refresh job."""

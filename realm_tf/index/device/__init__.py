"""An index in the memory of accelerators: its layout, its search."""

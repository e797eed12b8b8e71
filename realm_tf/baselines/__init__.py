"""Systems that the paper compares REALM with."""

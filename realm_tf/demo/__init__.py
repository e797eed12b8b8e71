"""The demo: every step of REALM on the embedded encyclopedia, and a report."""

"""The paper's two tables: plans of commands, and reports beside its figures."""

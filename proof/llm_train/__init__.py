"""Independent computations, correct code written otherwise, and equivalent faults of llm-train."""

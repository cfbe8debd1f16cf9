"""Tolerances and numbers that the large cases of several parts share."""

ONLY_FLOAT64 = {"float64": 1e-6}
"""For numbers that float32 inside a float64 call gets visibly wrong, not by a rounding of the answer."""
SHORT_SUM = {"float64": 1e-9, "float32": 1e-5}
LONG_SUM = {"float64": 1e-9, "float32": 6e-5}
"""For sums over thousands of numbers, or chains of many steps."""

BORDERS = (0, 127, 128, 255, 256, 1023, 1024, 2047, 2048, 4095, 4096, 8191, 8192, 32767, 32768, 65535, 65536, 131071)
"""On both sides of the ends of common tables and integer widths."""
LLAMA3_VOCABULARY = 128_257
"""One more than Llama 3 has, so that no tile divides it."""

"""The layers, one lesson each: pure functions with a contract, and thin modules that hold their weights."""

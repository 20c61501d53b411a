"""Long proofs: `make torture` runs them for minutes, the tests for seconds."""

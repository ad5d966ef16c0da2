//! Nothing: this package holds benchmarks alone.

//! Engine and sandbox over loopback: one binary, a module per feature.

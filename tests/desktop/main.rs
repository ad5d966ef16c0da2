//! The real window, driven on a stage of its own: one binary, a module per thing a person does.

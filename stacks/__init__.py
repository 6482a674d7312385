"""The application: stacks that only wire constructs together."""

"""The sample services that the stacks deploy and the rehearsal runs as local processes."""

"""What a Python synth costs: CPU beside hand-written stacks in Python and in JavaScript, and the calls to jsii."""

"""`python -m benchmarks.synth`."""

import os
import sys

from bluegreen_constructs.rehearsal.node import find_node

# The calls are counted in this process, and jsii starts its Node when the CDK is imported.
os.environ.setdefault("JSII_NODE", str(find_node()))
os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
# The CDK's own validation engine costs the same seconds whoever wrote the stack, and would hide what differs.
os.environ["CDK_VALIDATION"] = "false"

from .command import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

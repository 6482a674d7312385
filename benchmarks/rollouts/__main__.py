"""`python -m benchmarks.rollouts`."""

import sys

from .command import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

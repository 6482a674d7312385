"""`python -m services.inference`: run the service; 2 is a bad setting, 1 a release that cannot run."""

import logging
import os
import sys

from .errors import ServiceError
from .settings import Settings


def main() -> int:
    """Run until told to stop; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    try:
        settings = Settings.from_environment(os.environ)
        # The web framework and numpy take most of the start; a bad setting is refused without them.
        from .server import serve  # noqa: PLC0415

        serve(settings)
    except ServiceError as error:
        print(f"inference: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())

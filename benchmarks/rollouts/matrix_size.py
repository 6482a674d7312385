"""How large the crash matrix is: calls of each play, and what befalls each of them."""

from tests.crash_matrix.plays import PLAYS, calls_of, first_own_call
from tests.simulated_aws.faults import FIVE_KINDS

from .row import Row, table


def matrix_size() -> str:
    """The table; `make test` plays it and prints what held."""
    seen: list[list[str]] = []
    rows: list[Row] = []
    for play in PLAYS:
        calls = calls_of(play)
        own = len(calls) - first_own_call(play, seen)
        seen.append(calls)
        rows.append(Row(play.name, f"{len(calls)} calls, {own} of them its own: {own * len(FIVE_KINDS)} faults"))
    kinds = ", ".join(kind.value for kind in FIVE_KINDS)
    about = (
        f"Every AWS call of these plays is {kinds}; besides, a second worker and an abort come between any two calls, "
        "an abort with the table down, and a stack update. `make test` plays all of it and says in one line what held; "
        "the tests fail at the first invariant that does not."
    )
    return table("The crash matrix", about, rows)

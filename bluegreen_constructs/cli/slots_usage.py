"""How the help of verbs spells an optional TARGET before a word that has to be there."""

from typing import Any

from typer.core import TyperCommand


class SlotCommand(TyperCommand):
    """A verb that takes `[TARGET] SLOT`; to typer both are optional, as one word alone is the slot."""

    words = "[TARGET] SLOT"

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words in the place of what typer makes of both arguments."""
        pieces = [piece for piece in super().collect_usage_pieces(ctx) if piece == self.options_metavar]
        return [*pieces, self.words]


class SharesCommand(SlotCommand):
    """A verb that takes `[TARGET] SLOT=PERCENT…`."""

    words = "[TARGET] SLOT=PERCENT..."

"""Times and spans as the command line spells them."""

from datetime import UTC, datetime, timedelta


def iso(moment: datetime) -> str:
    """A moment in UTC to the second, as `2026-11-02T10:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rough(span: timedelta) -> str:
    """A span to its largest unit or two: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`; a negative one is `0 s`."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"

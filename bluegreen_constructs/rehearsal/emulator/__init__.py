"""The emulator: ministack in a process of its own, behind an overlay whose every patched name is asserted at start."""

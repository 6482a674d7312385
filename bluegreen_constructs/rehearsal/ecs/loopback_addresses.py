"""A loopback address of its own for every task, as each task has its own network interface under awsvpc.

Tasks bind 127.R.a.b on their real container port. R belongs to one emulator: it holds a listening socket on
127.R.255.254 for as long as it lives, so that two emulators on one machine never share addresses. Linux answers on
all of 127.0.0.0/8; other systems need an alias per address and are refused.
"""

import errno
import os
import socket
import threading

from ...engine.errors import RehearsalError

_LOCK_PORT = 47_913
_FIRST, _LAST = 16, 250
_HOSTS = 250


class LoopbackAddresses:
    """The addresses 127.R.a.b of one emulator, handed out once each (62,500 of them, then again from the first)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given = 0
        self._socket, self.second_octet = _claim()

    def next(self) -> str:
        """An address that no task had before."""
        with self._lock:
            number = self._given % (_HOSTS * _HOSTS)
            self._given += 1
        return f"127.{self.second_octet}.{number // _HOSTS + 1}.{number % _HOSTS + 1}"

    def close(self) -> None:
        """Give the range back."""
        self._socket.close()


def is_free(address: str, port: int) -> bool:
    """Whether a task could listen there now; a listener on 0.0.0.0 takes the port of every address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _claim() -> tuple[socket.socket, int]:
    # From a place that depends on the process, so that many emulators starting at once rarely meet.
    start, count = os.getpid() % (_LAST - _FIRST + 1), _LAST - _FIRST + 1
    for offset in range(count):
        octet = _FIRST + (start + offset) % count
        claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            claim.bind((f"127.{octet}.255.254", _LOCK_PORT))
            claim.listen(1)
        except OSError as error:
            claim.close()
            if error.errno == errno.EADDRNOTAVAIL:
                break
            continue
        return claim, octet
    raise RehearsalError(
        "this machine has no free loopback range 127.16.0.0 to 127.250.0.0 for the tasks; "
        "run the rehearsal on Linux, where all of 127.0.0.0/8 answers"
    )

# SPDX-License-Identifier: MIT
"""Writers at the leader of a cluster, each with a ledger of what it was promised.

    books = new_books(number)
    with Load(leader, books, dice):
        ...
    verify(cluster, books)"""

import threading

from support import ledger
from support.client import Error, encode
from support.server import PATIENCE_S

WRITERS = 3


class Writer(threading.Thread):
    """Keeps some operations under way at one node until the connection breaks, or an error says that it leads no
    more."""

    def __init__(self, node, book, depth):
        super().__init__(daemon=True)
        self.book = book
        self.depth = depth
        self.client = node.client(timeout_s=PATIENCE_S)
        self.wrong = None
        self.done = False
        self.start()

    def receive(self):
        answer = self.client.receive()
        if isinstance(answer, Error) and answer.code in ("READONLY", "CLUSTERDOWN", "UNCERTAIN", "EXECABORT"):
            raise ConnectionError(answer)
        return answer

    def run(self):
        try:
            while not self.done:
                calls = [call for _ in range(max(1, self.depth // 2)) for call in self.book.next()]
                self.client.send_raw(b"".join(encode(*call) for call in calls))
                while len(self.book.sent) > self.depth // 2:
                    self.book.answered(self.receive)
        except (OSError, ValueError):
            pass  # it is gone, or leads no more; ValueError: from a number that was cut
        except BaseException as wrong:
            self.wrong = wrong
        finally:
            self.client.close()

    def end(self):
        self.done = True
        self.join(2 * PATIENCE_S)
        assert not self.is_alive(), "a writer hangs"
        if self.wrong is not None:
            raise self.wrong


class Load:
    """with Load(leader, books, dice): writers write to it"""

    def __init__(self, leader, books, dice):
        self.writers = [Writer(leader, book, dice.choice([1, 4, 16])) for book in books]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for writer in self.writers:
            writer.end()


def verify(cluster, books):
    with cluster.leader().client() as client:
        for book in books:
            book.settle(ledger.read(client, book.keys()))


def new_books(number):
    return [ledger.Ledger(number, writer) for writer in range(WRITERS)]

"""A process that talks without pause: `python -m tests.writers URL CONVERSATION_ID TURNS` (many of them at once).

Every request is sent twice, as by a double click. Prints how long each transaction took, in seconds, as JSON.
"""

import json
import sys
import time
from collections.abc import Callable

from debrief.conversation import MessageState
from debrief.errors import Conflict
from storage.answers import finish_answer
from storage.engine import Database, new_id
from storage.turns import start_turn
from tests.factories import OLGA


def talk(url: str, conversation_id: str, turns: int) -> list[float]:
    db = Database(url)
    took: list[float] = []

    def timed(call: Callable):
        began = time.perf_counter()
        try:
            return call()
        finally:
            took.append(time.perf_counter() - began)

    for n in range(turns):
        request_id = new_id("r")

        def send(request_id: str = request_id, n: int = n):
            return start_turn(
                db, OLGA, conversation_id, f"Sentence {n}.", request_id, per_visitor_cap=100, total_cap=100
            )

        turn = None
        while turn is None:
            try:
                turn = timed(send)
            except Conflict:  # another process's answer is being written
                continue
        assert timed(send).answer.id == turn.answer.id
        assert timed(
            lambda turn=turn: finish_answer(
                db, turn.answer.id, turn.writer_token, state=MessageState.COMPLETE, text="Why?" * 50
            )
        )
    db.close()
    return took


if __name__ == "__main__":
    print(json.dumps(talk(sys.argv[1], sys.argv[2], int(sys.argv[3]))))

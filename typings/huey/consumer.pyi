import threading
from signal import Signals

from huey import Huey

class Consumer:
    stop_flag: threading.Event
    _signal_actions: dict[Signals, tuple[bool, bool]]
    def __init__(
        self,
        huey: Huey,
        workers: int = ...,
        periodic: bool = ...,
        initial_delay: float = ...,
        backoff: float = ...,
        max_delay: float = ...,
        scheduler_interval: float = ...,
        shutdown_timeout: float | None = ...,
        graceful_signal: str = ...,
    ) -> None: ...
    def run(self) -> None: ...
    def stop(self, graceful: bool = ...) -> None: ...

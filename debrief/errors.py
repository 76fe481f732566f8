"""Everything that can go wrong and that a person will read about.

    DebriefError
      ConfigError            the operator must change a setting or a file; stops the start
      NotFound               also for "exists but is not yours", so that nothing is revealed
      SignInNeeded           nobody is signed in
      NotAllowed             signed in, but the role is missing
      Conflict               somebody was faster, or the state does not allow it
      NotSaved               the database is locked or its disk full; nothing was changed
      NotReadable            the database or its disk cannot be read just now
      InputRejected          empty, too long, malformed
        FieldRejected        one field of a form: its sentence names it, `where` is its path
      TooBusy                a limit that protects the others; says how long to wait
      ModelError
        ModelUnavailable     starting or down: costs a job no attempt
          ModelBusy          there, but takes no more at the moment; may say when to come back
        ModelTimedOut        no first token, or silence in mid-answer
        ModelBroke           the connection or the engine died in mid-answer
        ModelRefused         wrong key, wrong model name, a request that it will never take
        PromptTooLong        more tokens than the model's context

Each class has a default `code`; a raiser may name a finer one. The sentence that a person reads is looked up in
`debrief/texts/<language>.toml` under `error.<code>`, so the same error speaks English and Korean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from debrief.texts import say


class DebriefError(Exception):
    """An expected failure with a sentence for the person who meets it.

    Args:
        code: the catalog key below `error.`; also the machine-readable code of the API.
        retry_after_s: seconds until trying again makes sense, or None where waiting does not help.
        values: what the sentence's placeholders take.
    """

    code: ClassVar[str] = "unexpected"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, code: str | None = None, *, retry_after_s: float | None = None, **values: object) -> None:
        self.reason = code or type(self).code
        self.retry_after_s = retry_after_s
        self.values = values
        super().__init__(self.sentence("en"))

    def sentence(self, language: str) -> str:
        """What happened and what to do, in the reader's language."""
        return say(f"error.{self.reason}", language, **self.values)


class ConfigError(DebriefError):
    code = "config"


class NotFound(DebriefError):
    code = "not_found"
    http_status = 404


class SignInNeeded(DebriefError):
    code = "sign_in_needed"
    http_status = 401


class NotAllowed(DebriefError):
    code = "not_allowed"
    http_status = 403


class Conflict(DebriefError):
    code = "conflict"
    http_status = 409


class NotSaved(DebriefError):
    code = "not_saved"
    http_status = 503
    retryable = True


class NotReadable(DebriefError):
    code = "not_readable"
    http_status = 503
    retryable = True


class InputRejected(DebriefError):
    code = "malformed"
    http_status = 422


class FieldRejected(InputRejected):
    """One field of several.

    Args:
        where: the path of the field in what was sent, such as "criteria.examples.reason".
        field: its name as the reader sees it on the page, by language: "$field" of the sentence.
    """

    def __init__(self, code: str, *, where: str, field: Callable[[str], str], **values: object) -> None:
        self.where = where
        self._field = field
        super().__init__(code, retry_after_s=None, **values)

    def sentence(self, language: str) -> str:
        return say(f"error.{self.reason}", language, field=self._field(language), **self.values)


class TooBusy(DebriefError):
    code = "too_busy"
    http_status = 429
    retryable = True


class ModelError(DebriefError):
    code = "model_error"
    http_status = 502


class ModelUnavailable(ModelError):
    code = "model_unavailable"
    http_status = 503
    retryable = True


class ModelBusy(ModelUnavailable):
    code = "model_busy"


class ModelTimedOut(ModelError):
    code = "model_timed_out"
    http_status = 504
    retryable = True


class ModelBroke(ModelError):
    code = "model_broke"
    retryable = True


class ModelRefused(ModelError):
    code = "model_refused"


class PromptTooLong(ModelError):
    code = "prompt_too_long"
    http_status = 422

"""What a visitor is told about where their debrief stands, in one sentence."""

from __future__ import annotations

from debrief.errors import ModelBusy, ModelUnavailable
from debrief.feedback import FeedbackView, JobState
from debrief.review import ReviewState
from debrief.texts import say
from storage.repeats import Repeat


def feedback_notice(view: FeedbackView, language: str) -> str:
    """The sentence for this feedback as it is now."""
    if view.review_state == ReviewState.WITHDRAWN:
        return say("notice.withdrawn", language)
    if view.review_state == ReviewState.REGENERATING:
        return say("notice.disputed" if view.body is not None else "notice.regenerating", language)
    if not view.state.is_final:
        return _while_making(view, language)
    if view.state is JobState.SKIPPED and view.error_code:
        return say(f"error.{view.error_code}", language)
    if view.state in (JobState.FAILED, JobState.CANCELLED, JobState.SKIPPED):
        return say(f"notice.{view.state.value}", language)
    return say(f"notice.{_review_key(view)}", language)


def _while_making(view: FeedbackView, language: str) -> str:
    if not view.worker_alive:
        return say("notice.no_worker", language)
    if view.error_code == ModelUnavailable.code:
        return say("notice.waiting_for_model", language)
    if view.error_code == ModelBusy.code:
        return say("notice.model_busy", language)
    if view.state is JobState.RETRY_WAIT:
        return say("notice.retry_wait", language)
    step = str(view.progress.get("step", "waiting"))
    if step == "waiting":
        return say("notice.waiting", language, position=view.progress.get("position", 1))
    if step == "writing":
        return say("notice.writing", language, done=view.progress.get("done", 0), of=view.progress.get("of", 0))
    return say(f"notice.{step}", language)


def _review_key(view: FeedbackView) -> str:
    state = ReviewState(view.review_state)
    if view.is_disputed and view.body is not None:
        return "disputed"
    if state is ReviewState.AUTO_RELEASED and view.body is not None and not view.body.has_level:
        return "no_level"
    if state is ReviewState.AUTO_RELEASED:
        return "partial" if view.state is JobState.PARTIAL else "auto_released"
    if state.is_being_reviewed or state is ReviewState.NONE:
        return "in_review"
    if state is ReviewState.APPROVED and view.is_edited:  # edited, opened again and approved as it is
        return ReviewState.EDITED_APPROVED.value
    return state.value


def repeat_outcome(repeat: Repeat, language: str) -> str:
    """What a reviewer is told of an attempt to make a version again."""
    n = repeat.version_n
    if not repeat.state.is_final:
        return say("desk.repeat_waiting", language, n=n)
    if repeat.in_the_way:
        what = ", ".join(say(f"desk.repeat_changed_{name}", language) for name in repeat.in_the_way)
        return say("desk.repeat_refused", language, n=n, what=what)
    if repeat.same is None:
        return say("desk.repeat_failed", language, n=n)
    if repeat.same:
        return say("desk.repeat_same", language, n=n)
    return say(f"desk.repeat_differs_{repeat.sampling}", language, n=n, places=len(repeat.differs))

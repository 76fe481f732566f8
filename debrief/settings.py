"""Every setting, read once per process from the environment (or `.env`), each with its unit in its name.

Created only where a process is put together (app.py, tasks/worker.py, tests) and handed down as a value.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from debrief.addresses import read_networks
from debrief.errors import ConfigError


def _default_data_dir() -> Path:
    """`/data` on a Hugging Face Space with a volume, else `data/` beside the program."""
    mounted = Path("/data")
    if os.environ.get("SPACE_ID") and mounted.is_dir() and os.access(mounted, os.W_OK):
        return mounted
    return Path("data")


def _default_host() -> str:
    """This machine only; on a Hugging Face Space all addresses, because its proxy comes from outside."""
    return "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1"  # noqa: S104  # meant


METRICS_TOKEN_MIN_CHARS = 16


class Settings(BaseSettings):
    """The settings. Each is an environment variable with the prefix `DEBRIEF_`."""

    model_config = SettingsConfigDict(
        env_prefix="DEBRIEF_",
        env_file=".env",
        env_file_encoding="utf-8",
        extra="forbid",
        frozen=True,
        env_ignore_empty=True,
        protected_namespaces=(),
    )

    host: str = Field(
        default_factory=_default_host, description="Address the web server listens on; 0.0.0.0 in a container."
    )
    port: int = Field(7860, ge=0, le=65535, description="Port of the web server.")
    trusted_proxies: str = Field(
        "", description="Comma-separated proxy addresses whose X-Forwarded-* headers count; empty: ignored."
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir, description="Folder for databases, the secret and the prepared model."
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    queue_url: str = Field("", description="redis:// URL of the queue; empty: its own SQLite file in the data folder.")
    secret: SecretStr = Field(SecretStr(""), description="Signs cookies; empty: made once in the data folder.")
    admin: SecretStr = Field(SecretStr(""), description="name:password of the first admin, made when there is none.")

    metrics_token: SecretStr = Field(
        SecretStr(""), description="Lets who sends it as a bearer token read /metrics; empty: nobody can."
    )

    model_url: str = Field("", description="An OpenAI-compatible server's /v1 address; empty: start our own vLLM.")
    model: str = Field("", description="Hugging Face id or local folder; empty: the packaged demo model.")
    model_api_key: SecretStr = Field(SecretStr(""), description="Key for the model server.")
    model_port: int = Field(8800, ge=1, le=65535, description="Loopback port of our own vLLM.")
    model_context_tokens: int = Field(0, ge=0, description="Context length, for servers that do not tell; 0: ask.")
    model_seats: int = Field(16, ge=2, description="Requests that the model server works on at once.")
    model_priority: Literal["auto", "on", "off"] = Field(
        "auto", description="Send request priorities; auto: only to the server that we start."
    )

    torch_index: str = Field("", description="Where make run finds PyTorch's CPU build; empty: PyTorch's own index.")
    model_seeds: Literal["on", "off"] = Field(
        "off", description="Send seeds; off, because a seeded request can kill vLLM's engine on a CPU."
    )

    reply_max_tokens: int = Field(512, ge=1, description="Longest answer in a talk.")
    reply_temperature: float | None = Field(
        None, ge=0, le=2, description="Sampling temperature of answers; empty: the model's own."
    )
    connect_timeout_s: float = Field(3, gt=0, description="Longest wait for the model server to accept.")
    first_token_timeout_s: float = Field(60, gt=0, description="Longest wait for an answer's first token.")
    next_token_timeout_s: float = Field(20, gt=0, description="Longest silence in mid-answer.")
    reply_timeout_s: float = Field(300, gt=0, description="Longest time for one whole answer.")

    message_max_chars: int = Field(4000, ge=1, description="Longest message of a visitor.")
    body_max_bytes: int = Field(262_144, ge=1024, description="Largest request body.")
    rate_limit: Literal["on", "off"] = Field(
        "on", description="Limits per minute and address; off for tests. Caps at once and per day hold all the same."
    )
    messages_per_minute: int = Field(20, ge=1, description="Messages a visitor may send in a minute.")
    sign_ins_per_minute: int = Field(10, ge=1, description="Sign-in attempts per name and address in a minute.")
    answers_at_once: int = Field(64, ge=1, description="Answers being written at once, all visitors together.")
    answers_at_once_per_visitor: int = Field(4, ge=1, description="Answers being written at once for one visitor.")
    answers_per_day: int = Field(
        0, ge=0, description="Answers begun in a day (UTC), all visitors together; 0: no limit."
    )
    answers_per_day_per_visitor: int = Field(
        400, ge=0, description="Answers begun in a day (UTC) for one visitor; 0: no limit."
    )
    feedbacks_per_day: int = Field(
        0, ge=0, description="Feedbacks asked for in a day (UTC), all visitors together; 0: no limit."
    )
    feedbacks_per_day_per_visitor: int = Field(
        50, ge=0, description="Feedbacks asked for in a day (UTC) by one visitor; 0: no limit."
    )
    feedbacks_waiting: int = Field(500, ge=1, description="Feedbacks waiting or being made, all visitors together.")
    feedbacks_waiting_per_visitor: int = Field(5, ge=1, description="Feedbacks waiting or being made for one visitor.")
    new_visitors_per_hour: int = Field(
        60, ge=1, description="New visitors that one address may bring in an hour; one counts from their first talk."
    )
    streams_at_once: int = Field(2000, ge=1, description="Open live streams, all visitors together.")
    streams_at_once_per_visitor: int = Field(12, ge=1, description="Open live streams of one visitor.")
    body_timeout_s: float = Field(20, gt=0, description="Longest time that a request's body may take to arrive.")
    allowed_hosts: str = Field(
        "",
        description="Comma-separated names that requests may address us by (*.example.org for all below one); "
        "empty: on a loopback address only this machine's own names, else all.",
    )

    feedback_seats: int = Field(2, ge=1, description="Feedbacks in flight at once, all workers together.")
    chat_first_token_goal_s: float = Field(
        1.0, gt=0, description="While chat's first token takes longer, only one feedback is made at a time."
    )
    feedback_words: Literal["auto", "model", "rubric"] = Field(
        "auto", description="Who words the feedback: the model, or the rubric; auto: rubric for the packaged model."
    )
    feedback_placing: Literal["auto", "model", "likeness"] = Field(
        "auto",
        description="Who chooses lines and levels when the rubric words the feedback; auto: whichever did better.",
    )
    feedback_calls: Literal["one", "per_criterion"] = Field(
        "one", description="Ask the model for a whole feedback at once, or for one criterion at a time."
    )
    feedback_samples: int = Field(
        3, ge=1, le=5, description="How often a model's levels are asked for, to see whether it agrees with itself."
    )
    feedback_at_end: Literal["on", "off"] = Field(
        "on", description="Make a feedback by itself when a talk reaches its scenario's end."
    )
    feedback_idle_min: float = Field(
        0, ge=0, description="Minutes of silence after which a talk gets a feedback by itself; 0: never."
    )
    feedback_timeout_s: float = Field(300, gt=0, description="Longest time for one model call of a feedback.")
    release: Literal["checked", "sample", "hold"] = Field(
        "checked",
        description="checked: what passes all checks is shown at once; sample: but for a share, which a reviewer "
        "sees first; hold: a reviewer sees all first. A scenario may say otherwise.",
    )
    release_sample_percent: int = Field(
        20, ge=0, le=100, description="Share that a reviewer sees first where release is sample."
    )
    review_overdue_hours: float = Field(
        48, ge=0, description="Hours after which a feedback has waited too long for a reviewer; 0: never."
    )
    second_opinion_percent: int = Field(
        0, ge=0, le=100, description="Share of the decided feedbacks that a second reviewer judges blind; 0: none."
    )
    job_lease_s: float = Field(60, gt=0, description="How long a worker may be silent before its job is given away.")
    job_heartbeat_s: float = Field(15, gt=0, description="How often a worker says that it is alive.")
    job_retry_s: float = Field(
        2, gt=0, description="Wait before a job's second attempt; before the third it is four times as long."
    )
    reaper_interval_s: float = Field(10, gt=0, description="How often forgotten jobs are looked for.")

    sign_in_hours: float = Field(12, gt=0, description="How long a reviewer's sign-in lasts without use.")
    openid_url: str = Field(
        "",
        description="OpenID Connect provider with which visitors may sign in, such as https://huggingface.co; "
        "empty: what a Space with hf_oauth: true names, else none.",
    )
    openid_client_id: str = Field("", description="As whom we ask at the provider.")
    openid_client_secret: SecretStr = Field(SecretStr(""), description="The secret of that client.")
    public_url: str = Field(
        "", description="Our address as browsers see it; the provider sends back to it, at /login/callback."
    )
    talks_days: int = Field(
        0,
        ge=0,
        description="Days after which a talk that nobody touched is deleted, with all that hangs on it; 0: never.",
    )
    feedback_days: int = Field(
        0, ge=0, description="Days after which a debrief is deleted, counted from its last change; 0: with its talk."
    )
    upgrade_copies_days: float = Field(
        30, ge=0, description="Days after which the copy made before an upgrade is deleted; 0: never."
    )
    backup_days: float = Field(
        30, ge=0, description="Days after which a backup in the folder backups is deleted, never the newest; 0: never."
    )
    webhook_networks: str = Field(
        "",
        description="Comma-separated networks that webhooks may reach though they are not public, also by plain http, "
        "such as 10.2.0.0/16; empty: only public addresses, by https.",
    )
    webhook_timeout_s: float = Field(20, gt=0, description="Longest time for one delivery of a webhook.")
    webhook_attempts: int = Field(
        10, ge=1, le=20, description="Attempts to deliver an event before it is given up; ten last about three days."
    )
    webhook_retry_s: float = Field(
        5, gt=0, description="Wait before the second attempt; each one after it waits five times as long, up to a day."
    )
    webhook_disable_days: float = Field(
        5, gt=0, description="Days of nothing but failures after which an endpoint is disabled."
    )
    webhook_log_days: int = Field(
        30, ge=0, description="Days after which a delivered or given up event is deleted from the log; 0: never."
    )
    scenario_dir: Path = Field(Path("scenarios"), description="Folder of scenario files.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log line kept.")

    @field_validator("model_url", mode="after")
    @classmethod
    def _without_trailing_slash(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://, for example http://127.0.0.1:8800/v1")
        return value.rstrip("/")

    @field_validator("metrics_token", mode="after")
    @classmethod
    def _not_to_be_guessed(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < METRICS_TOKEN_MIN_CHARS:
            raise ValueError(f"must have at least {METRICS_TOKEN_MIN_CHARS} characters: nothing slows a guesser down")
        return value

    @field_validator("openid_url", "public_url", mode="after")
    @classmethod
    def _without_closing_slash(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("must start with https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _whole_provider(self) -> Self:
        given = [self.openid_url, self.openid_client_id, self.openid_client_secret.get_secret_value()]
        if any(given) and not (all(given) and self.public_url):
            raise ValueError("DEBRIEF_OPENID_URL, _CLIENT_ID, _CLIENT_SECRET and DEBRIEF_PUBLIC_URL belong together")
        return self

    @field_validator("webhook_networks", mode="after")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        read_networks(value)
        return value

    @property
    def starts_own_model(self) -> bool:
        """True when no model server is configured, so that we start vLLM ourselves."""
        return not self.model_url

    @property
    def model_base_url(self) -> str:
        """Where the model answers: the configured server or our own."""
        return self.model_url or f"http://127.0.0.1:{self.model_port}/v1"

    @property
    def sends_priority(self) -> bool:
        return self.model_priority == "on" or (self.model_priority == "auto" and self.starts_own_model)

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'debrief.sqlite3').resolve()}"

    @property
    def queue_file(self) -> Path:
        return self.data_dir / "queue.sqlite3"

    @property
    def prepared_model_dir(self) -> Path:
        """Where the packaged model lies after its one-time conversion."""
        return self.data_dir / "models" / "smollm2-135m-instruct"


def read_settings(**overrides: object) -> Settings:
    """Read the settings.

    Raises:
        ConfigError: a value is wrong; the message names the variable and the reason.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        reasons = "; ".join(
            f"DEBRIEF_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            if problem["loc"]
            else problem["msg"]
            for problem in error.errors()
        )
        raise ConfigError(reason=reasons) from error


def signing_secret(settings: Settings) -> str:
    """The key that signs cookies: the setting, or a random one kept in the data folder with mode 0600.

    Safe when several processes start at once: the file is written beside and linked into place, first one wins.
    """
    given = settings.secret.get_secret_value()
    if given:
        return given
    path = settings.data_dir / "secret"
    if not path.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"secret.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text("utf-8").strip()

"""Debrief's command line. Without a command: everything, under one supervisor. See `python app.py --help`.

Each command imports only what it needs, so the supervisor stays small and can say what is missing.
"""

from __future__ import annotations

import argparse
import errno
import getpass
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from launch.say import Stop

if TYPE_CHECKING:
    from debrief.settings import Settings

ROOT = Path(__file__).resolve().parent
NO_PLACE_TO_WRITE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO,
}  # fmt: skip

EXPORT_FILTERS = (
    ("scenario", "ID", "of this scenario"),
    ("rubric", "HASH", "made with this rubric"),
    ("model", "NAME", "made by this model"),
    ("language", "CODE", "of the talk, such as ko"),
    ("level", "0-5", "the lowest level of all criteria; 0: none has a level"),
    ("check", "NAME", "a check that did not pass; or: passed, failed"),
    ("asked_by", "WHO", "visitor, end or idle"),
    ("reviewer", "NAME", "who has it or decided on it"),
    ("assignee", "NAME", "whose work it is to be; -: nobody's"),
    ("since", "YYYY-MM-DD", "first day (UTC)"),
    ("until", "YYYY-MM-DD", "last day (UTC)"),
)


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    if getattr(given, "file", None) is not None:
        given.file = given.file.resolve()
    os.umask(0o077)  # what we and our children write is people's talk, or logs about it: nobody else's to read
    os.chdir(ROOT)  # settings name folders relative to the program
    try:
        return given.run(given)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return stop.code
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"debrief", "storage", "inference", "tasks", "webapp", "launch"}:
            raise
        print(f"A package is missing ({error.name}). Do: make run", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno not in NO_PLACE_TO_WRITE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"{where}{error.strerror}. Debrief needs a data folder that it can write, and room.", file=sys.stderr)
        return 2
    except Exception as error:
        if not _is_ours(error):
            raise
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Talk with a model in a scenario, then get a written review of how you did.",
        epilog="Settings are environment variables or lines of the file .env; docs/settings.md lists them.",
    )
    parser.set_defaults(run=run_everything)
    commands = parser.add_subparsers(title="commands", metavar="command", description="without one: start everything")

    def command(name: str, run: object, about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        added.set_defaults(run=run)
        return added

    command("web", run_web, "start only the web server")
    command("worker", run_worker, "start only the worker that writes feedback")
    model = command("model", run_model, "start only the model server (vLLM)")
    model.add_argument("--prepare", action="store_true", help="only prepare the packaged model, then end")
    command("migrate", run_migrate, "bring the database up to date, with a copy of it before")
    backup = command("backup", run_backup, "copy the database, also while everything runs, and check the copy")
    backup.add_argument("file", type=Path, nargs="?", help="where to; default: backups/ in the data folder")
    restore = command("restore", run_restore, "put a backup in the place of the database, which is kept beside it")
    restore.add_argument("file", type=Path)
    admin = command("admin", run_admin, "make an account for the review desk; the password is asked for")
    admin.add_argument("name", help="name to sign in with")
    admin.add_argument("--role", choices=["admin", "reviewer"], default="admin", help="default: %(default)s")
    admin.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    token = command("token", run_token, "make a token with which a program acts for an account; it is shown once")
    token.add_argument("name", help="name of the account")
    wish = token.add_mutually_exclusive_group()
    wish.add_argument("--label", default="command line", help="what it is for; default: %(default)s")
    wish.add_argument("--list", action="store_true", help="list the account's tokens")
    wish.add_argument("--revoke", metavar="ID", help="end one of them")
    export = command("export", run_export, "write reviewed feedback into a file; docs/exports.md tells what is in it")
    _add_export_options(export)
    settings = command("settings", run_settings, "print the settings in force, without the secret ones")
    form = settings.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON, for programs")
    form.add_argument("--markdown", action="store_true", help="all settings there are, as docs/settings.md")
    form.add_argument("--env", action="store_true", help="all settings there are, as .env.example")
    scenario = commands.add_parser("scenario", help="work on scenario files").add_subparsers(
        required=True, metavar="check"
    )
    check = scenario.add_parser("check", help="say whether a scenario file is right, and if not where")
    check.add_argument("file", type=Path)
    check.set_defaults(run=run_scenario_check)
    return parser


def _add_export_options(export: argparse.ArgumentParser) -> None:
    """The filters are those of the review queue (`webapp/queue_query.py`), under the same names."""
    export.add_argument("kind", choices=["conversations", "sft", "preferences", "feedback"])
    export.add_argument("--to", dest="file", type=Path, required=True, metavar="FILE", help="where to; is replaced")
    export.add_argument("--format", choices=["jsonl", "csv", "parquet"], help="default: csv for feedback, else jsonl")
    export.add_argument("--keep-names", action="store_true", help="leave names and contacts in the texts")
    export.add_argument("--state", action="append", help="state of review; may be given several times")
    for name, metavar, about in EXPORT_FILTERS:
        export.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=about)
    for name, about in (("flagged", "has lines that read like orders"), ("disputed", "its visitor objects"),
                        ("partial", "not all of it is scored")):  # fmt: skip
        export.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=about)
    export.add_argument("--overdue", action="store_true", default=None, help="waits for longer than the setting allows")
    export.add_argument("--words", dest="q", metavar="WORDS", help="all of these stand in the talk or in the debrief")


def run_everything(_given: argparse.Namespace) -> int:
    from launch.supervisor import main as supervise

    return supervise()


def run_web(_given: argparse.Namespace) -> int:
    settings = _settings()  # before the imports: what is wrong in the settings is said first, and sooner
    from tasks.broker import Broker
    from webapp.server import serve

    serve(settings, ring=Broker(settings).ring)
    return 0


def run_worker(_given: argparse.Namespace) -> int:
    settings = _settings()
    from tasks.worker import work

    work(settings)
    return 0


def run_model(given: argparse.Namespace) -> int:
    """Prepare the packaged model if it is the one, then become vLLM."""
    from launch.machine import has_gpu
    from launch.model import ModelPlan, command, environment, model_name
    from launch.prepare_model import prepare

    settings = _settings()
    if not settings.model:
        prepare(settings.prepared_model_dir)
    if given.prepare:
        return 0
    plan = ModelPlan(
        source=settings.model or str(settings.prepared_model_dir.resolve()),
        name=model_name(settings.model),
        port=settings.model_port,
        seats=settings.model_seats,
        context_tokens=settings.model_context_tokens,
        api_key=settings.model_api_key.get_secret_value(),
        has_gpu=has_gpu(),
        log_level=settings.log_level,
    )
    line = command(plan, sys.executable)
    os.execve(line[0], line, environment(plan, os.environ))  # noqa: S606  # no shell is meant


def run_migrate(_given: argparse.Namespace) -> int:
    """Bring the tables up to date; make the first admin that DEBRIEF_ADMIN names."""
    from storage.backup import forget_old, forget_old_backups
    from storage.migrate import migrate

    settings = _settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings.database, backup_dir=settings.data_dir / "backups")
    forget_old(settings.data_dir / "backups", days=settings.upgrade_copies_days)
    forget_old_backups(settings.data_dir / "backups", days=settings.backup_days)
    _make_first_admin(settings)
    return 0


def run_backup(given: argparse.Namespace) -> int:
    from storage.backup import back_up, backup_name

    settings = _settings()
    made = back_up(settings.database, given.file or settings.data_dir.resolve() / "backups" / backup_name())
    print(f"Backed up and checked: {made.file}\n{_counted(made.counts)}")
    if not settings.secret.get_secret_value():
        print(f"Keep {settings.data_dir / 'secret'} with it: it signs the cookies by which visitors own their talks.")
    return 0


def run_restore(given: argparse.Namespace) -> int:
    from launch.supervisor import only_one
    from storage.backup import restore

    settings = _settings()
    with only_one(settings.data_dir):
        done = restore(settings.database, given.file)
    print(f"Restored and checked: {done.file}\n{_counted(done.counts)}")
    if done.aside is not None:
        print(f"What was there before: {done.aside}")
    return 0


def _counted(counts: dict[str, int]) -> str:
    return "Rows: " + ", ".join(f"{table} {n}" for table, n in sorted(counts.items()) if n)


def _make_first_admin(settings: Settings) -> None:
    given = settings.admin.get_secret_value()
    if not given:
        return
    from storage.accounts import create_account, has_admin
    from storage.engine import Database

    name, _, password = given.partition(":")
    if not name or not password:
        raise Stop("DEBRIEF_ADMIN must be name:password.")
    db = Database(settings.database)
    try:
        if not has_admin(db):
            create_account(db, name, password, "admin")
            print(f"Made the first admin: {name}", flush=True)
    finally:
        db.close()


def run_export(given: argparse.Namespace) -> int:
    """The file is written beside and put in its place when it is whole."""
    from storage.audit import SYSTEM
    from storage.engine import Database
    from storage.export_files import FORMATS_OF, Export, ExportWish
    from webapp.queue_query import read_options

    settings = _settings()
    wanted = read_options(vars(given)).wanted(settings.review_overdue_hours, usual=())
    wish = ExportWish(given.kind, given.format or FORMATS_OF[given.kind][0], wanted, not given.keep_names)
    db = Database(settings.database)
    draft = given.file.with_name(f"{given.file.name}.part")
    try:
        export = Export(db, SYSTEM, wish)
        try:
            with draft.open("wb") as file:
                while (piece := export.next_piece()) is not None:
                    file.write(piece)
            draft.replace(given.file)
        finally:
            export.close()
            draft.unlink(missing_ok=True)
    finally:
        db.close()
    tally = export.tally
    print(f"{tally.rows} rows of {tally.considered} debriefs looked at: {given.file}\nSHA-256 {export.sha256}")
    for reason, number in sorted(tally.left_out.items()):
        print(f"left out: {number} {reason}")
    return 0


def run_admin(given: argparse.Namespace) -> int:
    from storage.accounts import create_account
    from storage.engine import Database
    from storage.migrate import migrate

    settings = _settings()
    password = sys.stdin.readline().rstrip("\n") if given.password_stdin else _ask_password()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings.database, backup_dir=settings.data_dir / "backups")
    db = Database(settings.database)
    try:
        create_account(db, given.name, password, given.role)
    finally:
        db.close()
    print(f"{given.name} can sign in at /admin/ now, as {given.role}.")
    return 0


def run_token(given: argparse.Namespace) -> int:
    from storage.accounts import find_account
    from storage.engine import Database
    from storage.migrate import migrate
    from storage.tokens import Owner, list_tokens, make_token, revoke_token

    settings = _settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings.database, backup_dir=settings.data_dir / "backups")
    db = Database(settings.database)
    try:
        account = find_account(db, given.name)
        if account is None or account.disabled_at is not None:
            raise Stop(f"No account that can be used is called {given.name}. Make one: python app.py admin NAME")
        owner = Owner(account_id=account.id)
        if given.list:
            for known in list_tokens(db, owner):
                print(f"{known.id}  made {known.created_at:%Y-%m-%d}  used {known.used_at or 'never'}  {known.label}")
        elif given.revoke:
            revoke_token(db, owner, given.revoke)
            print(f"{given.revoke} opens nothing any more.")
        else:
            made, token = make_token(db, owner, given.label)
            print(f"{token}\nSend it as: Authorization: Bearer TOKEN. It is shown only now; its id is {made.id}.")
    finally:
        db.close()
    return 0


def _ask_password() -> str:
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("The same again: "):
        raise Stop("The two passwords differ; nothing was changed.")
    return password


def run_scenario_check(given: argparse.Namespace) -> int:
    from debrief.scenario import load_scenario

    scenario = load_scenario(given.file)
    print(f"{given.file.name}: right. {scenario.id}, version {scenario.version}.")
    return 0


def run_settings(given: argparse.Namespace) -> int:
    from debrief.settings_docs import settings_example, settings_table

    if given.markdown or given.env:
        print(settings_table() if given.markdown else settings_example(), end="")
        return 0
    values = _open_settings(_settings())
    print(json.dumps(values, indent=1) if given.json else "\n".join(f"{name}: {text}" for name, text in values.items()))
    return 0


def _open_settings(settings: Settings) -> dict[str, object]:
    """What may be shown: no secrets, and no addresses that may carry a password."""
    from launch.model import model_name

    hidden = {"secret", "admin", "model_api_key", "database_url", "queue_url"}
    shown: dict[str, object] = settings.model_dump(mode="json", exclude=hidden)
    return shown | {
        "data_dir": str(settings.data_dir.resolve()),
        "prepared_model_dir": str(settings.prepared_model_dir.resolve()),
        "starts_own_model": settings.starts_own_model,
        "uses_packaged_model": settings.starts_own_model and not settings.model,
        "model_name": model_name(settings.model),
    }


def _settings() -> Settings:
    from debrief.logs import start_logging
    from debrief.settings import read_settings

    settings = read_settings()
    start_logging(settings.log_level)
    return settings


def _is_ours(error: Exception) -> bool:
    from debrief.errors import DebriefError

    return isinstance(error, DebriefError)


if __name__ == "__main__":
    sys.exit(main())

"""A supervisor over small real programs instead of web, worker and model: `python small_supervisor.py PLAN.json`."""

import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from launch.children import ChildPlan
from launch.supervisor import MODEL_ENDING, OTHERS_ENDING, REPLY_WITHIN_S, Plan, Supervisor


def main() -> int:
    given = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    folder = Path(given["data_dir"])
    plan = Plan(
        host="127.0.0.1",
        port=given["port"],
        data_dir=folder,
        model_url="",
        model_port=given["model_port"],
        model_name="small",
        starts_own_model=True,
        uses_packaged_model=False,
        prepared_model_dir=folder / "model",
    )
    children = [
        ChildPlan(
            name,
            command,
            folder / "logs" / f"{name}.log",
            MODEL_ENDING if name == "model" else OTHERS_ENDING,
            signal.SIGKILL if name == "model" else signal.SIGTERM,
        )
        for name, command in given["children"].items()
    ]
    return Supervisor(plan, children, reply_within_s=given.get("reply_within_s", REPLY_WITHIN_S)).run()


if __name__ == "__main__":
    sys.exit(main())

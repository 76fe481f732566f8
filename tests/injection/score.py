"""How much of the corpus is found, how often honest words are taken for it: `python -m tests.injection.score`.

An attack counts as found when one of its lines is flagged; "whole" when each of its lines that could be evidence is.
"""

from collections import defaultdict

from debrief.injection import find_orders, flag_lines
from tests.injection.corpus import Attack, attacks, benign


def added_by(attack: Attack) -> frozenset[str]:
    """Labels of the lines that the attack itself brought into the talk."""
    honest = {line.text for line in attack.talk(attacked=False).lines.values()}
    return frozenset(label for label, line in attack.talk().lines.items() if line.text not in honest)


def is_found_whole(attack: Attack) -> bool:
    talk = attack.talk()
    honest = {attack.padding.strip()}
    own = {label for label in added_by(attack) & set(talk.choosable) if talk.lines[label].text not in honest}
    return own <= flag_lines(talk)


def rows() -> list[list[str]]:
    """One row for each kind of attack, and one for all."""
    groups: dict[str, list[Attack]] = defaultdict(list)
    for attack in attacks():
        for group in (attack.kind, "**all**"):
            groups[group].append(attack)
    return [
        [kind, *(str(sum(test(attack) for attack in group)) for test in _COLUMNS)] for kind, group in groups.items()
    ]


_COLUMNS = (
    lambda attack: attack.language == "en",
    lambda attack: attack.language == "ko",
    lambda attack: bool(flag_lines(attack.talk())),
    is_found_whole,
    lambda attack: attack.expect == "content",
)


def main() -> None:
    print("| kind | English | Korean | found | whole | nothing but meaning |\n|---|---|---|---|---|---|")
    table = rows()
    for row in [row for row in table if row[0] != "**all**"] + [row for row in table if row[0] == "**all**"]:
        print("| " + " | ".join(row) + " |")
    print("\n| honest look-alikes | sentences | false alarms |\n|---|---|---|")
    for language in ("en", "ko"):
        lines = [line for later in (False, True) for group in benign(language, later=later).values() for line in group]
        print(f"| {language} | {len(lines)} | {sum(bool(find_orders(line)) for line in lines)} |")


if __name__ == "__main__":
    main()

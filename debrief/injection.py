"""Lines that read like orders to the reviewer: found, taken out of what may be evidence, and withheld on a second look.

A visitor may say anything, and nothing is deleted or held against them. What is flagged here can no longer be chosen,
the feedback says so by the check `no_injection`, and the levels are compared with those given without these lines.
"""

from __future__ import annotations

import re
from dataclasses import replace

from debrief.transcript import NumberedTranscript

_FLAGS = re.compile(
    r"""
      \b(?:ignore|disregard|forget|override|bypass)\b[^.!?]{0,40}\b(?:instructions?|rubric|prompt|criteri(?:a|on)|guidelines|scoring|system)\b
    | \b(?:give|rate|score|grade|mark|award)\s+(?:me|this|my|it|us|every|all|each)\b[^.!?]{0,40}
      (?:\b(?:5|five|10|ten|100)\b[^.!?]{0,20}(?:/|\bout\b|\bpoints?\b|\bstars?\b|\blevel\b)
        |\b(?:full|top|highest|maximum|max|perfect|best)\s+(?:marks?|scores?|level|grades?|rating|points))
    | \b(?:rate|score|grade|mark)\s+(?:me|this|my|it)\b[^.!?]{0,40}\b(?:5|five|10|ten|100)\b
    | \blevel\s*[:=]\s*5\b | \b5\s*/\s*5\b | "(?:level|evidence|criteria|reason)"\s*:
    | \b(?:as|to|dear|note\s+to)\s+(?:the\s+)?(?:evaluator|grader|reviewer\s+model|ai\s+judge|assessor)\b
    | \b(?:system|developer)\s+(?:prompt|message|instructions?)\b | ^\s*(?:system|assistant|developer)\s*:
    | <\|[^|\n]{1,40}\|> | </?(?:s|transcript|rubric|start_of_turn|end_of_turn)> | \[/?INST\] | <</?SYS>>
    | \[?\bm\d+\.\d+\b
    | (?:지시|명령|규칙|루브릭|프롬프트|평가\s*기준|채점\s*기준)[^.!?]{0,15}(?:무시|잊어|따르지)
    | (?:5\s*점|오\s*점|만점|최고\s*(?:점수?|등급|단계|수준)|레벨\s*5|5\s*단계)[^.!?]{0,15}
      (?:줘|주세요|주십시오|달라|부탁|매겨|처리|평가해)
    | (?:평가자|채점자|심사\s*모델)(?:에게|님|는|은|께)
    | 시스템\s*(?:프롬프트|메시지|지시)
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


def flag_lines(transcript: NumberedTranscript) -> frozenset[str]:
    """Labels of the visitor's lines that read like orders to the reviewer, in English or Korean.

    A first, modest net: what it catches is no longer choosable, and the feedback says so by the check `no_injection`.
    Nothing is deleted, and a flag alone lowers no level.
    """
    flagged: set[str] = set()
    for message in transcript.messages:
        for match in _FLAGS.finditer(message.text if message.role == "user" else ""):
            flagged.update(
                line.label for line in message.lines if line.start < match.end() and match.start() < line.end
            )
    return frozenset(flagged)


def masked(transcript: NumberedTranscript, labels: frozenset[str]) -> NumberedTranscript:
    """The same talk with these lines printed as withheld and not choosable; labels, numbers and texts stay."""
    return replace(
        transcript,
        messages=tuple(
            replace(
                message,
                lines=tuple(
                    replace(line, withheld=True, choosable=False) if line.label in labels else line
                    for line in message.lines
                ),
            )
            for message in transcript.messages
        ),
    )

"""What an order to the reviewer looks like, in groups, each with its reason. For plain spellings (`debrief.folding`).

Every gap is bounded and stops at the end of a sentence, so no text takes long. Honest talk is full of rules, scores and
systems: a group asks for two things at once (somebody to give and something to be given, a verb that orders and the
thing that only a reviewer has), and what people report of the past is not an order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from debrief.folding import LOOK_ALIKES

_WORDS = {
    # English: who judges, what is asked for, what is only a reviewer's
    "JUDGE": r"(?:evaluators?|graders?|reviewers?|assessors?|judges?|raters?|examiners?|scorers?)",
    "TOP": r"(?:(?:5|five)\s*(?:/|out\s+of)\s*(?:5|five)(?![\d/])|\b10\s*/\s*10|\b100\s*(?:%|points\b)"
    r"|(?:levels?|scores?|grades?|ratings?)\s*(?:of\s+|[:=]\s*|is\s+|to\s+)?(?:a\s+)?(?:5|five)\b"
    r"|\b(?:full|top|highest|maximum|max|perfect|best)\s+(?:possible\s+)?"
    r"(?:marks?|scores?|levels?|grades?|ratings?|points|evaluation|assessment)\b)",
    "BOT": r"(?:(?:ai|llm|grading|scoring|evaluation|assessment|automatic|artificial)\s+"
    r"(?:evaluator|grader|reviewer|assessor|judge|rater|examiner|scorer|bot|model|robot|machine|software|ai)s?)",
    "OWN": r"(?:rubric|(?:system|review|evaluation)\s+prompt"
    r"|(?:scoring|grading|evaluation|rating|marking|review(?:ing)?|assessment)\s+"
    r"(?:guidelines|rules|criteria|instructions|scale|system|rubric|mode))",
    "RULES": r"(?:instructions?|rules|guidelines|directions|directives|orders|commands|constraints|prompts?)",
    "BAN": r"(?:ignore|disregard|forget|override|bypass|set\s+aside|put\s+aside|do\s+not\s+follow|don't\s+follow"
    r"|stop\s+following|pay\s+no\s+attention\s+to)",
    "GIVE": r"(?<!\bi )(?<!\bwe )(?<!they )(?<!have )(?<!had )\b"
    r"(?:give|rate|score|grade|mark|award|assign|grant|put|set|choose|select|pick|output|return|answer|report)",
    "PART": r"(?:criteri(?:a|on)|levels?|categor(?:y|ies)|items?|scores?)",
    # Korean
    "KTOP": r"(?:[5오]\s*점|만\s*점|최고\s*(?:점수?|등급|단계|수준|평가)"
    r"|(?:가장|제일)\s*높은\s*(?:점수?|등급|단계|수준)"
    r"|높은\s*점수|레벨\s*5|[5오]\s*(?:단계|레벨)|full\s*(?:score|marks?))",
    "KGIVE": r"(?:줘|주세요|주십시오|주시(?:면|겠|길|기를)|줄\s*것|주지\s*않으면|준다|줍니다"
    r"|달라|부탁|매겨|매기(?:세|십|라|시)|매깁|채점"
    r"|(?:처리|평가|선택|설정|표시|부여)(?:해(?!\s*(?:두|놓|드))|하(?:라|세요|십시오|시)|할\s*것)|고르(?:세|십|라|시)|골라)",
    "KJUDGE": r"(?:평가자|채점자|심사\s*(?:위원|자|모델)|평가\s*모델|evaluator|reviewer|grader)",
    "KBAN": r"(?:무시(?:하고|하(?:세|십|라|시(?!다|는))|해\s*(?:줘|주|라|요)|할\s*것|바랍니다)"
    r"|잊(?:고|어\s*(?:줘|주|라)|으(?:세|십|라|시))"
    r"|따르지\s*(?:마|말)|지워\s*버리고|지우(?:고|세|십|라)|그만두고|ignore)",
    "KOWN": r"(?:루브릭|rubric|프롬프트|(?:채점|평가)\s*(?:기준|지침|규칙))",
    "LT": r"(?:<|&lt;|&\#60;)",
    "GT": r"(?:>|&gt;|&\#62;)",
}
_TOKEN = re.compile(r"(?<![A-Z])(?:" + "|".join(_WORDS) + r")(?![A-Z])")


@dataclass(frozen=True)
class Group:
    """One way of giving orders. `pattern` finds it in a plain spelling."""

    name: str
    reason: str
    pattern: re.Pattern[str]


def _group(name: str, reason: str, pattern: str) -> Group:
    words = _TOKEN.sub(lambda match: _WORDS[match[0]], pattern)
    return Group(name, reason, re.compile(words.translate(LOOK_ALIKES), re.VERBOSE | re.MULTILINE))


GROUPS = (
    _group(
        "override",
        "puts aside what the reviewer was told: only a reviewer has a rubric or earlier instructions",
        r"""
          \bBAN\b[^.!?]{0,30}?\bOWN\b
        | (?<!\bi )(?<!\bwe )\bBAN\s+(?:\w+\s+){0,3}
          (?:previous|prior|above|earlier|former|preceding|foregoing|initial|original|given|your)\s+(?:\w+\s+){0,2}RULES\b
          (?!\s+(?:in|on|from)\s+(?:the|that|our|your|this)\s+(?:e-?mail|letter|box|manual|leaflet|website|app|text|form))
        | (?:^|[.,;]\s*|\bplease\s+)stop\s+(?:evaluating|grading|scoring|rating|judging)\b
        | \b(?:reveal|show|print|repeat|tell\s+me)\s+(?:me\s+)?(?:your|the)\s+system\s+(?:prompt|instructions)\b
        | 시스템\s*(?:프롬프트|지시)\S{0,2}\s*(?:알려|보여|출력|말해)
        | KOWN[^.!?\n]{0,15}KBAN | KBAN[^.!?\n]{0,15}KOWN
        | (?:이전|위|앞|모든|기존|지금까지)\S{0,2}\s*(?:\S+\s+){0,2}
          (?:지시|명령|규칙|지침|설정)(?:\s*사항)?\S{0,3}\s*(?:\S+\s+)?KBAN
        | (?:^|[.,!?]\s*)(?:평가|채점|심사)(?:는|은|를|을)?\s*(?:그만두고|그만하고|멈추고)
        | \b(?:ignorier|vergiss|vergesst|missachte)\w*\b[^.!?]{0,30}(?:anweisung|vorgabe|rubrik|bewertung)
        | \b(?:ignora|olvida|ignore[zr]?|oublie[zr]?|dimentica)\w*\b[^.!?]{0,30}
          (?:instruccion|instruco|istruzioni|consignes|instructions\s+prece|rubrica|criteri|grille)
        | (?:忽略|忽视|忽視|无视|無視|忘记|忘記)[^。！？.!?]{0,12}(?:指令|指示|规则|規則|标准|標準|提示|评分|評分)
        | игнориру\w*[^.!?]{0,40}инструкц | забудь\w*[^.!?]{0,40}инструкц
        | (?:指示|命令|ルール|基準|プロンプト)[^。！？.!?]{0,10}(?:無視|忘れ)
        """,
    ),
    _group(
        "demand",
        "asks for a level or for marks, which nobody else in the talk can give",
        r"""
          GIVE\s+(?:me|this|my|it|every\w*|all|each|both|the\s+(?:visitor|candidate|applicant|agent|learner|user|talk))\b
          [^.!?]{0,40}?TOP(?!\s*stars?)
        | GIVE\s+(?:\w+\s+){0,2}TOP[^.!?]{0,30}\b(?:every|all|each)\s+PART\b
        | (?<!\bi )(?<!\bwe )\b(?:rate|score|grade|mark|award)\s+(?:me|this|my|it|every\w*|all|each)\b[^.!?]{0,30}
          \b(?:a\s+)?(?:5|five)(?=\s*(?:$|[.,!;:)"]|out\b|points?\b|everywhere|on\b|for\b|across\b))
        | GIVE\s+(?:a\s+)?(?:5|five)\s+(?:everywhere|(?:on|for|in|to)\s+(?:every|all|each))
        | GIVE\s+full\s+marks
        | \b(?:every|all|each)\s+(?:the\s+)?(?:criteri(?:a|on)|categor(?:y|ies))\b[^.!?]{0,40}
          (?:TOP|\b(?:5|five|strong|perfect)\b)
        | \b(?:every|all|each)\s+(?:levels?|scores?|ratings?)\b[^.!?]{0,10}
          \b(?:5|five|strong|top|maximum|the\s+highest)\b
          (?!\s+\w*(?:boxes|shelves|units|degrees))
        | TOP[^.!?]{0,30}\b(?:every|all|each)\s+PART\b
        | \bawarding\s+(?:\w+\s+){0,2}TOP | \b(?:grateful|thankful)\s+for\s+(?:\w+\s+){0,2}TOP
        | \b(?:scored|rated|graded|marked)\s+(?:as\s+|at\s+|with\s+)?(?:a\s+)?(?:5|five|TOP)
          \s+(?:on|in|for)\s+(?:every|all|each)
        | \b(?:mark|rate|grade|score|put)\s+(?:everything|all|every\s+\w+)\s+(?:as\s+)?["']?(?:strong|solid)\b
        | \b(?:print|output|return|write|answer)\s+(?:just\s+|only\s+)?(?:a\s+)?(?:5|five)\s+(?:for|on|in|everywhere)\b
        | \b(?:do\s+not|don't|never)\s+(?:use|give|choose|pick|assign)
          \s+(?:\w+\s+){0,3}(?:levels?|scores?|grades?)\s+(?:below|under|lower)
        | (?:전부|모두|모든\s*\S+|항목마다)\s*["']?뛰어남["']?\s*(?:으로|이라고)
        | (?:전부|모두|모든\s*\S+|항목마다)\s*[5오](?:로|라고|로만|라고만)?\s*(?:만\s*)?
          (?:출력|저장|적|써|쓰|고르|골라|매기|매겨|표시|기록)
        | [1-5]\s*(?:단계|점)\s*(?:아래|미만|이하|밑)\S{0,3}\s*(?:절대|결코)?\s*(?:매기지|주지|고르지)\s*(?:마|말)
        | \b(?:write|say|output|return)\s+(?:only|nothing\s+but)\s+(?:praise|positive)
        | (?:choose|use|pick|select|cite|quote|take)\s+(?:only\s+)?(?:this|these|my\s+last|the\s+following)\s+
          (?:lines?|sentences?|messages?)\b[^.!?]{0,30}(?:evidence|criteri|proof)
        | KTOP[^.!?\n]{0,12}KGIVE(?!\s*(?:이?라고|하고)\s*(?:말|하면))
        | (?:이|이번|저의|제)\s*(?:문장|줄|말|대화)\S{0,2}[^.!?\n]{0,20}근거로\s*(?:선택|사용|고르|삼)
        | 칭찬만\s*(?:쓰|써|해|하(?:라|세|십)|적)
        | \b(?:volle|hochste|maximale)\s+(?:punkt|stufe|bewertung|note)
        | \b(?:dame|otorga|donne|mets|attribue)\w*\b[^.!?]{0,30}(?:maxim|mas\s+alta|plus\s+(?:haute|eleve))
        | (?:поставь|дай)\w*[^.!?]{0,30}(?:высш|максимальн)
        | (?:给|打|評|评|給)[^。！？.!?]{0,6}(?:满分|滿分|最高分|5分|五分)
        | (?:満点|最高点|5点|最高評価)[^。！？.!?]{0,8}(?:ください|つけて|付けて|与え|くれ)
        """,
    ),
    _group(
        "address",
        "speaks to the reviewer, who is not in the talk",
        r"""
          \b(?:note|message|attention|instructions?|hint|memo|reminder|dear|hey|hello)\s*[:,]?\s*(?:to|for)?\s*
          (?:the\s+|our\s+|my\s+)?(?:ai\s+|llm\s+)?(?:evaluator|grader|assessor|rater|scorer|reviewer)s?\b
        | \bJUDGE(?:'s)?\s*(?:note|notes|instructions?|hint|memo)\b
        | \b(?:ai|llm|automatic|artificial)\s+JUDGE\b | \b(?:hey|dear|hello|hi|you)\s*,?\s+BOT\b
        | \bBOT\b[^.!?]{0,40}TOP | (?:채점|평가|심사)\s*(?:봇|로봇)(?:아|님|에게|이|은|,)
        | (?:평가|채점|심사|검토)(?:하시는|하는|할)\s*(?:모델|인공지능|ai)
        | \b(?:this|these|my)\s+(?:\w+\s+)?(?:is|are)\s+for\s+(?:the|whoever)\s+(?:ai\s+)?
          (?:evaluator|grader|reviewer|evaluat|grad|review|scor)\w*
        | \bwhoever\s+(?:evaluates|grades|reviews|scores|rates|judges|marks)\s+(?:this|me|my\s+(?:talk|answers))\b
        | \b(?:if|when|while)\s+you(?:\s+are|'re)?\s+(?:later\s+)?(?:grading|scoring|evaluating|marking|judging)\b
        | \bJUDGE\b(?:(?!\bgave\b|\bwas\b|\bhad\b|\bgiven\b)[^.!?]){0,60}TOP
        | TOP(?:(?!\bgave\b|\bwas\b|\bfrom\b|\bby\b)[^.!?]){0,40}\b(?:evaluator|grader|assessor|rater)s?\b
        | KJUDGE\s*(?:님|께|여러분|참고|:|에게\s*(?:알|말|전|드))
        | KJUDGE[^.!?\n]{0,40}KTOP | KTOP[^.!?\n]{0,25}KJUDGE
        | (?:평가|채점|심사)(?:하시는|하는|하실|하게\s*될)\s*분(?:께|에게|이라면|이시라면)
        | (?:채점|평가|심사)(?:하신다면|하실\s*때|하시게\s*되면)[^.!?\n]{0,15}(?:KTOP|점수)
        | (?:인공지능|ai)\s*(?:심사|평가|채점)\s*(?:위원|자|모델)
        """,
    ),
    _group(
        "role",
        "claims to be somebody who gives orders, or that the talk is over",
        r"""
          ^[\s\[(\#<>=-]{0,6}(?:system|assistant|developer|evaluator|grader|reviewer|judge|human|ai)\s*
          (?:\]|\)|message|notes?|prompt|instructions?|override)?\s*:
        | ^\W{0,12}end\s+of\s+(?:the\s+)?(?:transcript|conversation|data|input|dialogue)\b
        | ^\W{0,6}(?:the\s+)?(?:transcript|conversation)\s+ends\s+here
        | \b(?:new|real|actual|updated)\s+(?:task|instructions?|system\s+prompt|role)\s*:
        | \b(?:you\s+are\s+now|from\s+now\s+on,?\s+you)\b[^.!?]{0,40}(?:JUDGE|\bai\b|model|assistant|unrestricted|mode)
        | \b(?:as|i\s+am|this\s+is|speaking\s+as)\s+(?:the|your|an?)\s+
          (?:admin(?:istrator)?|developer|operator|creator)\b
          [^.!?]{0,60}(?:evaluation|scor|grad|rubric|criteri|rating|test\s+mode|debug\s+mode|override)
        | \b(?:grading|evaluation|scoring|test|debug)\s+mode\s+(?:is\s+)?(?:on|off)\b
        | ^[\s\[(=-]{0,6}(?:시스템|개발자|어시스턴트|관리자|평가자|채점자)\s*(?:메시지|참고|메모|지시)?\s*:
        | ^\W{0,12}대화\s*(?:기록)?\s*(?:끝|종료)\b
        | (?:지금부터|이제부터|이제|앞으로)\s*(?:당신|너|넌)[은는]?[^.!?]{0,30}(?:심사|평가|채점|모드|인공지능|모델)
        | (?:관리자|개발자|운영자)\s*(?:권한|모드)[^.!?]{0,10}(?:명령|평가)
        | (?:결과|평가|점수)(?:를|을)?\s*(?:모두|전부)\s*[5오]\s*(?:로|점|단계)
        """,
    ),
    _group(
        "template",
        "marks of chat templates and of our own prompts: nobody says these in a talk",
        r"""
          LT\s*\|[^|<>\n]{1,40}\|\s*(?:>|&gt;|&\#62;) | LT\|?\s*(?:system|user|assistant|im_start|im_end)\s*\|?GT
        | LT/?(?:s|bos|eos|pad|unk|think|tool_call|transcript|rubric|data|instructions?|evaluation|feedback
          |(?:start|end)_of_turn|unused\d+)GT
        | \b(?:im_(?:start|end)|(?:start|end)_header_id|eot_id|(?:start|end)_of_turn)\b
        | \[/?(?:inst|system_prompt|available_tools|tool_calls)\] | LT{2}/?sysGT{2}
        | ^\#{2,}\s*(?:instruction|response|system|input|human|assistant|evaluator)s?\b
        """,
    ),
    _group(
        "label",
        "writes or points at line numbers, which visitors never see",
        r"""
          \[\s*m\d+\s*[.·]\s*\d+ | \[\s*m\d+\s+[^\W\d]
        | (?<![a-z0-9])m\d+\.\d+[^.!?]{0,40}(?:\bline\b|evidence|\blevels?\b|criteri|score|근거|단계|항목)
        | (?:\bline\b|evidence|\blevels?\b|criteri|score|근거|단계|항목)[^.!?]{0,40}(?<![a-z0-9])m\d+\.\d
        """,
    ),
    _group(
        "answer",
        "writes the answer that the reviewer is to give",
        r"""
          "(?:level|evidence|criteri(?:a|on)|단계|근거|항목)"\s*:
        | \blevels?\s*=\s*(?:5|five)\b | \blevel\s*:\s*5\b[^.!?]{0,40}\blevel\s*:\s*5\b
        """,
    ),
    _group(
        "rubric",
        "hands in another rubric",
        r"""
          \bOWN\b[^.!?]{0,20}(?:has|have)\s+(?:been\s+)?(?:changed|updated|replaced)\s*:
        | \b(?:updated|new|revised|corrected)\s+OWN\s*(?::|=)
        | \b5\s*=[^=\n]{1,80}\b[1-4]\s*= | \b1\s*=[^=\n]{1,300}\b5\s*=
        | (?:평가|채점)\s*기준이\s*(?:바뀌|변경|새로)[^!?\n]{0,40}(?:[5오]\s*단계|만점|최고)
        """,
    ),
)

RUN_TOGETHER = re.compile(
    r"ignore(?:the|all|your)|disregard|rubric|evaluator|instruction|fullmarks|highest(?:score|level)|fiveoutoffive|levelfive"
)
"""For letters written one by one without gaps between the words: only words long enough to be no accident."""

HINTS = {
    "who": re.compile(
        r"\b(?:evaluators?|graders?|rubric|criteri(?:a|on)|scoring|grading)\b|채점|루브릭|평가\s*(?:기준|자|하는\s*분)"
    ),
    "override": re.compile(
        r"^\W*(?:please\s+)?(?:ignore|forget|disregard)\b"
        r"|무시(?:하세요|하십시오|해\s*주|하라)|잊으(?:세요|십시오)"
    ),
    "give": re.compile(
        r"(?:^\W*|\bplease\s+|\bjust\s+)(?:choose|put|give|select|pick|mark|score|rate|award)\b"
        r"|골라|고르(?:세|십)|매겨|매기(?:세|십)"
    ),
    "top": re.compile(
        r"\bthe\s+(?:highest|maximum|top)\b(?!\s+(?:shelf|floor|priority))|\bfive\s+everywhere\b|\bfull\s+marks\b|\b5\s*/\s*5\b"
        r"|\blevel\s+(?:5|five)\b|(?:가장|제일)\s*높은\s*(?:점|단계|등급)|[5오]\s*단계|만점"
    ),
}
"""Hints that say nothing by themselves; three kinds of them in three lines are an order taken apart."""

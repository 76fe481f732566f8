"""What is said in the pictures, in both languages, and the four screens on which they are taken."""

ENGLISH = {
    "locale": "en-US",
    "title": "Job interview",
    "with_form": "Eco challenge",
    "said": [
        "I am applying as a backend engineer. I split our slow job into two queues and moved the model to one server.",
        "Nobody waited in line any more. I measured it: the wait fell from 40 s to 2 s.",
    ],
    "answers": [
        "Thank you. Two things I want to hear more about:\n\n- How did you **measure** it?\n- What was slowest?",
        "That is a clear result. Who noticed the difference first?",
    ],
    "criteria": [
        (4, "Specific", "You tell one real situation and what you did in it.", "Say when it was and who was there."),
        (5, "Measured", "A number before and a number after.", None),
        (2, "Thin", "Why you want this job stays open.", "Name one thing about this team that draws you."),
    ],
    "example": ("We improved it a lot.", "I cut the wait from 40 s to 2 s within a month."),
    "names": ["Concrete examples", "Results", "Motivation"],
    "fourth": "Questions to them",
    "next": "Begin your next answer with the result, in one sentence.",
}
KOREAN = {
    "locale": "ko-KR",
    "title": "취업 면접",
    "with_form": "에코 챌린지",
    "said": [
        "백엔드 개발자로 지원했습니다. 느린 작업을 큐 두 개로 나누고 모델을 서버 하나로 옮겼습니다.",
        "그 뒤로 줄을 서는 사람이 없었습니다. 재 보니 대기 시간이 40초에서 2초로 줄었습니다.",
    ],
    "answers": [
        "감사합니다. 두 가지를 더 듣고 싶습니다.\n\n- 어떻게 **측정**하셨나요?\n- 가장 느린 부분은 어디였나요?",
        "결과가 분명하네요. 누가 그 변화를 먼저 느꼈나요?",
    ],
    "criteria": [
        (4, "구체적", "실제 상황 하나와 그 안에서 한 일을 말했습니다.", "언제, 누구와 있었던 일인지 말해 보세요."),
        (5, "수치로 보임", "전과 후의 숫자가 모두 있습니다.", None),
        (2, "부족함", "왜 이 일을 하고 싶은지가 남아 있습니다.", "이 팀에 끌린 점을 하나만 말해 보세요."),
    ],
    "example": ("많이 좋아졌습니다.", "한 달 만에 대기 시간을 40초에서 2초로 줄였습니다."),
    "names": ["구체적인 사례", "결과", "지원 동기"],
    "fourth": "되묻는 질문",
    "next": "다음 대답은 결과를 한 문장으로 말하며 시작해 보세요.",
}
SCREENS = [(phone, scheme) for phone in (False, True) for scheme in ("light", "dark")]

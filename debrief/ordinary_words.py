"""Words that look like names and seldom are: what `debrief/introductions.py` does not take for one by its shape alone.

Korean given names are often words as well ("지원" is a name, and what an applicant writes all day), and so are English
ones ("Will", "May"). No list is complete; a word that is missing here is taken out too often, not too seldom.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KOREAN = _words("""
    가람 가을 가장 가지 감사 강사 강아지 강의 강점 강조 개발 개선 개인 거래 건강 결과 경력 경력직 경비 경영 경찰
    경험 계속 계약직 계획 고객 고객님 고등학교 고민 고생 고양이 공무원 공부 공유 공장 공정 공휴일 과장 관계자 관리
    관심 교사 교수 교육 구매 구성원 구조 구직자 국내 권한 규정 그냥 그때 금방 금요일 기계 기능사 기사 기술 기술자
    기억 기자 기획 길이 나라 나이 나중 나중에 남자 내일 노동자 노력 노무 다만 다시 다음 다정 단골 담당자 당시 대리
    대표 대학생 도우미 도움 동기 동료 따로 마음 마케팅 막내 말씀 매니저 먼저 면접관 모두 목요일 목표 무료 문과생
    문의 문제 물론 미래 미소 민원 민주 바다 반대 반려인 반려자 반장 방법 방송 배달 배송 배우자 배운 배움 변경 변호사
    별로 보다 보람 보통 본부장 부모 부서장 부장 부족 비밀 비정규직 사랑 사실 사원 사장 상담 상담사 상담원 새로 생각
    생략 서로 서류 서버 서비스 서울 서울시 석사 선생 선생님 선수 선임 선정 설계 성격 성공 성과 성실 성장 소개 소리
    소원 소통 손님 손해 수리 수요일 수정 수학 슬기 시간 시대 시작 신뢰 신입 신입사원 신입생 신청 실수 아름 아마 아빠
    아이 아주 아직 안경사 안내 안내원 안녕 안전 안정 약속 어르신 어제 엄마 여기 여러분 여자 여행사 역할 연구 연구원
    연락 연락처 연주 열정 영어 영업 예정 오늘 오류 오전 오후 용접 우리 우선 운영 원래 월요일 위로 유경험자 유리 유지
    유통 은행 은혜 의사 이과생 이력 이름 이미 이번 이사 이상 이슬 이용자 이웃 이유 이전 이제 이직자 이해 이후 인사
    인정 인턴 일단 일요일 임산부 임상 임시 임원 자리 자신 작성자 장교 장사 장소 장애인 장점 저녁 전공 전공자 전기
    전무 전문 전문가 전부 전업주부 전체 전혀 정규 정규직 정년 정도 정리 정말 정보 정비 정비사 정원 정직 정확 제가
    제일 조교 조금 조리 조리사 조사 조언 조연출 조직 주니어 주도 주로 주말 주문 주부 주소 주연 주요 주장 주제 준비
    중요 지금 지난 지식 지원 지원자 지점 지혜 지휘자 직장인 진리 진심 진주 진짜 진행 차석 차이 차장 채용 책임 처음
    최고 최근 최선 최소 추가 취준생 친구 토요일 통계 통화 팀장 평가 필요 하나 하늘 학생 한결 한국 한국인 한번 한식
    한의사 현대 현실 현역 현장 현재 혜택 호수 혼자 홍보 홍보팀 화가 화요일 화학 확인 환불 황금 황당 회계 회사 회사원
    후배
""")

KOREAN_ENDINGS = tuple(
    sorted(
        _words("""
            까지 되는 되지 드리 드릴 들은 들이 린 마다 밖에 보다 부터 싶은 싶지 않고 않은 없고 없는 에게 에는 에도
            에서 으로 있고 있는 조차 지는 처럼 하게 하고 하는 하면 하지 해도 해서 했고
        """)
    )
)
"""A word that ends so is a verb or has a particle."""

KOREAN_PROFESSIONS = tuple("사자원가생직관장공인님들적과팀부력형화")
"""What three letters that begin like a surname may end in and be no name."""

SURNAMES = frozenset(
    "강고공곽구국권금기길김나남노도류마맹명모문민박반방배백변서석선설성손송신심안양어엄여연염오옥왕용우원"
    "위유육윤은이인임장전정제조주지진차천최추탁편표하한함허현홍황"
)
FREQUENT_SURNAMES = frozenset("곽권김박윤최허황")
"""With one of these three letters are hardly ever anything but a name."""
LONG_SURNAMES = ("남궁", "황보", "제갈", "선우", "독고", "사공", "서문")

ENGLISH = _words("""
    a about afraid africa african after again all almost also always am amazon america american an and android
    angular any apple april arab are argentinian art as asia asian asking at august australia australian austrian
    autumn available aware azure back because before being belgian bill boss brazil brazilian britain british
    buddhist bulgarian busan busy but by call called calling can canada canadian catholic certain chase chief china
    chinese christian christmas client colombian coming common confident confidential correct css curious customer
    czech danish dear december designer developer director django do docker doing done dutch each eager early easter
    easy egyptian engineer england english europe european even every everyone excel excited expert facebook
    february few filipino fine finnish first five for four france frank free french fresh friday friend from full
    fully general german germany getting git github giving glad going good google grant grateful great greek had
    handling happy hard has have he head hello her here hey hi hindu his honest hope how html hungarian hunter i if
    important in india indian indonesian interested intern irish is israeli it italian italy its january japan
    japanese java javascript jewish jira july june just kafka keen kenyan king korea korean kotlin kubernetes later
    latin law lead leader leading learning less like linkedin linux listed london long looking lost mad malaysian
    manager many march mark marketing mary may maybe me member mexican mexico microsoft monday mongolian more most
    mr mrs ms much muslim my mysql natural near never new next nice nigerian no node none norwegian not nothing
    november now october of off ok okay old on one only open or oracle other our out over owner page pakistani paris
    part partner patience php pleased polish portuguese postgres pretty private product professional project proud
    python quality quick quite react ready real really redis responsible rich right rob romanian ruby running russia
    russian rust sales same samsung satisfied saturday scala scottish senior seoul september serbian she short
    sincerely six slack so some someone somewhat sorry spain spanish speaking spelled spring sql still strong
    student summer sunday sure swedish swift swiss tableau taiwanese talking teacher team teams tech ten terraform
    thai than thanks that the their them then there these they thing this those three thursday tired to today tokyo
    tomorrow too trying tuesday turkish two typescript uber ukrainian unavailable under unhappy unknown until up
    upset used usually vegan very vice vietnamese waiting was we wednesday welcome well welsh were what when where
    whether which while who why will willing windows winter with within without word working worried worse would
    writing written wrong yes yesterday yet you young your yours zoom
""")

ENGLISH_NAMES_THAT_ARE_WORDS = _words("""
    angel april art august autumn bill bob brook carol chance chase chuck clay cliff daisy dale dawn dean drew earl
    ed eve faith frank gene glen grace grant guy harmony heather hope hunter ivy jack jade jay jean joy june king
    lance lee long major mark mason may melody mercy miles nick norm olive page pat patience pearl penny pierce ray
    reed rich rob robin rose ruby rusty sandy scout sky stone sue summer sunny victor violet wade ward will wood
    wren young
""")
"""Taken out as they were written only: "will" and "may" stand in every talk."""

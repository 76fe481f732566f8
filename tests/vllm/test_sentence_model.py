"""Our own arithmetic for the sentence model gives what transformers gives; the worker needs no torch for it."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest

from debrief.placing import WordPieces
from inference import likeness
from inference.likeness import FOLDER, PACKAGE, SentenceLikeness, open_likeness
from inference.sentences import SentenceModel

SENTENCES = [
    "Ok.",
    "I decided to call the supplier myself, and the parts arrived two days earlier.",
    "What were you told when you called last week?",
    "Naïve café, 한국어, and 🙂!",
    "Order number, please. " * 60,
]
REFERENCE = """
import json, sys, torch, transformers
folder, sentences = sys.argv[1], json.loads(sys.argv[2])
tokens = transformers.AutoTokenizer.from_pretrained(folder)(
    sentences, padding=True, truncation=True, max_length=128, return_tensors="pt")
with torch.no_grad():
    states = transformers.AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state
there = tokens["attention_mask"][..., None].float()
print(json.dumps(torch.nn.functional.normalize((states * there).sum(1) / there.sum(1)).tolist()))
"""


@pytest.fixture(scope="module")
def folder():
    return Path(str(distribution(PACKAGE).locate_file(FOLDER)))


def test_our_vectors_are_those_of_transformers(folder):
    told = subprocess.run(
        [sys.executable, "-c", REFERENCE, folder, json.dumps(SENTENCES)], capture_output=True, text=True, check=True
    )
    cosines = (SentenceModel(folder).encode(SENTENCES) * np.array(json.loads(told.stdout))).sum(axis=1)
    assert cosines.min() > 0.9999


def test_a_sentence_has_the_same_place_alone_and_among_longer_ones(folder):
    model = SentenceModel(folder)
    assert np.allclose(model.encode(SENTENCES)[1], model.encode(SENTENCES[1:2])[0], atol=1e-5)


def test_what_means_the_same_is_nearer_than_what_shares_words():
    same, words = SentenceLikeness().compare(
        ["I phoned the vendor on my own."], ["I called the supplier myself.", "I was on my own at home."], "en"
    )[0]
    assert same > words


def test_english_is_compared_by_meaning_and_korean_by_wording():
    both = open_likeness()
    lines, examples = ["제가 직접 전화했습니다."], ["제가 직접 거래처에 전화하기로 했습니다."]
    assert both.compare(lines, examples, "ko") == WordPieces().compare(lines, examples, "ko")
    assert PACKAGE in both.name
    assert WordPieces.name in both.name


def test_without_the_package_pieces_of_words_serve_and_the_record_says_so(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(likeness, "version", missing)
    plain = open_likeness()
    assert plain.name == WordPieces.name
    assert plain.compare(["a red hat"], ["a red hat"], "en") == WordPieces().compare(["a red hat"], ["a red hat"], "en")


def test_a_damaged_package_costs_the_better_likeness_and_not_the_feedback(monkeypatch, tmp_path):
    monkeypatch.setattr(likeness, "FOLDER", str(tmp_path))
    damaged = open_likeness()
    assert damaged.compare(["a red hat"], ["a red hat"], "en") == WordPieces().compare(
        ["a red hat"], ["a red hat"], "en"
    )
    assert damaged.name == WordPieces.name


def test_comparing_brings_no_torch_into_the_process():
    script = (
        "import sys; from inference.likeness import open_likeness; open_likeness().compare(['Hello.'], ['Hi.'], 'en');"
        "print(sorted({'torch', 'transformers', 'vllm'} & set(sys.modules)), 'inference.sentences' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[] True"

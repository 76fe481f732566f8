"""Who sees a debrief first: its visitor at once, or a person here."""

import pytest

from debrief.errors import ConfigError
from debrief.policy import Policy, is_drawn, policy_for
from debrief.scenario import Scenario, load_scenario
from debrief.settings import Settings
from tests.job_scene import ROOT, interview

IDS = [f"f_{n}" for n in range(4000)]


def test_all_are_released_at_once_or_none_as_the_policy_says():
    assert all(Policy("checked", 50).releases(one) for one in IDS)
    assert not any(Policy("hold", 50).releases(one) for one in IDS)


@pytest.mark.parametrize("percent", [0, 5, 20, 100])
def test_a_sample_is_the_share_that_was_asked_for_and_the_same_every_time(percent):
    held = [one for one in IDS if not Policy("sample", percent).releases(one)]
    assert len(held) / len(IDS) == pytest.approx(percent / 100, abs=0.02)
    assert held == [one for one in IDS if is_drawn("review", one, percent)]


def test_a_larger_share_takes_in_the_smaller_one_and_purposes_are_drawn_apart():
    small, large = ({one for one in IDS if is_drawn("review", one, percent)} for percent in (10, 30))
    assert small < large
    assert {one for one in IDS if is_drawn("second", one, 10)} != small


def test_a_scenario_has_its_own_policy_or_the_settings(tmp_path):
    settings = Settings(_env_file=None, release="hold", release_sample_percent=7)
    assert policy_for(settings, interview().body()) == Policy("hold", 7)
    text = (ROOT / "scenarios" / "job_interview.toml").read_text("utf-8")
    (tmp_path / "job_interview.toml").write_text(text + '\n[review]\nrelease = "sample"\n', "utf-8")
    own = load_scenario(tmp_path / "job_interview.toml")
    assert policy_for(settings, own.body()) == Policy("sample", 7)
    assert Scenario.from_body(own.body()).hash == own.hash != interview().hash


def test_a_share_without_a_sample_is_told_at_the_start(tmp_path):
    text = (ROOT / "scenarios" / "job_interview.toml").read_text("utf-8")
    (tmp_path / "job_interview.toml").write_text(text + '\n[review]\nrelease = "hold"\nsample_percent = 3\n', "utf-8")
    with pytest.raises(ConfigError, match="sample_percent"):
        load_scenario(tmp_path / "job_interview.toml")


def test_a_scenario_without_a_policy_keeps_the_hash_it_had():
    assert "review" not in interview().body()

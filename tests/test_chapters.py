"""What every chapter has in common: how it opens, its boxes, its exercises as a path."""

import re
from pathlib import Path

import pytest
from companion_book.exercises import LEVELS

BOOK = Path(__file__).parents[1] / "book"
CHAPTERS = sorted(BOOK.glob("[0-9][0-9]-*.md"))

OPENER = re.compile(
    r"""\A---\n.*?\n---\n\n\#\ [^\n]+\n\n
    :::\{admonition\}\ [^\n]+\?\n:class:\ opener\n\n
    \*\*After\ this\ chapter\ you\ can\*\*\ .+?\n\n
    \*\*Time:\*\*\ about\ \d\d\ minutes\ to\ read;\ the\ notebook\ runs\ in\ about\ a\ minute\.\n\n
    \*\*You\ need\*\*\ .+?\n\n
    \*\*Put\ to\ the\ test:\*\*\ [^\n]+ledger[^\n]+\n:::\n\n```\{code-cell\}""",
    re.DOTALL | re.VERBOSE,
)
EXERCISE = re.compile(
    r"^```\{exercise\} (.+)\n:label: (.+)\n:level: (.+)\n\n((?:.*\n)+?)```$", re.M
)
#: How an exercise says when it is solved.
CRITERION = re.compile(
    r"companion\.check|\bjudges?\b|You are done when|\bdone it if\b|is decided\b|You succeed if"
    r"|\b(right|pass|passes) if\b|should be\b|\bagree\b|to ([a-z]+ digits|\$10)"
)


def exercises(chapter):
    """Return title, label, level and task of a chapter's exercises."""
    return EXERCISE.findall(chapter.read_text("utf-8"))


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return request.param


def test_there_are_thirteen_chapters():
    assert [path.name[:2] for path in CHAPTERS] == [f"{n:02}" for n in range(1, 14)]


def test_a_chapter_opens_with_question_aim_time_and_what_it_needs(chapter):
    assert OPENER.match(chapter.read_text("utf-8"))


def test_no_chapter_needs_one_that_comes_later(chapter):
    needs = re.search(r"\*\*You need\*\* (.+?)\n\n", chapter.read_text("utf-8"), re.S)[1]
    prerequisites = needs.partition("is the subject of")[0]
    assert all(name < chapter.stem for name in re.findall(r"<(\d\d-[\w-]+)>", prerequisites))


def test_advice_is_one_list_of_at_most_five(chapter):
    advice = chapter.read_text("utf-8").split("\n## What to do\n\n")[1].split("\n## ")[0]
    assert advice.startswith("- ")
    assert 3 <= len(re.findall(r"^- ", advice, re.M)) <= 5
    assert not re.search(r"^[^-\s]", advice, re.M)  # nothing beside the list


def test_exercises_rise_from_warm_up_to_research(chapter):
    levels = [LEVELS.index(level) for _, _, level, _ in exercises(chapter)]
    assert len(levels) == chapter.read_text("utf-8").count("```{exercise}") >= 5
    assert levels == sorted(levels)
    assert set(levels) == set(range(len(LEVELS)))
    assert levels.count(0) == levels.count(len(LEVELS) - 1) == 1


def test_every_exercise_says_when_it_is_done(chapter):
    for title, _, level, task in exercises(chapter):
        text = " ".join(task.split())
        assert CRITERION.search(text), title
        if level == "research":
            assert re.search(r"\bOpen\b.+\bis decided\b", text), title


def test_every_exercise_has_a_solution(chapter):
    text = chapter.read_text("utf-8")
    for _, label, level, _ in exercises(chapter):
        solution = text.split(f"```{{solution-start}} {label}\n")[1].split("```{solution-end}")[0]
        # a project of the reader's own, in a study, has nothing to print
        assert "```{code-cell}" in solution or (level, label) == ("project", "ex-guide-own")


def test_an_exercise_without_criterion_is_found():
    assert not CRITERION.search("How much is it? Compare the two, and say why they differ.")

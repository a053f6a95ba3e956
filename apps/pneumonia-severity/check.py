"""Checks `scores.toml`: that it is whole, and that by it the examples score what was worked out by hand.

`evaluate` is also the plain statement of how the table is to be read, unknown values included.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
# As published: the greatest CURB-65, and all of PSI's points but those for age.
POINTS_MAX = {"curb65": 5, "psi": 285}
CLASSES = {"curb65": 6, "psi": 5}
EXAMPLES_MIN = 10

TESTS = {
    "is": lambda value, wanted: value == wanted,
    "above": lambda value, limit: value > limit,
    "at_least": lambda value, limit: value >= limit,
    "below": lambda value, limit: value < limit,
    "at_most": lambda value, limit: value <= limit,
}


def holds(criterion: dict, values: dict) -> bool | None:
    """Whether a criterion holds; None if that is not known."""
    answers = []
    for condition in criterion["any_of"]:
        ((test, limit),) = ((key, limit) for key, limit in condition.items() if key in TESTS)
        value = values.get(condition["value"])
        answers.append(None if value is None else TESTS[test](value, limit))
    if any(answers):
        return True
    known = len(answers) - answers.count(None)
    wanted = 1 if criterion.get("one_known_is_enough") else len(answers)
    return False if known >= wanted else None


def points_of_years(score: dict, values: dict) -> int:
    """Points for age itself, where a score has them; age and sex must be known."""
    rule = score.get("points_of_years")
    if rule is None:
        return 0
    less = sum(term["points"] for term in rule["less_if"] if values[term["value"]] == term["is"])
    return values[rule["value"]] - less


def class_of(score: dict, points: int) -> str:
    """The class of a number of points."""
    for each in score["class"]:
        has_points = "points_min" in each or "points_max" in each
        if has_points and each.get("points_min", points) <= points <= each.get("points_max", points):
            return each["id"]
    raise SystemExit(f"check: {score['id']} has no class for {points} points")


def evaluate(score: dict, values: dict) -> dict:
    """The least and the greatest that the score can be, whatever the unknown values are."""
    answers = {each["id"]: holds(each, values) for each in score["criterion"]}
    worth = {each["id"]: each["points"] for each in score["criterion"]}
    least = points_of_years(score, values) + sum(worth[name] for name, answer in answers.items() if answer)
    greatest = least + sum(worth[name] for name, answer in answers.items() if answer is None)
    best, worst = class_of(score, least), class_of(score, greatest)
    if "without_points" in score and values["age"] <= score["without_points"]["age_at_most"]:
        first = [answers[name] for name in score["without_points"]["none_of"]]
        if not any(first):
            best = score["without_points"]["class"]
            worst = best if None not in first else worst
    return {"points": [least, greatest], "class": [best, worst]}


def problems_of_table(score: dict, ids: set[str]) -> list[str]:
    """What is wrong with one score's table."""
    found = []
    if sum(each["points"] for each in score["criterion"]) != POINTS_MAX[score["id"]]:
        found.append("its points do not add up to the published greatest")
    if len(score["class"]) != CLASSES[score["id"]]:
        found.append("it has not the published number of classes")
    for name in ("mortality_30_days_percent", "also_percent"):
        deaths = [each[name] for each in score["class"] if name in each]
        if deaths != sorted(deaths) or any(not 0 <= death <= 100 for death in deaths):
            found.append(f"{name} does not rise from class to class")
    asked = {condition["value"] for each in score["criterion"] for condition in each["any_of"]}
    if asked - ids:
        found.append(f"it asks for values that are not described: {sorted(asked - ids)}")
    edges = [(each.get("points_min"), each.get("points_max")) for each in score["class"]]
    pairs = [(low, high) for low, high in zip((high for _, high in edges), (low for low, _ in edges[1:]), strict=False)]
    if any(low is not None and high is not None and low + 1 != high for low, high in pairs):
        found.append("its classes leave gaps")
    return found


def main() -> int:
    """Prints one line for each table and each example and returns the number of those that failed."""
    table = tomllib.loads((HERE / "scores.toml").read_text())
    examples = tomllib.loads((HERE / "examples.toml").read_text())["example"]
    ids = {value["id"] for value in table["value"]}
    failed = 0
    for score in table["score"]:
        found = problems_of_table(score, ids)
        failed += bool(found)
        print(f"{'FAILED' if found else 'ok':7} table of {score['name']} {'; '.join(found)}")
    for example in examples:
        got = {score["id"]: evaluate(score, example["values"]) for score in table["score"]}
        wrong = [
            f"{name} is {got[name][key]}, not {expected}"
            for name in got
            for key, expected in example[name].items()
            if got[name][key] != expected
        ] + [f"{name} is no value" for name in example["values"] if name not in ids]
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok':7} {example['words']} {'; '.join(wrong)}")
    print(f"check: {len(examples)} examples, {failed} failed")
    return failed + (len(examples) < EXAMPLES_MIN)


if __name__ == "__main__":
    sys.exit(min(main(), 1))

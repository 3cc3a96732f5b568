"""Thousands of screens that nobody has seen: no wrong key on any, and the screens that are known are all settled."""

import re
from collections import Counter
from pathlib import Path

from batty_tmux.core.prompts import keys, read
from tests.support import catalogue as catalogue_module
from tests.support import dissect as dissect_module
from tests.support import mutants as mutants_module
from tests.support.catalogue import MEANINGS, catalogue
from tests.support.mutants import MAKERS, mutants

ENOUGH = 2_000
SAME = {"caret moved", "options reordered", "labels swapped", "a transcript above", "blank rows around it"}
"""What leaves nothing in doubt."""


def test_no_mutant_gets_a_wrong_key() -> None:
    """Whatever a policy asks for: the key that is right by how the mutant was made, or none."""
    wrong, count = [], 0
    for mutant in mutants():
        count += 1
        prompt = read(mutant.text, mutant.family)
        pressed = {meaning: keys(prompt, meaning) if prompt else None for meaning in MEANINGS}
        wrong += [(mutant.of, mutant.made, m, k, mutant.text) for m, k in pressed.items() if mutant.wrong(m, k)]
    assert wrong == []
    assert count >= ENOUGH


def test_mutants_that_say_the_same_are_settled() -> None:
    """To press nothing is no way to be right: where caret, order or transcript changed, all is chosen."""
    missed = [
        (mutant.of, mutant.made, meaning)
        for mutant in mutants()
        if mutant.made in SAME
        for meaning, right in mutant.right.items()
        if (prompt := read(mutant.text, mutant.family)) is None or keys(prompt, meaning) != right
    ]
    assert missed == []


def test_every_way_of_changing_a_screen_is_tried() -> None:
    """No maker has quietly stopped making; each makes dozens."""
    made = Counter(re.sub(r" (?:behind|\().*", "", mutant.made) for mutant in mutants())
    assert len(made) >= len(MAKERS)
    assert min(made.values()) >= 20, made


def test_the_generator_knows_nothing_of_what_it_tests() -> None:
    """Neither it nor the catalogue imports the reader: else both could be wrong together."""
    for module in (mutants_module, catalogue_module, dissect_module):
        assert "import batty_tmux" not in Path(module.__file__ or "").read_text()
        assert "from batty_tmux" not in Path(module.__file__ or "").read_text()


def test_the_same_seed_makes_the_same_mutants() -> None:
    """What failed once can be made to fail again."""
    assert [mutant.text for mutant in mutants(7)] == [mutant.text for mutant in mutants(7)]


def test_every_screen_has_a_catalogued_answer_or_none() -> None:
    """At least half of the dialogs have an option that some policy may ask for."""
    dialogs = [shown for shown in catalogue().values() if shown.caret is not None]
    assert sum(bool(shown.right) for shown in dialogs) > len(dialogs) / 2

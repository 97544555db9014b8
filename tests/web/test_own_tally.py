"""Counting without Redis."""

from nurture.web.own_tally import MOST_KEYS, MOST_MEMBERS, OwnTally


def test_it_counts_different_members_of_each_key() -> None:
    tally = OwnTally()
    assert [tally.add(*each) for each in (("a", "1"), ("a", "1"), ("a", "2"), ("b", "1"), ("a", "3"))] == [1, 1, 2, 1, 3]


def test_whatever_comes_it_remembers_a_bounded_part() -> None:
    tally = OwnTally()
    for number in range(MOST_MEMBERS + 50):
        last = tally.add("crowded", str(number))
    assert last == MOST_MEMBERS
    for number in range(MOST_KEYS - 1):
        tally.add(f"key {number}", "1")
    assert tally.add("crowded", "1") == MOST_MEMBERS
    tally.add("one more", "1")
    assert len(tally._members) == MOST_KEYS
    assert tally.add("key 0", "2") == 1

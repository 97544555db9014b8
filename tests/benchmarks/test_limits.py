"""The limits do the work that they are the limit of."""

import pytest

from benchmarks.laboratory import Laboratory
from benchmarks.mail import FAR, NEAR, Distance, Mailing


@pytest.mark.parametrize("distance", [NEAR, FAR])
def test_every_letter_without_a_database_comes_once_and_is_as_long_as_it_should_be(
    laboratory: Laboratory, distance: Distance
) -> None:
    sent = Mailing(laboratory).limit(distance, 41)
    assert sent.rate > 0
    assert 22_000 < sent.size < 25_000

import pytest

from nurture.adapters.addresses import parse_address


def test_a_part_before_the_at_has_a_bound_of_its_own() -> None:
    """RFC 5321 §4.5.3.1.1; longer ones fit into 254 characters, and no server takes them."""
    assert parse_address("a" * 64 + "@example.com") == "a" * 64 + "@example.com"
    with pytest.raises(ValueError, match="64 characters before the @"):
        parse_address("a" * 65 + "@example.com")
    with pytest.raises(ValueError, match="254"):
        parse_address("a@" + "b" * 260 + ".com")

"""No public name changes by accident."""

import pytest

from surface import PACKAGES, ROOT, surface


@pytest.mark.parametrize("package", PACKAGES)
def test_public_surface_is_the_frozen_one(package: str) -> None:
    stored = (ROOT / "packages" / package / "interface.txt").read_text(encoding="utf-8")
    assert surface(package) == stored, "nox -s interface -- --write accepts the change; add it to the CHANGELOG"

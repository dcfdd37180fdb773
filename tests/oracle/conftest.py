"""What the cases assert is shown like what a test asserts."""

import pytest

pytest.register_assert_rewrite("oracle.cases", "oracle.by_hand")

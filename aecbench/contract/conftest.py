"""Says how to test entries that are not installed, after a run in which no installed package offers any."""

from typing import Any

HINT = """Skipped tests had nothing to test: they find what installed packages offer by name.
For an entry that is not installed, write a file test_mine.py and run pytest test_mine.py:

    import pytest
    from aecbench.contract.test_cancellers import *

    @pytest.fixture(params=["my_canceller:MyCanceller"])
    def name(request):
        return request.param"""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the hint if a test was skipped because a table has no entries."""
    skipped = terminalreporter.stats.get("skipped", ())
    if any("empty parameter set" in str(report.longrepr) for report in skipped):
        terminalreporter.section("how to test your own")
        terminalreporter.write_line(HINT)

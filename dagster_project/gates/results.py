"""What the expectations said of the tables."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from dagster_project.settings import RESOURCES

SUITES = RESOURCES / "expectations"

Room = Literal["raw", "marts"]


class Finding(NamedTuple):
    """What one expectation said: its sentence, whether it held, what was observed (Chinese).

    regions: of the rows that its SQL returned, those of each region, as their column 地区 says; none where it does not say.
    """

    expectation: str
    success: bool
    observed: str
    regions: Mapping[str, str] = {}


class TableResult(NamedTuple):
    """What one suite said about one table, e.g. `raw.schools`."""

    table: str
    findings: list[Finding]

    @property
    def success(self) -> bool:
        """Every expectation held."""
        return all(finding.success for finding in self.findings)

    @property
    def evaluated(self) -> int:
        """Expectations evaluated, count."""
        return len(self.findings)

    @property
    def failures(self) -> list[str]:
        """One Chinese sentence for each expectation that did not hold."""
        return [f"{found.expectation}：{found.observed}" for found in self.failed]

    @property
    def failed(self) -> list[Finding]:
        """The expectations that did not hold."""
        return [found for found in self.findings if not found.success]

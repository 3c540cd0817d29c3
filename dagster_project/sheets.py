"""What every workbook that we write has in common: texts that stay texts, widths, paper."""

from typing import Any

from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet


def text_width(text: str) -> int:
    """How wide a text stands: a Chinese character takes the room of two others."""
    return len(text.encode("gb18030"))


def as_text(cell: Any) -> None:
    """A name or a definition that begins like a formula is a text."""
    if cell.data_type == "f":
        cell.data_type = "s"


def print_landscape(sheet: Worksheet, header_row: int, is_fitted: bool = True) -> None:
    """On A4 paper: across, the header on every page; as wide as the page, or with columns on pages of their own."""
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.print_title_rows = f"{header_row}:{header_row}"
    if is_fitted:
        sheet.sheet_properties.pageSetUpPr, sheet.page_setup.fitToHeight = PageSetupProperties(fitToPage=True), 0

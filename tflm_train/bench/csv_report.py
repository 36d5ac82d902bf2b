"""The report of ``bench`` as one line per result, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

PHASES = ("forward", "loss", "selection", "backward", "total")


def csv_report(content: dict[str, Any]) -> str:
    """Comma separated values with a header; what is not known is empty.

    Parameters
    ----------
    content : dict
        As ``run_bench`` returns it.
    """
    rows = [_row(content, result) for result in content["results"]]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(content: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in result.items() if not isinstance(value, (dict, list))}
    return {
        **plain,
        **{f"instructions_{phase}": result["instructions"][phase] for phase in PHASES},
        **{key: content[key] for key in ("seed", "seeds", "epochs", "layers")},
        **{f"version_{name}": version for name, version in content["versions"].items()},
    }

"""The leaderboard's pages as HTML: one page of tables per protocol, and one page per submission.

Jinja escapes every text, whoever wrote it. Pages allow only scripts, styles and images from their own folder; Chromium
accepts 'self' for a folder on disk, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from lmms_vg import __version__
from lmms_vg._util.html_pages import templates
from lmms_vg.leaderboard import table_html
from lmms_vg.leaderboard.alike import Likeness
from lmms_vg.leaderboard.answer_explorer import explorables
from lmms_vg.leaderboard.best_gains import BestGain
from lmms_vg.leaderboard.breakdown import breakdowns
from lmms_vg.leaderboard.curves_svg import curve_svg
from lmms_vg.leaderboard.formats import FORMATS
from lmms_vg.leaderboard.radar_svg import radar, style
from lmms_vg.leaderboard.ranks import DEFINITION
from lmms_vg.leaderboard.said_lines import changed_texts, said_lines, said_texts
from lmms_vg.leaderboard.standings import Standing, metrics, provenance
from lmms_vg.leaderboard.submitted_looks import ShownLooks
from lmms_vg.leaderboard.table_model import ALIKE_MARK, DECLARED_MARK, TableView
from lmms_vg.leaderboard.vs_plain_said import ABOUT as OF_SAID
from lmms_vg.leaderboard.vs_plain_said import LIVES
from lmms_vg.paper.protocols import PROTOCOLS, ProtocolName
from lmms_vg.submission.validated import Entry
from lmms_vg.tasks.registry import TASKS


def page_of(protocol: ProtocolName | None, offered: Sequence[ProtocolName]) -> str:
    """Return the file of a protocol's tables; the first protocol and measurements without one are on the front page."""
    return "index.html" if protocol in (None, offered[0]) else f"{protocol}.html"


def front(
    protocol: ProtocolName,
    offered: Sequence[ProtocolName],
    tables: Sequence[TableView],
    withheld: Collection[str],
    gains: Sequence[BestGain] = (),
) -> str:
    """Return the page of a protocol's tables; `gains` is what the best method of each gains over its plain run."""
    return (
        _environment()
        .get_template("tables.html")
        .render(
            root="",
            protocol=protocol,
            offered={name: page_of(name, offered) for name in offered},
            about=PROTOCOLS[protocol].about,
            tables=tables,
            withheld=sorted(withheld),
            gains=gains,
            definition=DEFINITION,
            formats=list(FORMATS),
        )
    )


def submission(
    entry: Entry,
    plain: Mapping[str, Entry],
    alike: Sequence[Likeness],
    digest: str,
    standings: Sequence[Standing],
    offered: Sequence[ProtocolName],
    withheld: Collection[str],
    looked: Sequence[ShownLooks] = (),
) -> str:
    """Return the page of one submission.

    Args:
        entry: the submission.
        plain: task -> its plain run.
        alike: the submissions that it is like.
        digest: SHA-256 of its bundle.
        standings: its rows in the tables of its protocol.
        offered: protocols of the site.
        withheld: data sets whose questions are kept out.
        looked: where it looked, by task.
    """
    return (
        _environment()
        .get_template("submission.html")
        .render(
            root="../",
            entry=entry,
            manifest=entry.manifest,
            specs={task.spec.name: task.spec for task in TASKS.values()},
            plain=sorted({run.id for run in plain.values()}),
            alike=alike,
            digest=digest,
            standings=standings,
            back=page_of(entry.manifest.protocol, offered),
            provenance=provenance(entry.manifest),
            breakdowns=breakdowns(entry, plain),
            explorables=explorables(entry, plain, withheld),
            looked=looked,
            said=said_lines(entry, plain),
            about_said=OF_SAID,
        )
    )


@cache
def _environment() -> Environment:
    environment = templates("lmms_vg.leaderboard")
    drawings: dict[str, Any] = {"radar": lambda *shown: Markup(radar(*shown)), "line_style": style}  # noqa: S704 - escaped
    drawings["curve"] = lambda *shown: Markup(curve_svg(*shown))  # noqa: S704 - escaped
    environment.globals |= drawings | {
        name: getattr(table_html, name)
        for name in (
            "heads",
            "ranked",
            "interval",
            "sort_value",
            "places",
            "rank_text",
            "line_text",
            "gain_text",
            "gain_class",
            "gain_words",
            "gain_evidence",
        )
    }
    environment.globals |= {"zero_shot": table_html.zero_shot, "printed_as": table_html.printed_as, "metrics": metrics}
    environment.globals |= {"version": __version__, "alike_mark": ALIKE_MARK, "declared_mark": DECLARED_MARK}
    environment.globals |= {"lives_mark": LIVES, "said_texts": said_texts, "changed_texts": changed_texts}
    return environment

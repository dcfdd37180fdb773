"""One random story of a business and its syncs, and what must be true after each of them."""

from __future__ import annotations

import base64
import json
import random
import shutil
import signal
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from whop_simulator import ALL_PERMISSIONS, Business, Fault, Server, serve
from whop_simulator.endpoints import BY_RESOURCE
from whop_source.resources import BY_NAME
from whop_source.surface import CURRENT, LEGACY

from .database import Database
from .expected import ENDED, OPEN, Row, columns, embedded, on_current
from .hand import CHANGES, HIDDEN, Hand, iso
from .worker import PAGE_SIZE, POINTS

ROOT = Path(__file__).parents[2]
TABLES = (
    "companies",
    "products",
    "plans",
    "promo_codes",
    "members",
    "memberships",
    "payments",
    "payment_methods",
    "authorized_users",
    "apps",
)
"""The tables a story is about: those that something happens to by hand."""
EVERYTHING = (
    "companies",
    "products",
    "plans",
    "promo_codes",
    "authorized_users",
    "apps",
)
"""Tables every run reads whole."""
NAMING = ("refunds", "disputes", "dispute_alerts")
"""Tables whose new rows name payments that changed: read beside those on Current."""
REFERENCES = {
    "plans": (("memberships", "plan__id"), ("payments", "plan__id")),
    "products": (
        ("memberships", "product__id"),
        ("payments", "product__id"),
        ("plans", "product__id"),
        ("promo_codes", "product__id"),
    ),
    "promo_codes": (("memberships", "promo_code__id"), ("payments", "promo_code__id")),
}
OBJECT_ONLY = {
    name: frozenset(BY_RESOURCE[name].object_only) if BY_NAME[name].listed else frozenset()
    for name in TABLES
}
"""Fields lists leave out: null when the row came from a list."""
LATE = timedelta(minutes=55)
"""How late a row may become visible and still be found; the sync's overlap is an hour."""
FULL_EVERY = timedelta(days=7)
LOOKBACK = timedelta(days=40)
ATTEMPTS = 3
OK, SETTING, FAILED, PARTLY = range(4)

World = dict[str, dict[str, Row]]
"""Every row of one company by table and id, with every field its object has."""

SURVIVABLE = ("429", "429_header", "500", "502", "503", "drop", "cut", "html", "slow")
LASTING = ("503", "drop", "cut", "html", "repeat_cursor")
TROUBLES: tuple[str, ...] = (
    *(f"kill:{point}" for point in POINTS),
    *(f"once:{kind}" for kind in SURVIVABLE),
    *(f"lasting:{kind}" for kind in LASTING),
    "kill:first",
    "kill:job",
    "hang_up",
    "lost_lock",
    "left_out",
    "sliced",
    "expired_key",
    "forbidden",
    "forbidden_object",
    "missing_permission",
    "other_tenant_name",
    "marketplace",
    "refuse_updated_after",
    "refuse_updated_after",
    "inclusive",
    "offset",
    "moving",
    "moving",
    "kill:part",
    "moving_offset",
    "sprinkle",
    "fresh_container",
    "dropped",
    "upgrade",
    "none",
)
"""What may be in a sync's way."""
PROVOKED: dict[str, tuple[str, ...]] = {
    "refuse_updated_after": (
        "recent_dispute",
        "payment_fails",
        "payment_fails",
        "refund",
        "dispute",
        "dispute",
    ),
    "none": ("late_refund", "late_payment", "late_method", "late_act", "refund", "cancel"),
    "inclusive": ("same_moment", "late_method", "uncancel", "remove_live_membership"),
    "kill:merged": ("refund", "cancel", "remove_live_membership", "refund"),
    "kill:complete": ("refund", "cancel", "uncancel", "archive_plan"),
    "kill:first": ("refund", "cancel", "refund", "remove_live_membership"),
    "left_out": ("refund", "cancel", "late_refund", "refund", "hidden_plan"),
    "sliced": ("same_moment", "hidden_plan"),
    "kill:part": ("hidden_plan", "new_method", "refund", "remove_payment"),
    "kill:merging": ("refund", "cancel", "late_refund"),
    "kill:job": ("refund", "cancel", "renew", "refund"),
    "fresh_container": ("hidden_plan", "change_archived_plan", "reappear", "refund"),
    "offset": ("no_action", "act", "late_act", "refund", "refund", "refund"),
}
"""Changes that are made just before a sync in which they are likely to be overlooked."""
_ORDER = random.Random(20).sample(TROUBLES, len(TROUBLES))
_CHANGE_ORDER = random.Random(21).sample(sorted(CHANGES), len(CHANGES))
STEPS = 12
NOT_ON_CURRENT = frozenset({"unknown_field", "unfit_value", "exact_amounts"})
"""Changes that the simulator's Current surface, which works its rows out, has no place for."""
OPEN_ON_CURRENT = frozenset({"open", "authorized", "pending", "unresolved"})
"""Statuses of a payment that Current can be asked for and that are not final."""


def snapshot(business: Business) -> World:
    """Everything there is, now."""
    with business.lock:
        named = {table: {row["id"]: row for row in business.rows(table)} for table in NAMING}
        return named | {
            table: {
                row["id"]: business.row(table, row["id"]) for row in business.rows(table)
            }
            for table in TABLES
        }  # fmt: skip


@dataclass
class Seen:
    """What is known of one table of one company since its last good sync."""

    world: World = field(default_factory=dict)
    """The company as it was at the start of that sync."""
    clock: datetime | None = None
    full: datetime | None = None
    cursor: str | None = None
    stale: set[str] = field(default_factory=set)
    """Rows that changed in a way no promise covers before the next full pass."""
    anew: bool = False
    """Whether something of it was missing since, so that every row is to be written again."""
    lost: set[str] = field(default_factory=set)
    """Rows that slipped through between two pages that were counted by offset."""


class Broken(AssertionError):
    """A promise is broken; the text is the whole story."""


class Scenario:
    """A story: `run` plays it.

    Args:
        seed: the story.
        database: an empty one.
        folder: an empty folder.
        steps: how many syncs; part of the story.
        coverage: counts what really happened.
    """

    def __init__(
        self,
        seed: int,
        database: Database,
        folder: Path,
        steps: int = STEPS,
        coverage: Counter[str] | None = None,
    ) -> None:
        self.seed = seed
        self.database = database
        self.folder = folder
        self.steps = steps
        self.coverage: Counter[str] = Counter() if coverage is None else coverage
        self.dice = random.Random(f"{seed} {steps}")
        # Every other story is played on the other surface.
        self.surface = (LEGACY, CURRENT)[seed % 2]
        self.story: list[str] = []
        self.worlds: dict[str, list[World]] = {}
        self.lock = Lock()
        self.moving = Lock()
        self.businesses = [
            Business(
                seed=seed * 2 + number,
                members=self.dice.choice((12, 25, 45)),
                years=self.dice.choice((0.4, 1.0, 2.0)),
                company_id=f"biz_{seed}x{number}",
            )
            for number in range(2 if seed % 3 == 0 else 1)
        ]
        self.hands = {b.company_id: Hand(b, self.dice) for b in self.businesses}
        self.seen = {b.company_id: {table: Seen() for table in TABLES} for b in self.businesses}
        self.states: dict[tuple[str, str], set[str]] = {}
        self.states_lost: set[tuple[str, str]] = set()
        self.finished_runs: set[tuple[str, str, str]] = set()
        self.history: dict[str, list[tuple[datetime, list[World]]]] = {
            b.company_id: [] for b in self.businesses
        }
        """The worlds every sync of a company has read from, and when it started."""
        self._worker: subprocess.Popen[str] | None = None

    # ------------------------------------------------------------------ the story

    def run(self) -> None:
        """Play it to the end.

        Raises:
            Broken: with the seed and every step until there.
        """
        self.tell(
            f"{len(self.businesses)} companies on {self.database.engine}, {self.surface}: "
            + ", ".join(f"{b.company_id} of {len(b.members)} members" for b in self.businesses)
        )
        try:
            with self._working():
                for number in range(self.steps):
                    self._step(number)
                # Whatever happened: a full pass brings everything.
                self.change(2)
                self.sync("full", "none")
                wrong = self.database.wrong_types()
                self.expect(not wrong, f"types: {wrong[:5]}")
        except Broken:
            raise
        except AssertionError as error:
            raise Broken(self._whole_story(str(error))) from error
        except Exception as error:
            raise Broken(self._whole_story(repr(error))) from error

    def tell(self, line: str) -> None:
        """Add a line to the story."""
        with self.lock:
            self.story.append(line)

    def expect(self, true: Any, what: str) -> None:
        """Assert."""
        if not true:
            raise AssertionError(what)

    def _whole_story(self, what: str) -> str:
        lines = [
            "",
            f"BROKEN: {what}",
            f"replay: .venv/bin/python -m tests.property.replay {self.seed} "
            f"--engine {self.database.engine} --steps {self.steps}",
            f"files: {self.folder}",
            *(f"{number:4} {line}" for number, line in enumerate(self.story)),
        ]
        return "\n".join(lines)

    def _step(self, number: int) -> None:
        dice = self.dice
        place = self.seed * self.steps + number
        trouble = _ORDER[place % len(_ORDER)]
        mode = dice.choice(("incremental",) * 5 + ("full", "subset", "subset"))
        if trouble == "none":
            # A moment before: what becomes visible late must not hide behind what is newer.
            self.change(number, provoked=("new_method", "new_payment", "act"))
            self.sync("incremental", "none")
        provoked = PROVOKED.get(trouble, ())
        self.change(number, at_once=bool(provoked), provoked=provoked)
        if provoked:
            modes = {"left_out": "apart", "sliced": "full", "kill:part": "full"}
            mode = modes.get(trouble, "incremental")
        if trouble.startswith("moving"):
            mode = dice.choice(("full", "incremental", "incremental"))
        if trouble == "fresh_container":
            shutil.rmtree(self.folder / ".whop-elt", ignore_errors=True)
        outcome = self.sync(mode, trouble)
        if trouble == "left_out":
            # What the members table has missed must be made good for.
            outcome = self.sync("incremental", "none")
        if outcome != "good":
            # Nobody looks before the next run, which may come at once, and be killed as well.
            if dice.random() < 0.25:
                self.sync(mode, f"kill:{dice.choice(POINTS)}")
            if dice.random() < 0.4:
                self.change(number)
            if trouble == "kill:part":
                # What changes behind a pass that is under way is found by the run after it.
                self.change(number, at_once=True, provoked=("refund",) * 4)
                self.wait(timedelta(hours=3))
            self.sync(dice.choice((mode, "incremental")), "none")
            if trouble == "kill:part":
                self.sync("incremental", "none")

    def change(self, number: int, at_once: bool = False, provoked: Sequence[str] = ()) -> None:
        """Let time pass (not much of it `at_once`) and things happen."""
        dice = self.dice
        by = dice.choice(
            (
                timedelta(0),
                timedelta(seconds=dice.randrange(1, 600)),
                timedelta(hours=dice.uniform(0.2, 30)),
                timedelta(days=dice.uniform(1, 6)),
                timedelta(days=dice.uniform(1, 6)),
                timedelta(days=dice.uniform(7, 25)),
            )
        )
        if at_once:
            by = min(by, timedelta(minutes=dice.choice((5, 15, 15, 2000))))
        if by:
            self.wait(by)
        place = (self.seed * self.steps + number) * 4
        due = [_CHANGE_ORDER[(place + each) % len(_CHANGE_ORDER)] for each in range(4)]
        due += dice.choices(sorted(CHANGES), k=dice.randrange(0, 4))
        for name in due:
            self.move(dice.choice(self.businesses), name)
        for name in provoked:
            self.move(self.businesses[self.seed % len(self.businesses)], name)

    def wait(self, by: timedelta) -> None:
        """Let time pass."""
        for business in self.businesses:
            business.advance(by)
        self.tell(f"{by} pass: {self.businesses[0].clock.isoformat()}")

    def move(self, business: Business, name: str) -> None:
        """Make one change by hand."""
        if self.surface is CURRENT and name in NOT_ON_CURRENT:
            return
        done = self.hands[business.company_id].move(name)
        if done is not None:
            self.coverage[f"change:{name}"] += 1
            self.tell(f"{name}: {done}")

    # ------------------------------------------------------------------ a sync

    def sync(self, mode: str, trouble: str) -> str:
        """Sync once, and see that every promise holds; good, failed or killed."""
        dice = self.dice
        kind, _, detail = trouble.partition(":")
        order: dict[str, Any] = {
            "table": dice.choice((*_MANY, *_MANY, *TABLES, "membership_states")),
            "number": dice.choice((1, 2, 3, dice.randrange(4, 30))),
        }
        options: dict[str, Any] = {"bounds": dice.choice(("exclusive", "exclusive", "inclusive"))}
        if self.surface is LEGACY:
            # Whop may filter by the time of payment, where there is one.
            options["payments_by"] = ("created", "paid")[len(self.story) % 2]
        settings: dict[str, Any] = {
            "max_attempts": ATTEMPTS,
            "backoff_seconds": 0.001,
            "lookback_days": LOOKBACK.days,
            "full_every_days": FULL_EVERY.days,
            "api_version": self.surface.version,
        }
        asked = [b.company_id for b in self.businesses]
        if len(asked) == 2:
            if mode == "subset" and dice.random() < 0.5:
                asked = [dice.choice(asked)]
            settings["company_ids"] = asked
        else:
            settings["company_id"] = dice.choice((asked[0], "me"))
        settings["tables"] = tables = list(TABLES)
        if mode == "full":
            settings["full"] = True
        elif mode == "apart":
            settings["tables"] = tables = ["memberships", "payments"]
        elif mode == "subset":
            tables = sorted(dice.sample(TABLES, dice.randrange(1, 5)))
            settings["tables"] = tables
            if dice.random() < 0.3:
                settings["full"] = True
        if self.surface is CURRENT and "payments" in tables:
            settings["tables"] = [*tables, *NAMING]
        if kind == "sliced":
            settings["slice_rows"] = self._within_a_moment()
        elif dice.random() < 0.3:
            # Each part is a load of its own: a few are enough.
            most = max(len(b.rows("payments")) for b in self.businesses)
            settings["slice_rows"] = most // dice.choice((1, 2, 3)) or 1
        faults: list[tuple[str, Fault]] = []
        paths = {name: BY_NAME[name].on(self.surface).path for name in TABLES}
        lists = [f"GET {paths[name]}" for name in tables if BY_NAME[name].listed] or ["*"]
        at = dice.choice(lists)
        # A list of one page has no third request.
        many = [f"GET /{name}" for name in _MANY if name in tables]
        other = "company_id" if self.surface is CURRENT else "account_id"
        match kind:
            case "kill":
                order["point"] = detail
                if detail == "part":
                    # The first part of a full pass is loaded, the others are for the next run.
                    order["point"] = "completed"
                    settings["slice_rows"] = max(
                        len(b.rows("payments")) // 3 or 1 for b in self.businesses
                    )
                if detail == "first":
                    order["table"] = dice.choice(("memberships", "payments"))
            case "hang_up":
                order |= {"point": dice.choice(("schema", "merged", "merging", "complete"))}
                order["hang_up"] = True
            case "lost_lock" if self.database.engine == "postgres":
                order |= {"point": dice.choice(("read", "extract")), "number": 1}
                order |= {"hang_up": True, "application": "whop-elt lock"}
            case "once":
                hits = _few(dice)
                at = dice.choice(many) if many and hits[-1] > 1 else at
                faults.append((at, _fault(detail, at=hits if many else (1,))))
            case "lasting":
                since = dice.choice((1, 1, 2, 3)) if many else 1
                at = dice.choice(many) if since > 1 else at
                faults.append((at, _fault(detail, since=since)))
            case "expired_key":
                faults.append(("*", Fault("status", status=401, since=dice.randrange(1, 40))))
            case "forbidden":
                at = dice.choice(many or lists)
                faults.append((at, Fault("status", status=403, since=dice.choice((1, 2)))))
            case "forbidden_object":
                at = f"GET {paths[dice.choice(('plans', 'products', 'memberships'))]}/{{id}}"
                faults.append((at, Fault("status", status=503)))
            case "missing_permission":
                lacks = dice.choice(
                    ("promo_code:basic:read", "member:payment_methods:read",
                     "company:authorized_user:read", "plan:basic:read")
                )  # fmt: skip
                options["permissions"] = ALL_PERMISSIONS - {lacks}
            case "other_tenant_name":
                options["tenant"] = {
                    paths[name]: other
                    for name in dice.sample(("payments", "members", "plans", "memberships"), 2)
                }
            case "marketplace":
                options["tenant"] = {"/products": other}
            case "refuse_updated_after" if self.surface is CURRENT:
                # What tells of changes there.
                options["retired"] = ("/financial_activity",)
            case "refuse_updated_after":
                options["refuse"] = {"/payments": {"updated_after"}}
            case "inclusive":
                options["bounds"] = "inclusive"
            case "sprinkle":
                for each in ("503", "drop", "cut", "html"):
                    faults.append(("*", _fault(each, probability=0.02, seed=dice.randrange(99))))
            case "upgrade":
                # Since the last run the program is of a newer release.
                self._order(settings, {"age": "0.1.0"})
                self._renewed(*TABLES)
                # It kept no states of plans.
                self._no_states_of("plans")
            case "dropped":
                self._drop()
                if dice.random() < 0.5:
                    # What is made anew, and empty, is still to be read.
                    order["point"] = dice.choice(("read", "schema", "job", "merged", "complete"))
        if kind in ("offset", "moving_offset"):
            options["paging"] = "offset"
        before = self._read_warehouse()
        self.worlds = {b.company_id: [snapshot(b)] for b in self.businesses}
        self.moments: list[datetime] = []
        started = self.businesses[0].clock.replace(microsecond=0)
        self.tell(
            f"SYNC {mode} with {trouble} {asked if len(self.businesses) > 1 else ''}"
            f"{' ' + ','.join(tables) if mode == 'subset' else ''}"
            f"{' --full' if settings.get('full') else ''} {options or ''}"
            f"{' slices of ' + str(settings['slice_rows']) if 'slice_rows' in settings else ''}"
            f"{' ' + str(order) if 'point' in order else ''} {faults or ''}"
        )
        with serve(*self.businesses, **options) as server:
            if kind.startswith("moving"):
                server.between_pages = self._between(server)
            # Whoever refuses a request here repeats the key that came with it.
            server.faults.add("*", Fault("echo_key"))
            for operation, fault in faults:
                server.faults.add(operation, fault)
            settings |= {"base_url": server.base_url, "api_key": server.api_key}
            killed, said = self._order(settings, order)
        after = self._read_warehouse()
        written = (self.folder / "log.txt").read_text(errors="replace")
        for place in (said, after["sync_runs"], written):
            self.expect(server.api_key not in str(place), "the key was repeated")
        # No sync takes less; Whop's clock has whole seconds.
        for business in self.businesses:
            business.advance(timedelta(seconds=2))
        for company in asked:
            self.history[company].append((started, self.worlds[company]))
        hit = any(_hit(fault) for _, fault in faults)
        happened = {
            "kill": killed,
            "dropped": "point" not in order or killed,
            "hang_up": killed or self.database.engine == "postgres",
            "lost_lock": self.database.engine == "postgres",
            "moving": any(len(self.worlds[company]) > 1 for company in asked),
            "moving_offset": any(len(self.worlds[company]) > 1 for company in asked),
        }
        if happened.get(kind, hit if faults else True):
            self.coverage[f"trouble:{trouble}"] += 1
        self.coverage[f"mode:{mode}"] += 1
        if killed and (order["point"] != "completed" or said["unfinished"]):
            self.tell(f"  killed {'in part ' + str(said['parts']) if said['parts'] > 1 else ''}")
            if said["tables"]:
                # A part of the run had come to its end: some tables were whole by then.
                for report in said["tables"]:
                    if [report["company_id"], report["table_name"]] in said["unfinished"]:
                        report["status"] = "unfinished"
                self._check(
                    asked, tables, settings, trouble, options, started, before, after, said, True
                )
            return "killed"
        tell = {t["table_name"]: t["status"] for t in said["tables"] if t["status"] != "ok"}
        self.tell(
            f"  ended with {said['code']} {said['error'] or ''} {tell or ''} "
            f"{str(said['parts']) + ' parts' if said['parts'] > 1 else ''}"
        )
        self.coverage["parts"] += said["parts"] > 1
        if said["error"]:
            # The database went away: what counts is what the next good sync makes of it.
            self.expect(kind in {"hang_up", "lost_lock"}, f"the load failed: {said['error']}")
            if kind == "lost_lock":
                self.expect(after == before, "a run without its lock has loaded something")
            return "failed"
        if kind == "lost_lock":
            self.expect(not happened[kind], "a run has not noticed that its lock was lost")
        self._check(asked, tables, settings, trouble, options, started, before, after, said)
        if not said["unread"] and all(table["status"] == "ok" for table in said["tables"]):
            return "good"
        return "failed"

    def _drop(self) -> None:
        """Drop a table by hand, or a column of one."""
        dice = self.dice
        states = {"membership_states": "memberships", "plan_states": "plans"}
        table = dice.choice((*TABLES, *states))
        of = states.get(table, table)
        if table not in self.database.tables():
            return
        column = None
        if dice.random() < 0.6:
            column = dice.choice([name for name in BY_NAME[of].columns if name != "id"])
        if column == "company_id":
            column = None
        self.database.drop(table, column)
        self.tell(f"dropped: {table} {column or ''}")
        self._renewed(of)
        if table in states:
            self._no_states_of(of)

    def _no_states_of(self, table: str) -> None:
        """The states that were kept are lost; of what is gone at Whop none comes back."""
        for company in self.seen:
            self.states.pop((company, table), None)
            self.states_lost.add((company, table))

    def _renewed(self, *tables: str) -> None:
        """The tables are to be made anew, or a column of them: each row of theirs is written."""
        for seen in self.seen.values():
            for table in tables:
                seen[table].full = None
                seen[table].anew = True

    def _within_a_moment(self) -> int:
        """Where a page of payments ends between two of the same moment."""
        for business in self.businesses:
            moments = sorted(row["created_at"] for row in business.rows("payments"))
            for end in range(PAGE_SIZE, len(moments), PAGE_SIZE):
                if moments[end - 1] == moments[end]:
                    return end
        return PAGE_SIZE

    def _between(self, server: Server) -> Any:
        """Change rows between pages, and let a little time pass."""
        dice = random.Random(self.dice.random())
        left = [dice.randrange(1, 7)]
        hands = {b.company_id: Hand(b, dice) for b in self.businesses}

        def between(operation: str, pages: int) -> None:
            with self.lock:
                if left[0] <= 0 or dice.random() > 0.4:
                    return
                left[0] -= 1
            business = dice.choice(self.businesses)
            hand = hands[business.company_id]
            with self.moving, business.lock:
                if dice.random() < 0.3:
                    business.advance(timedelta(seconds=dice.randrange(1, 90)))
                    self.worlds[business.company_id].append(snapshot(business))
                    self.moments.append(self.businesses[0].clock.replace(microsecond=0))
                name = dice.choice(
                    ("refund", "remove_payment", "new_payment", "cancel", "uncancel", "act",
                     "remove_member", "no_action", "remove_live_membership", "reappear",
                     "remove_method", "new_method", "late_payment", "archive_plan")
                )  # fmt: skip
                change = getattr(hand, name)
                done = change()
                self.worlds[business.company_id].append(snapshot(business))
            self.coverage[f"between:{name}"] += bool(done)
            self.tell(f"  between pages {pages} and {pages + 1} of {operation}: {name}: {done}")

        return between

    @contextmanager
    def _working(self) -> Iterator[None]:
        environment = {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}:{ROOT / 'tests'}",
            "PATH": "/usr/bin:/bin",
        }
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "tests.property.worker"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield
        finally:
            assert self._worker.stdin
            self._worker.stdin.close()
            self._worker.wait(30)

    def _order(self, settings: Row, order: Row) -> tuple[bool, Row]:
        """Have the worker sync; whether it was killed, and what the run reported."""
        assert self._worker and self._worker.stdin and self._worker.stdout
        result, log = self.folder / "result.json", self.folder / "log.txt"
        result.unlink(missing_ok=True)
        written = {
            **order,
            "folder": str(self.folder),
            "log": str(log),
            "result": str(result),
            "engine": self.database.engine,
            "credentials": self.database.credentials,
            "settings": settings,
        }
        self._worker.stdin.write(json.dumps(written) + "\n")
        self._worker.stdin.flush()
        ended = int(self._worker.stdout.readline())
        if ended not in (0, -signal.SIGKILL):
            raise AssertionError(f"the sync crashed:\n{log.read_text()[-6000:]}")
        said = json.loads(result.read_text()) if result.exists() else {}
        return ended != 0, said

    def _read_warehouse(self) -> dict[str, list[Row]]:
        names = (*TABLES, "membership_states", "plan_states", "sync_runs")
        found = self.database.read((*names, "_dlt_loads", "_dlt_pipeline_state"))
        for name in names[:-1]:
            # A column that was dropped holds nothing.
            of = {"membership_states": "memberships", "plan_states": "plans"}.get(name, name)
            nothing = dict.fromkeys(BY_NAME[of].columns)
            found[name] = [{**nothing, **row} for row in found[name]]
        # Invitations, which Current lists too, are no part of the worlds.
        found["authorized_users"] = [
            row for row in found["authorized_users"] if not row["id"].startswith("ausri_")
        ]
        return found

    # ------------------------------------------------------------------ what must be true

    def _check(
        self,
        asked: Sequence[str],
        tables: Sequence[str],
        settings: Row,
        trouble: str,
        options: Row,
        started: datetime,
        before: dict[str, list[Row]],
        after: dict[str, list[Row]],
        said: Row,
        killed: bool = False,
    ) -> None:
        """Every promise, after a sync (or a part of it) that came to its end."""
        reports = {(t["company_id"], t["table_name"]): t for t in said["tables"]}
        statuses = {t["status"] for t in said["tables"]}
        kind = trouble.partition(":")[0]
        if not killed:
            self._check_code(kind, trouble, said, statuses)
        loads = {row["load_id"] for row in after["_dlt_loads"] if row["status"] == 0}
        was, found = _by_company(before), _by_company(after)
        self.passes, self.kept = _state_of(before), _state_of(after)
        for business in self.businesses:
            company = business.company_id
            for table in TABLES:
                old = was.get((company, table), {})
                new = found.get((company, table), {})
                count = sum(row["company_id"] == company for row in after[table])
                self.expect(count == len(new), f"{table}: {count} rows with {len(new)} ids")
                report = reports.get((company, table))
                if company not in asked or table not in tables:
                    self.expect(report is None, f"{table} was reported but not asked for")
                if report is None or report["status"] != "ok":
                    sliced = killed or (report is not None and "slice_rows" in settings)
                    self.expect(
                        _cursor(self.passes, company, table) == _cursor(self.kept, company, table),
                        f"{table}: its state was touched: {self.kept}",
                    )
                    if not sliced:
                        self._check_untouched(company, table, old, new, report)
        # Payments and memberships first: which of them were found says which members must be.
        order = ("payments", "memberships", *(t for t in TABLES if t not in _FIRST))
        changed: dict[str, set[str]] = {}
        good: list[tuple[str, str, Row]] = []
        for company in asked:
            users: set[str] = set()
            for table in order:
                report = reports.get((company, table))
                if report is None or report["status"] != "ok":
                    continue
                changed[company] = users
                old = was.get((company, table), {})
                new = found.get((company, table), {})
                self._check_mode(company, table, settings, started, report)
                check = _Check(self, company, table, started, report["mode"] == "full", options)
                if not (killed and table in EVERYTHING):
                    # The part that was killed may have written to what every part reads again.
                    check.rows(old, new, users, loads, found, reports)
                good.append((company, table, report))
        for company, table, report in good:
            self._remember(company, table, started, report)
        self._check_states(asked, reports, was, found, after)
        if not killed:
            self._check_runs(asked, tables, after, said)

    def _check_code(self, kind: str, trouble: str, said: Row, statuses: set[str]) -> None:
        if said["unread"]:
            expected = {FAILED, SETTING}
        elif "failed" in statuses or "ok" not in statuses:
            expected = {FAILED}
        elif "forbidden" in statuses or any(t["unreadable"] for t in said["tables"]):
            expected = {PARTLY}
        else:
            expected = {OK}
        if kind == "kill" and said["code"] is None:
            return
        self.expect(said["code"] in expected, f"code {said['code']}, not {expected}: {statuses}")
        if kind in _HARMLESS:
            self.expect(
                statuses == {"ok"},
                f"{trouble} must not stop a table: {said['unread']} "
                + "; ".join(t["error"] for t in said["tables"] if t["error"]),
            )
        if kind == "missing_permission":
            self.expect(statuses <= {"ok", "forbidden"}, f"{statuses}")

    def _check_untouched(
        self, company: str, table: str, old: dict[str, Row], new: dict[str, Row], report: Row | None
    ) -> None:
        for key in old.keys() | new.keys():
            self.expect(
                old.get(key) == new.get(key),
                f"{table} {key} changed although the table was not read to its end: "
                f"{_difference(old.get(key), new.get(key))}",
            )
        if report:
            self.expect(report["error"], f"{table} is {report['status']} but says nothing")
            self.expect(
                report["cursor_before"] == report["cursor_after"], f"{table}: the cursor moved"
            )
            if report["mode"]:
                self._check_cursor(company, table, report)

    def _check_cursor(self, company: str, table: str, report: Row) -> None:
        cursor = self.seen[company][table].cursor
        self.expect(
            report["cursor_before"] == cursor,
            f"{table}: cursor {report['cursor_before']}, the last good run left {cursor}",
        )

    def _check_mode(
        self, company: str, table: str, settings: Row, started: datetime, report: Row
    ) -> None:
        full = self.seen[company][table].full
        due = full is None or started - full >= FULL_EVERY
        due = due or "pass_started" in _table_state(self.passes, company, table)
        expected = "full" if settings.get("full") or due else "incremental"
        self.expect(
            report["mode"] == expected,
            f"{table}: {report['mode']}, not {expected}; the last full pass was {full}",
        )
        self._check_cursor(company, table, report)

    def _remember(self, company: str, table: str, started: datetime, report: Row) -> None:
        seen = self.seen[company][table]
        begun = self.begun(company, table)
        if begun is not None:
            # A pass that an earlier run began, and was killed.
            self.coverage["resumed"] += 1
            started, worlds = [each for each in self.history[company] if each[0] <= begun][-1]
            seen.world = worlds[0]
        else:
            seen.world = self.worlds[company][0]
        seen.clock = started
        seen.cursor = report["cursor_after"]
        if report["mode"] == "full":
            seen.full = started
            seen.stale.clear()
            seen.anew = False
        seen.stale |= seen.lost
        seen.lost.clear()

    def begun(self, company: str, table: str) -> datetime | None:
        """When the full pass began that this run has gone on with.

        None also when that was so long ago that the run has made another one behind it.
        """
        text = _table_state(self.passes, company, table).get("pass_started")
        last = _table_state(self.kept, company, table).get("last_full")
        return datetime.fromisoformat(text) if text and text == last else None

    def _check_states(
        self,
        asked: Sequence[str],
        reports: dict[tuple[str, str], Row],
        was: dict[tuple[str, str], dict[str, Row]],
        found: dict[tuple[str, str], dict[str, Row]],
        after: dict[str, list[Row]],
    ) -> None:
        for table in ("memberships", "plans"):
            log = f"{table[:-1]}_states"
            for company in asked:
                report = reports.get((company, table))
                if report is None or report["status"] != "ok":
                    continue
                states = self.states.setdefault((company, table), set())
                for key, row in found.get((company, table), {}).items():
                    old = was.get((company, table), {}).get(key, row)
                    long_gone = row["_whop_deleted_at"] and old["_whop_deleted_at"]
                    if not (long_gone and (company, table) in self.states_lost):
                        states.add(_state(table, row))
            kept = {_state(table, row) for row in after[log]}
            for (company, of), states in self.states.items():
                missing = states - kept if of == table else ()
                self.expect(not missing, f"{log} of {company} lacks {sorted(missing)[:3]}")
            counted = Counter(
                (row["id"], row["_dlt_load_id"], _state(table, row)) for row in after[log]
            )
            twice = [key for key, count in counted.items() if count > 1]
            self.expect(not twice, f"{log} has a state twice in one load: {twice[:3]}")

    def _check_runs(
        self, asked: Sequence[str], tables: Sequence[str], after: dict[str, list[Row]], said: Row
    ) -> None:
        reported = {(t["company_id"], t["table_name"]): t for t in said["tables"]}
        for company in asked:
            for table in tables:
                # A company that could not be asked for may be a slip, if it was never loaded.
                never = all(seen.clock is None for seen in self.seen[company].values())
                unread = said["unread"] and (never or "me" in said["unread"])
                noted = (company, table) in reported
                self.expect(noted or unread, f"no report of {company} {table}")
                if noted and said["parts"] == 1:
                    self.finished_runs.add((said["run_id"], company, table))
        counted = Counter(
            (row["run_id"], row["company_id"], row["table_name"]) for row in after["sync_runs"]
        )
        for key in self.finished_runs:
            self.expect(counted[key] == 1, f"sync_runs has {counted[key]} rows of {key}")
        for row in after["sync_runs"]:
            if row["run_id"] != said["run_id"] or said["parts"] > 1:
                continue
            told = reported[row["company_id"], row["table_name"]]
            for name in ("mode", "status", "rows_read", "rows_new", "rows_changed",
                         "rows_deleted", "cursor_before", "cursor_after", "error"):  # fmt: skip
                self.expect(row[name] == told[name], f"sync_runs.{name}: {row[name]}, {told[name]}")


_HARMLESS = frozenset(
    {
        "none",
        "once",
        "kill",
        "inclusive",
        "offset",
        "moving",
        "moving_offset",
        "refuse_updated_after",
        "left_out",
        "sliced",
        "other_tenant_name",
        "fresh_container",
        "dropped",
        "upgrade",
    }
)
"""Troubles in spite of which every table must load."""
_FIRST = ("payments", "memberships")
_MANY = ("members", "memberships", "payments")
"""Tables of more than one page."""


def _state_of(warehouse: dict[str, list[Row]]) -> Row:
    """The state dlt would take from this destination: company -> table -> cursors."""
    good = {row["load_id"] for row in warehouse["_dlt_loads"] if row["status"] == 0}
    rows = [row for row in warehouse["_dlt_pipeline_state"] if row["_dlt_load_id"] in good]
    if not rows:
        return {}
    text = max(rows, key=lambda row: row["_dlt_load_id"])["state"]
    state = json.loads(zlib.decompress(base64.b64decode(text)))
    companies: Row = state.get("sources", {}).get("whop", {}).get("companies", {})
    return companies


def _table_state(state: Row, company: str, table: str) -> Row:
    found: Row = state.get(company, {}).get(table, {})
    return found


def _cursor(state: Row, company: str, table: str) -> Row:
    """What decides which rows the next run asks for, but for the place in an unfinished pass.

    Of which the version it is read in is a part.
    """
    found = _table_state(state, company, table)
    own = {name for name in found if name.startswith("pass_")} | {"api_version"}
    return {name: value for name, value in found.items() if name not in own}


def _by_company(warehouse: dict[str, list[Row]]) -> dict[tuple[str, str], dict[str, Row]]:
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for table in TABLES:
        for row in warehouse[table]:
            found.setdefault((row["company_id"], table), {})[row["id"]] = row
    return found


def _state(table: str, row: Row) -> str:
    """A state of a membership or a plan, as far as it is one."""
    names = {
        "memberships": ("id", "status", "updated_at", "canceled_at", "renewal_period_end",
                        "plan__id", "cancel_at_period_end", "cancellation_reason"),
        "plans": ("id", "title", "visibility", "renewal_price", "billing_period", "updated_at"),
    }  # fmt: skip
    deleted = row["_whop_deleted_at"] is not None
    return repr([*(str(row[name]) for name in names[table]), deleted])


def _difference(old: Row | None, new: Row | None) -> str:
    if old is None or new is None:
        return f"{'was not' if old is None else 'was'} there, {'is not' if new is None else 'is'}"
    names = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    return ", ".join(f"{n}: {old.get(n)!r:.120} -> {new.get(n)!r:.120}" for n in sorted(names))


class _Check:
    """Compares one table of one company with the worlds there were during the sync."""

    def __init__(
        self,
        scenario: Scenario,
        company: str,
        table: str,
        started: datetime,
        full: bool,
        options: Row,
    ) -> None:
        self.scenario = scenario
        self.company = company
        self.table = table
        self.started = started
        self.full = full
        self.seen = scenario.seen[company][table]
        self.worlds = scenario.worlds[company]
        self.starts = {started, *scenario.moments}
        begun = scenario.begun(company, table)
        if begun is not None:
            runs = [each for each in scenario.history[company] if each[0] >= begun]
            self.starts |= {start for start, _ in runs}
            self.worlds = [world for _, worlds in runs for world in worlds]
        self.versions: dict[str, list[Row]] = {}
        for world in self.worlds:
            for key, row in world[table].items():
                versions = self.versions.setdefault(key, [])
                if not versions or versions[-1] is not row:
                    versions.append(row)
        self.refused = "refuse" in options or "retired" in options
        self.on_current = scenario.surface is CURRENT
        self.shifting = options.get("paging") == "offset" and len(self.worlds) > 1
        self._columns: dict[int, Row] = {}

    def rows(
        self,
        old: dict[str, Row],
        new: dict[str, Row],
        users: set[str],
        loads: set[str],
        found: dict[tuple[str, str], dict[str, Row]],
        reports: dict[tuple[str, str], Row],
    ) -> None:
        """Check every row; add the users of changed payments and memberships to `users`."""
        self.loads = loads
        self.reports = reports
        named = self._named(old, found, reports)
        for key in self.versions.keys() | old.keys() | new.keys():
            versions = self.versions.get(key, [])
            present = [key in world[self.table] for world in self.worlds]
            if all(present):
                self._present(key, versions, old.get(key), new.get(key), users, named)
            elif not any(present):
                self._absent(key, old.get(key), new.get(key))
            else:
                self._came_or_went(key, versions, old.get(key), new.get(key))
            self._check_own(key, old.get(key), new.get(key), loads)

    def _named(
        self,
        old: dict[str, Row],
        found: dict[tuple[str, str], dict[str, Row]],
        reports: dict[tuple[str, str], Row],
    ) -> set[str]:
        """Ids that other tables' rows name which were read in this run, or without this table."""
        named: set[str] = set()
        for table, column in REFERENCES.get(self.table, ()):
            report = reports.get((self.company, table))
            if report is None or report["status"] != "ok":
                continue
            whole = report["mode"] == "full" or table in EVERYTHING
            worlds = [self.scenario.seen[self.company][table].world, self.seen.world]
            for key, row in found.get((self.company, table), {}).items():
                if row["_whop_deleted_at"] is not None or row[column] is None:
                    continue
                if not all(key in world[table] for world in self.worlds):
                    continue
                if whole or any(world and key not in world[table] for world in worlds):
                    named.add(row[column])
        return named

    def _matches(self, version: Row, row: Row, lenient: bool) -> str | None:
        """None when the row shows this version, else how it does not."""
        if id(version) not in self._columns:
            self._columns[id(version)] = self._expected(version)
        expected = self._columns[id(version)]
        wrong = []
        for name, value in expected.items():
            if lenient and embedded(self.table, name):
                continue
            is_value = row.get(name)
            if name.split("__")[0] in OBJECT_ONLY[self.table] and is_value is None:
                continue
            if is_value != value or type(is_value) is not type(value):
                # Postgres keeps 1e40 as an integer of forty digits.
                if BY_NAME[self.table].columns.get(name, "json") == "json" and (
                    _exact(is_value) == _exact(value)
                ):
                    continue
                wrong.append(f"{name} is {is_value!r:.100}, at Whop {value!r:.100}")
        return "; ".join(wrong[:6]) or None

    def _expected(self, version: Row) -> Row:
        values = columns(self.table, version)
        if not self.on_current:
            return values
        # What only Current fills is not in the row of the simulator's, which is Legacy's.
        given = BY_NAME[self.table].columns.keys() - BY_NAME[self.table].current.columns.keys()
        return on_current(self.table, values, given)

    def _expect_version(self, key: str, versions: list[Row], row: Row, lenient: bool) -> None:
        wrong = [self._matches(version, row, lenient) for version in versions]
        self.scenario.expect(
            None in wrong,
            f"{self.table} {key} ({'full' if self.full else 'incremental'}): {wrong[-1]}",
        )

    def _present(
        self,
        key: str,
        versions: list[Row],
        old: Row | None,
        new: Row | None,
        users: set[str],
        named: set[str],
    ) -> None:
        expect = self.scenario.expect
        first = versions[0]
        listed = all(v.get("visibility") not in HIDDEN.get(self.table, ()) for v in versions)
        known = old is not None and old["_whop_deleted_at"] is None
        if not listed and not known and key not in named:
            if new is not None and new["_whop_deleted_at"] is None:
                self._expect_version(key, versions, new, lenient=False)
            return
        required = self.full or self.table in EVERYTHING
        if not required:
            before = self.seen.world.get(self.table, {}).get(key)
            was = before is not None and self._own(before) == self._own(first)
            if self._detected(first, old, users):
                required = True
                self.seen.stale.discard(key)
            elif not was:
                self.seen.stale.add(key)
            required = required or key not in self.seen.stale
        if self.table in _FIRST:
            self._note_user(key, first, users)
        if required and self.shifting and new == old and (old is None or not self.full):
            # When pages are counted by offset, a row that goes takes the next one's place.
            self.seen.lost.add(key)
        elif required:
            expect(new is not None, f"{self.table} {key} is missing: {str(first)[:300]}")
            assert new is not None
            expect(new["_whop_deleted_at"] is None, f"{self.table} {key} is there, but deleted")
            lenient = not (self.full or self.table in EVERYTHING)
            self._expect_version(key, versions, new, lenient)
        elif new is not None and new != old:
            self._expect_version(key, versions, new, lenient=False)
            expect(new["_whop_deleted_at"] is None, f"{self.table} {key} is there, but deleted")
        elif old is not None:
            expect(new is not None, f"{self.table} {key} was removed")

    def _own(self, row: Row) -> Row:
        shown = self._expected(row)
        return {name: value for name, value in shown.items() if not embedded(self.table, name)}

    def _detected(self, row: Row, old: Row | None, users: set[str]) -> bool:
        """Whether an incremental run must find this row, changed or not."""
        clock = self.seen.clock
        if clock is None:
            return True
        since = iso(clock - LATE)
        if row["created_at"] >= since:
            return True
        if self.table == "payments":
            if self.on_current:
                was_open = old is not None and old["_whop_deleted_at"] is None
                was_open = was_open and old is not None and old["status"] in OPEN_ON_CURRENT
                if row["status"] in OPEN_ON_CURRENT or was_open:
                    return True
                by = [name for name, named in self._newly_named.items() if row["id"] in named]
                if by:
                    # Nothing else tells of an old one where there is no ledger.
                    alone = self.refused and row["created_at"] < iso(self.started - LOOKBACK)
                    self.scenario.coverage[f"named:{by[0]}"] += alone
                    return True
            if self.on_current and not self.refused:
                # Money moved: the ledger names it.
                return bool((row["refunded_at"] or "") >= since)
            if not self.refused:
                return bool(row["updated_at"] >= since)
            reach = iso(self.started - LOOKBACK + timedelta(minutes=1))
            is_open = row["status"] in OPEN and not self.on_current
            return bool(row["created_at"] >= reach or is_open)
        if self.table == "memberships":
            was_live = (
                old is not None and old["status"] not in ENDED and old["_whop_deleted_at"] is None
            )
            return row["status"] not in ENDED or was_live
        if self.table == "members":
            acted = row["most_recent_action_at"]
            user = (row.get("user") or {}).get("id")
            return bool(acted and acted >= since) or user in users
        return False

    @cached_property
    def _newly_named(self) -> dict[str, set[str]]:
        """By table that was read to its end: payments that its rows name which are new."""
        assert self.seen.clock is not None
        since = iso(self.seen.clock - LATE)
        return {
            table: {
                row["payment"]["id"]
                for row in self.worlds[0][table].values()
                if row["created_at"] >= since and row["payment"]
            }
            for table in NAMING
            if self.reports.get((self.company, table), {}).get("status") == "ok"
        }

    def _note_user(self, key: str, row: Row, users: set[str]) -> None:
        """A changed payment or membership that must be found brings its member along."""
        user = (row.get("user") or {}).get("id")
        if user is None or key in self.seen.stale or self.full:
            return
        members = self.scenario.seen[self.company]["members"]
        for world in (self.seen.world, members.world):
            before = world.get(self.table, {}).get(key)
            if before is None or self._own(before) != self._own(row):
                users.add(user)

    def _absent(self, key: str, old: Row | None, new: Row | None) -> None:
        expect = self.scenario.expect
        if old is None:
            expect(new is None, f"{self.table} {key} is loaded, but Whop never had it: {new}")
            return
        expect(new is not None, f"{self.table} {key} was removed from the warehouse")
        assert new is not None
        if old["_whop_deleted_at"] is not None and old["_dlt_load_id"] in self.loads:
            # What a killed run has marked is marked again.
            expect(new == old, f"{self.table} {key}, long gone: {_difference(old, new)}")
            return
        gone = self.full or self.table in EVERYTHING
        gone = gone or (self.table == "memberships" and old["status"] not in ENDED)
        if gone:
            expect(new["_whop_deleted_at"], f"{self.table} {key} is gone but not marked")
        if new != old:
            expect(new["_whop_deleted_at"], f"{self.table} {key} is gone: {_difference(old, new)}")
            for name in old:
                if name not in _STAMPS:
                    expect(old[name] == new[name], f"{self.table} {key}.{name} at its deletion")

    def _came_or_went(
        self, key: str, versions: list[Row], old: Row | None, new: Row | None
    ) -> None:
        """A row that was at Whop during a part of the sync."""
        if new is None:
            self.scenario.expect(old is None, f"{self.table} {key} was removed")
        elif new != old and new["_whop_deleted_at"] is None:
            self._expect_version(key, versions, new, lenient=False)
        # What is left to find is found next time.
        self.seen.stale.discard(key)

    def _check_own(self, key: str, old: Row | None, new: Row | None, loads: set[str]) -> None:
        expect = self.scenario.expect
        if new is None or new == old:
            return
        compared = self.table != "companies" and not self.seen.anew
        if old is not None and compared and old["_dlt_load_id"] in loads:
            same = all(old[name] == new[name] for name in old if name not in _WRITING)
            expect(not same, f"{self.table} {key} was written again, though nothing had changed")
        expect(new["_dlt_load_id"] in loads, f"{self.table} {key}: load {new['_dlt_load_id']}")
        expect(
            new["_whop_synced_at"] in self.starts,
            f"{self.table} {key} was synced at {new['_whop_synced_at']}, not {self.started}",
        )
        deleted = new["_whop_deleted_at"]
        expect(
            deleted is None or deleted in self.starts,
            f"{self.table} {key} was deleted at {deleted}, not {self.started}",
        )


_WRITING = frozenset({"_whop_synced_at", "_dlt_load_id"})
_STAMPS = frozenset({"_whop_synced_at", "_whop_deleted_at", "_dlt_load_id", "_dlt_id"})


def _exact(value: Any) -> Any:
    """A JSON value with its numbers as they are written."""
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(repr(value))
    return value


def _fault(kind: str, **hits: Any) -> Fault:
    if kind.startswith("429"):
        header = kind.endswith("header")
        return Fault("status", status=429, seconds=0.01, retry_after=header, **hits)
    if kind.isdigit():
        return Fault("status", status=int(kind), **hits)
    if kind == "slow":
        return Fault("slow", seconds=0.3, **hits)
    return Fault(kind, **hits)  # type: ignore[arg-type]


def _few(dice: random.Random) -> tuple[int, ...]:
    """Requests to hit: fewer in a row than one request is tried."""
    first = dice.choice((1, 1, 2, 3))
    return (first, first + 1) if ATTEMPTS > 2 and dice.random() < 0.4 else (first,)


def _hit(fault: Fault) -> bool:
    if fault.at:
        return fault.seen >= min(fault.at)
    if fault.since is not None:
        return fault.seen >= fault.since
    return fault.seen > 0

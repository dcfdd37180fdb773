"""Lets one SELECT over the marts through, and nothing else.

What is let through is a list: kinds of expressions, functions, types and tables. And what runs is
written anew from what was read here, so nothing that a database would read in another way than this
parser (comments, dollar quotes, escapes) gets to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from ..names import MARTS, PERSONAL
from .tool import ToolFailed

LONGEST = 20_000
"""Characters of a question."""

_DEEPEST = 60
"""Levels of a question: each is one call on the stack of whoever walks it."""

_HEAVIEST = 20_000
"""Weight of a SELECT once all it is made of is put into it, as a database does: a column of
ten columns of ten columns is ten million terms at the seventh step, and 20 GB of Postgres."""

_KINDS: frozenset[type[exp.Expr]] = frozenset(
    {
        # A query and its parts
        exp.Select, exp.Subquery, exp.Union, exp.Intersect, exp.Except, exp.CTE, exp.With,
        exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered,
        exp.Limit, exp.Offset, exp.Distinct, exp.Table, exp.TableAlias, exp.Alias, exp.Column,
        exp.Identifier, exp.Star, exp.Rollup, exp.Cube, exp.GroupingSets,
        # Values
        exp.Literal, exp.Boolean, exp.Null, exp.Interval, exp.IntervalSpan, exp.Var, exp.Tuple,
        exp.Paren, exp.Values,
        # Operators
        exp.And, exp.Or, exp.Not, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod,
        exp.DPipe, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between,
        exp.Like, exp.ILike, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Exists, exp.Any, exp.All,
        exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam,
        # Aggregates and windows
        exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Stddev, exp.StddevPop, exp.StddevSamp,
        exp.Variance, exp.VariancePop, exp.Median, exp.Mode, exp.PercentileCont, exp.PercentileDisc,
        exp.Quantile, exp.WithinGroup, exp.Filter, exp.LogicalAnd, exp.LogicalOr,
        exp.Corr, exp.Window, exp.WindowSpec, exp.RowNumber, exp.Rank, exp.DenseRank,
        exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
        exp.IgnoreNulls, exp.RespectNulls,
        # Of one value
        exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sign, exp.Sqrt, exp.Pow, exp.Exp, exp.Ln,
        exp.Log, exp.Greatest, exp.Least, exp.Coalesce, exp.Nullif, exp.Lower, exp.Upper, exp.Trim,
        exp.Length, exp.Left, exp.Right, exp.Substring, exp.Concat, exp.StrPosition,
        exp.StartsWith, exp.SplitPart,
        # Of time. Not the clock: what is true now is as of dim_companies.as_of.
        exp.Extract, exp.DateTrunc, exp.TimestampTrunc, exp.DateDiff, exp.DateAdd, exp.DateSub,
        exp.DateFromParts, exp.LastDay, exp.Year, exp.Quarter, exp.Month, exp.Week, exp.Day,
        exp.DayOfWeek, exp.Date, exp.AtTimeZone, exp.TimeToStr,
    }
)  # fmt: skip

_TYPE = exp.DataType.Type
_TYPES = frozenset(
    {
        _TYPE.BOOLEAN, _TYPE.SMALLINT, _TYPE.INT, _TYPE.BIGINT, _TYPE.INT128, _TYPE.DECIMAL,
        _TYPE.FLOAT, _TYPE.DOUBLE, _TYPE.TEXT, _TYPE.VARCHAR, _TYPE.CHAR, _TYPE.DATE, _TYPE.TIME,
        _TYPE.TIMESTAMP, _TYPE.TIMESTAMPTZ, _TYPE.INTERVAL,
    }
)  # fmt: skip

Marts = Mapping[str, Collection[str]]
"""Each table that may be read, `schema.table`, and those of its columns that may be."""


def allowed(sql: str, dialect: str, marts: Marts) -> str:
    """The question as it may be run.

    Args:
        sql: what was asked.
        dialect: duckdb or postgres.
        marts: what may be read.

    Raises:
        ToolFailed: it is not one SELECT over the marts; the text says what is not allowed.
    """
    if len(sql) > LONGEST:
        raise ToolFailed(f"The query has {len(sql):,} characters, over {LONGEST:,}")
    if "\0" in sql:
        raise ToolFailed("There is a character in the query that no text has")
    try:
        statements = sqlglot.parse(sql, dialect=dialect)
    except Exception as error:
        # A parser that is fed nonsense does not always say so in its own words.
        raise ToolFailed(f"The query cannot be read as SQL: {_short(error)}") from None
    if len(statements) != 1 or not isinstance(
        tree := statements[0], exp.Select | exp.Union | exp.Intersect | exp.Except | exp.Subquery
    ):
        raise ToolFailed("Only one SELECT is run: no other statement, and no second one")
    for node in tree.walk():
        _check(node, dialect)
    _weigh(tree, {})
    # In quotes a name is a name: `user` alone would be a function.
    for name in tree.find_all(exp.Identifier):
        name.replace(exp.to_identifier(_spelled(name), quoted=True))
    # Before any is rewritten: what stands in its place is a query of its own.
    for table in [*tree.find_all(exp.Table)]:
        _resolve(table, marts)
    try:
        written = tree.sql(dialect=dialect, comments=False)
        again = sqlglot.parse_one(written, dialect=dialect)
    except Exception as error:
        raise ToolFailed(f"The query cannot be written anew: {_short(error)}") from None
    if again.sql(dialect=dialect, comments=False) != written:
        raise ToolFailed("The query means one thing to its reader and another to its writer")
    return written


def _check(node: exp.Expr, dialect: str) -> None:
    """Refuse what is not on the list."""
    if type(node) not in _KINDS:
        what = node.name if isinstance(node, exp.Anonymous) else type(node).__name__
        clock = isinstance(node, exp.CurrentDate | exp.CurrentTimestamp | exp.CurrentTime)
        advice = ": what is true now is true as of dim_companies.as_of" if clock else ""
        raise ToolFailed(f"{what[:60]} is not allowed in a query{advice}")
    if node.depth > _DEEPEST:
        raise ToolFailed(f"The query is nested more than {_DEEPEST} levels deep")
    if isinstance(node, exp.DataType) and (node.this not in _TYPES or node.args.get("nested")):
        raise ToolFailed(f"The type {node.sql()[:60]} is not allowed in a query")
    if isinstance(node, exp.With) and node.args.get("recursive"):
        raise ToolFailed("WITH RECURSIVE is not allowed: for each day there is time_spine_daily")
    # An old Postgres may read these in a text as it pleases.
    if isinstance(node, exp.Literal) and node.is_string and "\\" in node.this:
        raise ToolFailed("A text in a query cannot have a backslash in it")
    if isinstance(node, exp.Column) and node.args.get("db"):
        raise ToolFailed(f"Name the column by its table alone: {node.name[:60]}")


@dataclass(frozen=True)
class _Weight:
    """Of what a query gives: the heaviest column, and all of them."""

    column: int = 1
    whole: int = 100


def _weigh(query: exp.Expr, defined: Mapping[str, _Weight]) -> _Weight:
    """The weight of a query; refuse one that is too heavy.

    Args:
        query: the query.
        defined: weights of the WITHs that it sees.
    """
    seen = dict(defined)
    if with_ := query.args.get("with_"):
        for each in with_.expressions:
            seen[_spelled(each.args["alias"].this)] = _weigh(each.this, seen)
    if isinstance(query, exp.Subquery):
        return _weigh(query.this, seen)
    if isinstance(query, exp.Union | exp.Intersect | exp.Except):
        one, other = _weigh(query.this, seen), _weigh(query.expression, seen)
        return _Weight(one.column + other.column, one.whole + other.whole)
    if not isinstance(query, exp.Select):
        return _Weight()
    joins = query.args.get("joins") or []
    tables = [part.this for part in (query.args.get("from_"), *joins) if part is not None]
    tables += [join.this for table in tables for join in table.args.get("joins") or []]
    of = [_weight_of_table(table, seen) for table in tables]
    source = _Weight(max([1, *(each.column for each in of)]), sum(each.whole for each in of))
    parts = [
        part
        for name, value in query.args.items()
        if name not in ("with_", "from_", "joins", "expressions")
        for part in (value if isinstance(value, list) else [value])
        if isinstance(part, exp.Expr)
    ]
    parts += [join.args["on"] for join in joins if join.args.get("on")]
    given = [_weight_of(each, source, seen) for each in query.expressions]
    if sum(given) + sum(_weight_of(each, source, seen) for each in parts) > _HEAVIEST:
        raise ToolFailed("The query makes too much of too little: its expressions multiply")
    return _Weight(max([source.column, *given]), sum(given))


def _weight_of_table(table: exp.Expr, seen: Mapping[str, _Weight]) -> _Weight:
    if isinstance(table, exp.Table):
        return _Weight() if table.args.get("db") else seen.get(_spelled(table.this), _Weight())
    return _weigh(table, seen)


def _weight_of(expression: exp.Expr, source: _Weight, seen: Mapping[str, _Weight]) -> int:
    """How many terms an expression has, its columns and queries put into it."""
    weight = 0
    inner = (exp.Select, exp.Union, exp.Intersect, exp.Except)
    for node in expression.walk(prune=lambda node: isinstance(node, inner)):
        if isinstance(node, inner):
            weight += source.column * _weigh(node, seen).whole
        elif isinstance(node, exp.Star):
            weight += source.whole
        else:
            weight += source.column if isinstance(node, exp.Column) else 1
    return weight


def _resolve(table: exp.Table, marts: Marts) -> None:
    """Refuse a table that is no mart; name the others in full."""
    extra = {
        name for name, value in table.args.items() if value and name not in ("this", "db", "alias")
    }
    identifier = table.args["this"]
    if not isinstance(identifier, exp.Identifier) or extra - {"joins"}:
        raise ToolFailed("A table is named by its name alone")
    name, schema = _spelled(identifier), table.args.get("db")
    if schema is None and _is_defined_here(table, name):
        return
    full = f"{_spelled(schema)}.{name}" if schema is not None else f"{MARTS}.{name}"
    if schema is None and full not in marts and f"{PERSONAL}.{name}" in marts:
        full = f"{PERSONAL}.{name}"
    if full not in marts:
        there = ", ".join(sorted(each.removeprefix(f"{MARTS}.") for each in marts))
        raise ToolFailed(f"There is no mart {full[:100]}; there are: {there}")
    in_schema, _, in_table = full.partition(".")
    alias = table.alias or in_table
    real = exp.table_(in_table, db=in_schema, quoted=True)
    new = exp.alias_(real, alias, table=True)
    if given := table.args.get("alias"):
        new.set("alias", given)
    if joins := table.args.get("joins"):
        new.set("joins", joins)
    table.replace(new)


def _is_defined_here(table: exp.Table, name: str) -> bool:
    """Whether a name is that of a WITH which is seen from where the table stands."""
    node: exp.Expr = table
    while node.parent is not None:
        inside, node = node, node.parent
        if isinstance(node, exp.With):
            # From within one: those before it.
            names = [_spelled(each.args["alias"].this) for each in node.expressions]
            place = next(at for at, each in enumerate(node.expressions) if each is inside)
            if name in names[:place]:
                return True
            # The query it belongs to sees no more of it.
            inside, node = node, node.parent or node
            continue
        with_ = node.args.get("with_")
        if with_ is not None and name in [
            _spelled(each.args["alias"].this) for each in with_.expressions
        ]:
            return True
    return False


def _spelled(identifier: exp.Expr) -> str:
    """A name as the database has it."""
    name = str(identifier.this)
    return name if identifier.args.get("quoted") else name.lower()


def _short(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:200]

"""What the filters and the order of a request ask of rows."""

from __future__ import annotations

from collections.abc import Sequence

from .endpoint import EMAIL, Endpoint, Filter
from .options import Options
from .paging import one, only
from .refusal import Refused
from .tables import Test
from .units import parse_ms


def tests_of(
    endpoint: Endpoint, query: dict[str, Sequence[str]], options: Options
) -> tuple[Test, ...]:
    """Takes the filters of an endpoint out of a query; raises Refused."""
    refused = options.refuse.get(endpoint.path, ())
    by_paid_time = (
        options.payments_by == "paid" and endpoint.path == "/payments" and not endpoint.current
    )
    tests: list[Test] = [*endpoint.always]
    for item in endpoint.filters:
        if item.name in query and item.name.removesuffix("[]") in refused:
            raise Refused(400, f"Unknown parameter: {item.name.removesuffix('[]')}")
        values = query.pop(item.name, None)
        test = _test(item, values, options)
        if test is not None:
            tests.append(_by_paid_time(test) if by_paid_time else test)
    return tuple(tests)


def order_of(endpoint: Endpoint, query: dict[str, Sequence[str]]) -> tuple[str, bool]:
    """The property to sort by and whether downwards, taken out of a query; raises Refused."""
    orders = dict(endpoint.orders)
    name = endpoint.orders[0][0]
    direction = "desc"
    if endpoint.takes_order and "order" in query:
        name = one(query, "order") or ""
        if name not in orders:
            raise Refused(400, f"Invalid value for order: {name}")
    if endpoint.takes_direction and "direction" in query:
        direction = one(query, "direction") or ""
        if direction not in ("asc", "desc"):
            raise Refused(400, f"Invalid value for direction: {direction}")
    return orders[name], direction == "desc"


def _by_paid_time(test: Test) -> Test:
    facet, kind, wanted = test
    return "paid_or_created_at" if facet == "created_at" else facet, kind, wanted


_TIMES = {"after": "from", "before": "until", "from": "from", "until": "until"}
_MANY = ("in", "in_or_none", "any_of", "all_of")


def _test(item: Filter, values: Sequence[str] | None, options: Options) -> Test | None:
    if item.kind == "shown":
        return item.facet, "in", _visible(item, values)
    if item.kind == "free":
        wants_free = values is not None and _boolean(item.name, only(item.name, values))
        return None if wants_free else (item.facet, "in", frozenset({False}))
    if values is None:
        return (item.facet, "out", frozenset(item.left_out)) if item.left_out else None
    if item.kind in _MANY:
        return item.facet, "any" if item.kind == "any_of" else item.kind, _meant(item, values)
    value = only(item.name, values)
    if item.kind == "given":
        _check(item, values)
        return None
    if item.kind in _TIMES:
        closed = options.bounds == "inclusive" or item.kind in ("from", "until")
        return item.facet, _TIMES[item.kind] if closed else item.kind, _moment(item, value)
    if item.kind in ("after_unix", "before_unix"):
        numeric = value.isascii() and value.isdigit()
        moment = int(value) * 1000 if numeric else _moment(item, value)
        return item.facet, item.kind.removesuffix("_unix"), moment
    if item.kind in ("stars_from", "stars_to"):
        if value not in ("1", "2", "3", "4", "5"):
            raise Refused(400, f"Invalid value for {item.name}: {value}")
        return item.facet, "from" if item.kind == "stars_from" else "until", int(value)
    if item.kind in ("least", "most"):
        try:
            return item.facet, "from" if item.kind == "least" else "until", float(value)
        except ValueError:
            raise Refused(400, f"Invalid value for {item.name}: {value}") from None
    if item.kind == "true":
        wanted = _boolean(item.name, value)
        return (item.facet, "in", frozenset({True})) if wanted else None
    if item.kind == "bool":
        return item.facet, "in", frozenset({_boolean(item.name, value)})
    if item.kind == "text":
        facet = item.facet
        if facet == "search" and EMAIL not in options.permissions:
            facet = "search_public"
        return facet, "text", value.lower()
    return item.facet, "any" if item.kind == "any" else "in", _meant(item, [value])


def _moment(item: Filter, value: str) -> int:
    try:
        return parse_ms(value)
    except ValueError:
        raise Refused(400, f"Invalid timestamp for {item.name}: {value}") from None


def _boolean(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise Refused(400, f"Invalid value for {name}: {value}")
    return value == "true"


def _check(item: Filter, values: Sequence[str]) -> None:
    for value in values:
        if item.among and value not in item.among:
            raise Refused(400, f"Invalid value for {item.name.removesuffix('[]')}: {value}")


def _meant(item: Filter, values: Sequence[str]) -> frozenset[str]:
    _check(item, values)
    return frozenset(meant for value in values for meant in item.means.get(value, (value,)))


def _visible(item: Filter, values: Sequence[str] | None) -> frozenset[str]:
    """The visibilities asked for, some of which stand for several."""
    every = frozenset({"visible", "hidden", "archived", "quick_link"})
    if values is None:
        return every.difference(item.left_out)
    _check(item, values)
    shown: set[str] = set()
    for value in values:
        if value == "all":
            shown |= every
        elif value.startswith("not_"):
            shown |= every - {value.removeprefix("not_")}
        else:
            shown.add(value)
    return frozenset(shown)

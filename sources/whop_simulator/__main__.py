"""The simulator as a process of its own: `python -m whop_simulator --members 1000`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from .business import Business
from .endpoints import ALL_PERMISSIONS
from .options import Options
from .refusal import Refused
from .server import DEFAULT_KEY, Server
from .surfaces import CURRENT, LEGACY


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the businesses, say where they are, and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="whop-elt simulate",
        description=main.__doc__,
        epilog="Example: whop-elt simulate --members 1000 --years 3 --port 8787",
    )
    parser.add_argument("--members", type=int, default=1000, help="members of each company")
    parser.add_argument("--years", type=float, default=3.0, help="years of history")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--companies", type=int, default=1, help="companies the key can reach")
    parser.add_argument("--clock", type=datetime.fromisoformat, help="simulated time, ISO 8601")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--api-key", default=DEFAULT_KEY)
    parser.add_argument(
        "--pin",
        metavar="DATE",
        help="API version of the key, which answers where no header asks for another: "
        f"{CURRENT} is that of a key made today, {LEGACY} (the default) that of an old one",
    )
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to every answer")
    parser.add_argument("--rate-limit", type=int, help="requests a minute and operation")
    parser.add_argument("--retry-after", action="store_true", help="send Retry-After with a 429")
    parser.add_argument("--paging", choices=("keyset", "offset"), default="keyset")
    parser.add_argument("--bounds", choices=("inclusive", "exclusive"), default="exclusive")
    parser.add_argument("--refuse", action="append", default=[], metavar="PATH:PARAMETER")
    parser.add_argument("--tenant", action="append", default=[], metavar="PATH:NAME")
    parser.add_argument("--without-permission", action="append", default=[], metavar="NAME")
    given = parser.parse_args(arguments)
    if given.members < 0 or given.years <= 0 or given.companies < 1:
        parser.error("--members cannot be negative; --years and --companies must be positive")

    refuse: dict[str, set[str]] = {}
    for path, _, name in (pair.partition(":") for pair in given.refuse):
        refuse.setdefault(path, set()).add(name)
    tenant = {path: name for path, _, name in (pair.partition(":") for pair in given.tenant)}
    businesses = [
        Business(given.seed + number, given.members, given.years, given.clock)
        for number in range(given.companies)
    ]
    try:
        options = Options(
            pin=given.pin,
            paging=given.paging,
            bounds=given.bounds,
            refuse=refuse,
            tenant=tenant,
            permissions=ALL_PERMISSIONS - set(given.without_permission),
        )
    except Refused as refusal:
        parser.error(f"--pin: {refusal.message}")
    server = Server(
        businesses,
        port=given.port,
        latency=given.latency,
        rate_limit=given.rate_limit,
        retry_after=given.retry_after,
        api_key=given.api_key,
        options=options,
    )
    companies = " ".join(business.company_id for business in businesses)
    print(f"{server.base_url} {server.api_key} {companies}")
    print(f"export SOURCES__WHOP__BASE_URL={server.base_url}")
    print(f"export SOURCES__WHOP__API_KEY={server.api_key}", flush=True)
    with suppress(KeyboardInterrupt):
        server.run()
    server.close()


if __name__ == "__main__":
    main()

"""A local stand-in for Whop's API: simulated businesses, served over real HTTP on loopback.

from whop_simulator import Business, serve

with serve(Business(members=1000)) as server:
    print(server.base_url, server.api_key)
"""

from .business import DEFAULT_CLOCK, Business
from .endpoints import ALL_PERMISSIONS
from .faults import Fault, Faults
from .options import Deprecated, Options
from .server import DEFAULT_KEY, Server, serve
from .surfaces import CURRENT, KNOWN_DATES, LEGACY

__all__ = [
    "ALL_PERMISSIONS",
    "CURRENT",
    "DEFAULT_CLOCK",
    "DEFAULT_KEY",
    "KNOWN_DATES",
    "LEGACY",
    "Business",
    "Deprecated",
    "Fault",
    "Faults",
    "Options",
    "Server",
    "serve",
]

"""A local stand-in for Whop's API: simulated businesses, served over real HTTP on loopback.

from sources.whop_simulator import Business, serve

with serve(Business(members=1000)) as server:
    print(server.base_url, server.api_key)
"""

from .business import DEFAULT_CLOCK, Business
from .endpoints import ALL_PERMISSIONS
from .faults import Fault, Faults
from .server import DEFAULT_KEY, Server, serve

__all__ = [
    "ALL_PERMISSIONS",
    "DEFAULT_CLOCK",
    "DEFAULT_KEY",
    "Business",
    "Fault",
    "Faults",
    "Server",
    "serve",
]

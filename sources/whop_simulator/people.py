"""Who a customer is: name, e-mail, phone and address, made from a number alone."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from .units import mix


@dataclass(frozen=True)
class Country:
    """Where customers live: how they pay, are taxed and are called there."""

    code: str
    currency: str
    tax_rate: float
    phone: str
    cities: tuple[tuple[str, str, str | None], ...]  # city, postal code, state
    streets: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


_US = Country(
    "US",
    "usd",
    0.0,
    "+1415",
    (("Austin", "78701", "TX"), ("Brooklyn", "11201", "NY"), ("Portland", "97205", "OR")),
    ("Maple Street", "5th Avenue", "O'Neil Road"),
    ("Ava", "Liam", "Zoë", "Noah", "Mia", "Ethan", "Renée", "Jayden", "Olivia", "DeShawn"),
    ("Smith", "Johnson", "O'Brien", "Garcia", "Nguyen", "Lee", "Patel", "Brown", "Kim", "Davis"),
)
_GB = Country(
    "GB",
    "gbp",
    0.20,
    "+4420",
    (("London", "SW1A 1AA", None), ("Leeds", "LS1 4AP", None), ("Cardiff", "CF10 1EP", None)),
    ("High Street", "Station Road", "King's Mews"),
    ("Amelia", "Oliver", "Siân", "George", "Isla", "Rhys", "Freya", "Alfie"),
    ("Taylor", "Evans", "Hughes", "Khan", "Walker", "Llewellyn", "Clarke", "Ahmed"),
)
_DE = Country(
    "DE",
    "eur",
    0.19,
    "+4930",
    (("München", "80331", "Bayern"), ("Köln", "50667", None), ("Berlin", "10115", None)),
    ("Hauptstraße", "Königsallee", "Am Weiher"),
    ("Jürgen", "Lena", "Björn", "Anneliese", "Käthe", "Moritz", "Sören", "Hannah"),
    ("Müller", "Schäfer", "Weiß", "Fischer", "Özdemir", "Krüger", "Groß", "Vogel"),
)
_NL = Country(
    "NL",
    "eur",
    0.21,
    "+3120",
    (("Amsterdam", "1012 JS", None), ("'s-Hertogenbosch", "5211 AA", None)),
    ("Prinsengracht", "Kerkstraat"),
    ("Daan", "Sanne", "Anaïs", "Jeroen", "Fleur", "Thijs"),
    ("de Vries", "van den Berg", "Jansen", "Visser", "Bakker", "Meijer"),
)
_FR = Country(
    "FR",
    "eur",
    0.20,
    "+3314",
    (("Paris", "75011", None), ("Besançon", "25000", None), ("Saint-Étienne", "42000", None)),
    ("Rue de l'Église", "Avenue Foch"),
    ("Chloé", "François", "Hélène", "Loïc", "Maëlys", "Théo"),
    ("Lefèvre", "Dubois", "Gonçalves", "Benoît", "Moreau", "Noël"),
)
_PL = Country(
    "PL",
    "usd",
    0.23,
    "+4822",
    (("Łódź", "90-001", None), ("Kraków", "31-001", None)),
    ("ulica Długa", "Żelazna"),
    ("Łukasz", "Małgorzata", "Zdzisław", "Agnieszka", "Paweł"),
    ("Żółkowski", "Wiśniewska", "Dąbrowski", "Śliwa", "Nowak"),
)
_JP = Country(
    "JP",
    "jpy",
    0.10,
    "+8133",
    (("東京都港区", "105-0011", None), ("大阪市北区", "530-0001", None)),
    ("芝公園", "梅田"),
    ("太郎", "花子", "さくら", "健", "美咲"),
    ("山田", "佐藤", "鈴木", "高橋", "渡辺"),
)
_UA = Country(
    "UA",
    "usd",
    0.0,
    "+3804",
    (("Київ", "01001", None), ("Львів", "79000", None)),
    ("вулиця Хрещатик", "вулиця Зелена"),
    ("Олена", "Андрій", "Катерина", "Богдан"),
    ("Шевченко", "Коваленко", "Бондар", "Мельник"),
)
_BR = Country(
    "BR",
    "usd",
    0.0,
    "+5511",
    (("São Paulo", "01310-100", "SP"), ("Goiânia", "74003-010", "GO")),
    ("Rua Três Irmãos", "Avenida Paulista"),
    ("João", "Conceição", "Thaís", "Mário", "Letícia"),
    ("Gonçalves", "Araújo", "Silva", "Magalhães", "Lima"),
)
# Each country as often as its share of customers in 20.
_MIX = (_US,) * 9 + (_GB,) * 2 + (_DE,) * 2 + (_NL, _FR, _PL, _JP, _JP, _UA, _BR)
_MAIL = ("gmail.com", "outlook.com", "proton.me", "icloud.com", "müller.example", "mail.example")


@dataclass(frozen=True)
class Person:
    """What identifies a customer: none of it may end up where it should not."""

    name: str | None
    username: str
    email: str
    phone: str | None
    address: dict[str, str | None]


@dataclass(slots=True)
class User:
    """Somebody with an account at Whop: a customer or one of the staff."""

    number: int
    created_at: int
    username: str


def country_of(key: int, number: int) -> Country:
    """Where somebody lives."""
    return _MIX[(mix(key, number) >> 8) % len(_MIX)]


@lru_cache(maxsize=50_000)
def person(key: int, number: int) -> Person:
    """Somebody, always the same for the same number."""
    bits = mix(key, number)
    country = country_of(key, number)
    first = country.first_names[(bits >> 20) % len(country.first_names)]
    last = country.last_names[(bits >> 26) % len(country.last_names)]
    city, postal_code, state = country.cities[(bits >> 32) % len(country.cities)]
    name = f"{last} {first}" if country is _JP else f"{first} {last}"
    if bits >> 38 & 63 == 0:
        name = f"{name} 🚀"
    # The number at the end keeps usernames and e-mails unique.
    username = f"{_latin(first)}.{_latin(last)}.{number:x}"
    address = {
        "city": city,
        "country": country.code,
        "line1": f"{(bits >> 44) % 180 + 1} {country.streets[(bits >> 52) % len(country.streets)]}",
        "line2": f"Apt {(bits >> 50) % 60 + 1}" if bits >> 56 & 3 == 0 else None,
        "name": name,
        "postal_code": postal_code,
        "state": state,
    }
    return Person(
        name=None if bits >> 58 == 0 else name,
        username=username,
        email=f"{username}@{_MAIL[(bits >> 14) % len(_MAIL)]}",
        phone=None if bits >> 60 & 3 == 0 else f"{country.phone}{bits % 10_000_000:07}",
        address=address,
    )


@lru_cache(maxsize=512)
def _latin(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z]", "", plain) or f"u{sum(map(ord, text)) % 1000}"

"""What customers get, and what they say: experiences, parcels, reviews and their files.

Every row follows from the lives of the members and the clock; none has a life of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import company
from .rows import public_user
from .seller import Seller, bits_of, payments_of
from .units import DAY, HOUR, Row, iso

_FILES = 1 << 48
"""Files that came with reviews are numbered beyond those a key creates."""


def experiences(business: Seller) -> Iterator[tuple[int, Row]]:
    """What members open: one per product, run by one of the company's apps."""
    apps = company.apps(business.key, business.start_ms, business.end_ms, business.clock_ms)
    for item in business.catalogue.products if business.staffed and apps else ():
        app = apps[item.number % len(apps)]
        at = max(item.created_at, app.created_at) + HOUR
        if at > business.clock_ms:
            continue
        slug = app.name.lower().replace(" ", "-")
        product_id = business.ids["products"].encode(item.number)
        yield (
            item.number,
            {
                "id": business.ids["experiences"].encode(item.number),
                "app": {
                    "id": business.ids["apps"].encode(app.number),
                    "icon": {"url": f"https://assets.whop.invalid/{slug}.png"},
                    "name": app.name,
                },
                "company": business.company,
                "created_at": iso(at),
                "image": None,
                "is_public": item.number == 3,
                "name": f"{item.title} {app.name}",
                "order": f"a{item.number}",
                "products": [
                    {
                        "id": product_id,
                        "route": item.title.lower().replace(" ", "-"),
                        "title": item.title,
                    }
                ],
                "_product_id": product_id,
            },
        )


def shipments(business: Seller) -> Iterator[tuple[int, Row]]:
    """Parcels that go with some one-time payments."""
    for item in payments_of(business):
        bits = bits_of(business, "parcel", item.number)
        if item.reason != "one_time" or item.paid_at is None or bits % 3:
            continue
        at = item.paid_at + DAY
        days = (business.clock_ms - at) / DAY
        if days < 0:
            continue
        status = "delivered" if days > 6 else "in_transit" if days > 1 else "pre_transit"
        yield (
            item.number,
            {
                "id": business.ids["shipments"].encode(item.number),
                "carrier": ("usps", "dhl_express", "royal_mail")[bits % 3],
                "created_at": iso(at),
                "delivery_estimate": iso(at + 6 * DAY),
                "payment": {"id": item.id},
                "service": "Priority" if bits % 2 else None,
                "status": status,
                "substatus": "label_created" if status == "pre_transit" else None,
                "tracking_code": f"TR{bits % 10**10:010}",
                "updated_at": iso(at + int(DAY * min(6.5, days // 1))),
                "_user_id": None if item.guest else item.member.user_id,
            },
        )


def _attachment(business: Seller, number: int) -> Row:
    file_id = business.ids["files"].encode(_FILES + number)
    return {
        "id": file_id,
        "content_type": "image/png",
        "filename": f"screenshot-{number}.png",
        "url": f"https://cdn.whop.invalid/{file_id}",
    }


def reviews(business: Seller) -> Iterator[tuple[int, Row]]:
    """What some members say of what they bought first."""
    for member in business.members:
        bits = bits_of(business, "review", member.number)
        at = member.created_at + 10 * DAY
        if bits % 8 or at > business.clock_ms or not member.memberships:
            continue
        product = member.memberships[0].plan.product
        published = at + 2 * DAY
        seen = published <= business.clock_ms
        yield (
            member.number,
            {
                "id": business.ids["reviews"].encode(member.number),
                "attachments": [_attachment(business, member.number)] if bits % 32 == 0 else [],
                "company": business.company,
                "created_at": iso(at),
                "description": "Worth it. 👍" if bits % 16 else "",
                "joined_at": iso(member.created_at),
                "paid_for_product": member.spent > 0 if bits % 64 else None,
                "product": {
                    "id": business.ids["products"].encode(product.number),
                    "title": product.title,
                },
                "published_at": iso(published) if seen else None,
                "stars": (5, 5, 4, 5, 3, 1)[bits // 64 % 6],
                "status": ("removed" if bits // 512 % 29 == 0 else "published")
                if seen
                else "pending",
                "title": None if bits % 3 else "Good room",
                "updated_at": iso(published if seen else at),
                "user": public_user(business, member.number),
            },
        )


def files(business: Seller) -> Iterator[tuple[int, Row]]:
    """What was attached to reviews."""
    for number, review in reviews(business):
        for attachment in review["attachments"]:
            yield (
                _FILES + number,
                {
                    **attachment,
                    "size": str(20_000 + number),
                    "upload_status": "ready",
                    "visibility": "public",
                    "_created_at": review["created_at"],
                    "_theirs": True,
                },
            )

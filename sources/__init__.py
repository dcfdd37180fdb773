"""dlt sources of whop-elt."""

"""Random businesses, syncs, faults and kills; afterwards the warehouse must equal Whop."""

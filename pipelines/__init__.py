"""From a Whop API key to tables that answer: extract, load, model, tell."""

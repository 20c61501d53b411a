"""Propensity: how likely a customer is to accept an offer, learned from outcomes or brought by the user."""

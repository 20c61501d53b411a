"""Every keyword in one line with an example: shown beside a completion and over a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keyword:
    """`says` is one sentence, `example` a piece of a rule."""

    says: str
    example: str


KEYWORDS: Mapping[str, Keyword] = {
    # declarations
    "rule": Keyword("Names the rule that follows; the name keeps its history when the rule is edited.", "rule welcome"),
    "segment": Keyword("Names a condition that rules may use.", "segment loyal: tenure >= 2 years"),
    "test": Keyword(
        "Gives a made-up customer, a moment and what must come of it.", 'test "new" given tenure = 1 month'
    ),
    "on": Keyword(
        "Says at which moment the rule is looked at; of a date, that it is that day.", "on billing_anniversary"
    ),
    "was": Keyword("The rule's former name, so that its history follows it.", "rule cyber_monday was black_friday"),
    "where": Keyword("Says for whom; behind counted events, which of them.", "where tenure > 12 months"),
    # conditions
    "and": Keyword("Both must be true.", "plan = basic and tenure > 12 months"),
    "or": Keyword("One of them must be true, or one of the moments must come.", "country = US or country is missing"),
    "not": Keyword("The opposite; what is missing matches neither.", "not has backup"),
    "=": Keyword("Is the same.", "plan = basic"),
    "!=": Keyword("Is known and something else.", "plan != basic"),
    "<": Keyword("Is less.", "tenure < 6 months"),
    "<=": Keyword("Is at most.", "seats <= 3"),
    ">": Keyword("Is more.", "tenure > 12 months"),
    ">=": Keyword("Is at least.", "satisfaction >= 8"),
    "is": Keyword("The same as =.", "billing_interval is year"),
    "is not": Keyword("The same as !=.", "plan is not premium"),
    "in": Keyword("Is one of a list.", "country in (DE, FR)"),
    "not in": Keyword("Is known and none of a list.", "country not in (DE, FR)"),
    "between": Keyword("Lies between two values, both included.", "mrr between $8 and $50"),
    "not between": Keyword("Lies outside two values.", "tenure not between 3 months and 6 months"),
    "is known": Keyword("There is a value.", "country is known"),
    "is missing": Keyword("There is no value.", "plan is missing"),
    "contains": Keyword("The text has this in it.", 'topic contains "slow"'),
    "starts with": Keyword("The text begins like this.", 'page starts with "/pricing"'),
    "ends with": Keyword("The text ends like this.", 'email ends with "@example.com"'),
    "like": Keyword("The text looks like a pattern: * is any letters, ? is one.", 'page like "/pricing*"'),
    "includes": Keyword("The set has this in it.", "interests includes sport"),
    "within": Keyword("From today until this far ahead, inclusive.", "trial_ends_on within 7 days"),
    "within last": Keyword("From this long ago until today, inclusive.", "started_on within last 7 days"),
    "before": Keyword("An earlier date, or days before a moment.", "on 7 days before renewal"),
    "after": Keyword("A later date, or days after a moment.", "on 1 day after support_call"),
    "more than": Keyword("Longer ago than this.", "last website_visit more than 14 days ago"),
    "less than": Keyword("Not as long ago as this.", "last website_visit less than 14 days ago"),
    "ago": Keyword("Before now.", "last website_visit more than 14 days ago"),
    "has": Keyword("The subscription holds the add-on.", "has backup"),
    "is tagged": Keyword("The customer carries the tag.", "is tagged vip"),
    "is not tagged": Keyword("The customer does not carry the tag.", "is not tagged vip"),
    "any": Keyword("At least one such event happened.", "any payment_failed in last 12 months"),
    "no": Keyword("No such event happened; in a test, the rule did nothing.", "no payment_failed in last 12 months"),
    "last": Keyword("When the last of these events happened.", "last website_visit more than 14 days ago"),
    "count of": Keyword("How many of these events happened.", "count of support_call in last 30 days < 3"),
    "sum of": Keyword(
        "What a property of these events adds up to.", "sum of amount of purchase in last 90 days > $100"
    ),
    "in last": Keyword("Only events of this much time until now.", "in last 30 days"),
    "of": Keyword("Whose, or a share of what.", "80% of quota of storage"),
    "usage of": Keyword("How much of a meter is used.", "usage of storage >= 80% of quota of storage"),
    "quota of": Keyword("How much of a meter the plan includes.", "usage of storage > quota of storage"),
    "was offered": Keyword("It was offered to the customer before.", "was offered premium in last 90 days"),
    "was not offered": Keyword("It was not offered to the customer before.", "was not offered premium in last 90 days"),
    "offered": Keyword("It was offered to the customer before.", "was offered premium in last 90 days"),
    "accepted": Keyword("The customer accepted it before.", "accepted any in last 1 year"),
    "known": Keyword("There is a value.", "country is known"),
    "missing": Keyword("There is no value.", "country is missing"),
    "tagged": Keyword("The customer carries the tag.", "is tagged vip"),
    # actions
    "offer": Keyword("Proposes a plan or an add-on.", "offer premium at 20% off for 3 months"),
    "best of": Keyword("Of several, the one that is best for the customer.", "offer best of standard, premium"),
    "at": Keyword("The price of the offer; in a test, the day.", "offer premium at 20% off"),
    "with": Keyword("Something free beside the offer.", "offer standard with 1 month free"),
    "for": Keyword("How long the price holds.", "at 20% off for 3 months"),
    "off": Keyword("Less than the price.", "at $5 off"),
    "free": Keyword("Without paying.", "with 1 month free"),
    "say": Keyword("Sends a message: a template's name, or text in quotes.", "say thank_you"),
    "tag": Keyword("Marks the customer.", "tag vip"),
    "untag": Keyword("Takes a mark off the customer.", "untag vip"),
    "call": Keyword("Gives a person or a system something to do.", "call crm_follow_up"),
    # clauses
    "via": Keyword("Through which channels; each one listed.", "via email, in_app"),
    "as": Keyword("As marketing (the default) or as service.", "as service"),
    "priority": Keyword("Of two that meet, the higher goes first; 0 unless said.", "priority 10"),
    "worth": Keyword("Adds to what the offer is worth to us.", "worth $30"),
    "from": Keyword("The first day of the rule.", "from 2026-11-20"),
    "until": Keyword("The last day of the rule.", "until 2026-11-30"),
    "at most": Keyword("How often a customer, or how many customers.", "at most once per 90 days"),
    "once": Keyword("One time in a period.", "at most once per 90 days"),
    "per": Keyword("In each of these periods.", "at most 500 customers per day"),
    "customers": Keyword("How many customers in a period.", "at most 500 customers per day"),
    "budget": Keyword("What may be given away in a day, week or month.", "budget $5000 per week"),
    "hold out": Keyword("A share that gets nothing, to measure the others against.", "hold out 10%"),
    "expires after": Keyword("How long the offer stands.", "expires after 14 days"),
    "goal": Keyword("What counts as a success.", "goal upgrade within 30 days"),
    "catch up": Keyword("How late a missed occasion may still be sent.", "catch up within 3 days"),
    "never": Keyword("Not at all when it is late.", "catch up never"),
    "split": Keyword("Tries several actions on shares of the customers.", "split 50% offer basic 50% offer family"),
    # tests
    "given": Keyword("What the made-up customer is like.", "given plan = basic, tenure = 13 months"),
    "expect": Keyword("What must come of it.", "expect offer premium at 20% off"),
    "nothing": Keyword("No contact at all.", "expect nothing"),
    "arm": Keyword("The customer is in this arm of the split.", "given arm small"),
}


def documentation(keyword: str) -> str:
    """The sentence and the example; "" for what is no keyword."""
    found = KEYWORDS.get(keyword)
    return f"{found.says} Example: {found.example}" if found else ""

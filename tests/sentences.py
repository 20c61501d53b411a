"""Random well-formed files of rules over the golden catalog: every construction of the language, with types that fit.

A sentence is drawn as words and laid out with spaces, line breaks and comments between them. What is drawn checks
without errors, but for conditions that happen to be never true.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

Text = st.SearchStrategy[str]

PLANS = ("free", "basic", "standard", "premium", "family")
ADDONS = ("backup", "storage_plus", "priority_support")
FLAGS = ("autopay", "marketing_ok")
ENUMS = {
    "country": ("US", "DE", "FR", '"GB"', "jp"),
    "status": ("trialing", "active", "past_due", "paused"),
    "billing_interval": ("month", "year"),
    "payment_method": ("card", "bank_transfer"),
    "plan": PLANS,
}
TEXTS = ("first_name", "email", "locale")
SETS = {"interests": ("sport", "music", "film", '"cooking"')}
DATES = ("date_of_birth", "started_on", "trial_ends_on", "renews_on")
ATTRIBUTES = (*FLAGS, *ENUMS, *TEXTS, *SETS, *DATES, "seats", "satisfaction", "mrr", "tenure")
EVENTS = ("website_visit", "download", "purchase", "support_call", "email_opened")
PROPERTIES = {
    "website_visit": ('page like "/p*"', "seconds > 20", 'referrer is known and not (page contains "x")'),
    "support_call": ("minutes >= 30", "not resolved", 'topic starts with "bill"', "resolved is missing"),
    "purchase": ("amount > $5", 'item = "mug"'),
    "payment_failed": ("attempt >= 2", "event.amount between $5 and $50"),
    "upgrade": ("to_plan = premium", "from_plan in (free, basic)"),
    "usage_alert": ("meter = storage and level >= 80%", "level = 100%", "event.used > 3"),
}
SCHEDULED = ("billing_anniversary", "signup_anniversary", "birthday", "renewal", "trial_ending")
HAPPENING = (*PROPERTIES, "download", "account_shared", "email_clicked")
SEGMENTS = ("loyal", "quiet", "big")


def of(*words: str) -> Text:
    return st.sampled_from(words)


def spaced(*parts: Text) -> Text:
    """The parts in a row; empty ones leave no gap."""
    return st.tuples(*parts).map(lambda drawn: " ".join(filter(None, drawn)))


def maybe(part: Text) -> Text:
    return st.one_of(st.just(""), part)


def numbers(low: int, high: int) -> Text:
    return st.integers(low, high).map(str)


def joined(word: str, part: Text, least: int = 1, most: int = 3) -> Text:
    return st.lists(part, min_size=least, max_size=most, unique=True).map(word.join)


@st.composite
def ordered(draw: st.DrawFn, form: str, low: int, high: int) -> str:
    """Two numbers in order, each in a form such as `{} months`, joined for `between`."""
    first, second = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
    return f"{form.format(first)} and {form.format(second)}"


# --- values ----------------------------------------------------------------------------------------------------------

COMPARE = of("=", "!=", "<", "<=", ">", ">=", "is", "is not")
ORDER = of("<", "<=", ">", ">=")
TEXT = of('"a"', '"Ångström"', '"say \\"hi\\""', '"50% off # no comment"', '"C:\\\\x"')
MONEY = of("$5", "$29.99", "240 USD", "20 usd")
TIME = st.one_of(
    spaced(numbers(2, 90), of("days", "DAYS")), spaced(numbers(2, 11), of("weeks", "months")), of("1 year")
)
WINDOW = spaced(of("in last", "in the last"), TIME)


@st.composite
def counted_events(draw: st.DrawFn) -> str:
    """`download where (...) in last 7 days`, in either order."""
    event = draw(of(*EVENTS))
    where = draw(maybe(of(*(f"where ({test})" for test in PROPERTIES.get(event, ())), ""))).replace("event.", "")
    window = draw(maybe(WINDOW))
    parts = (event, where, window) if draw(st.booleans()) else (event, window, where)
    return " ".join(filter(None, parts))


COUNTED = st.one_of(
    of("usage of storage", "quota of api_calls"),
    spaced(of("count of"), counted_events()),
    spaced(of("sum of minutes of support_call"), maybe(WINDOW)),
)


def quantities(attributes: Text) -> Text:
    """Numbers to compare, with arithmetic. On the right a bare word is a value: attributes there say whose they are."""
    plain = st.one_of(attributes, COUNTED)
    return st.one_of(
        plain,
        st.builds("({} {} {})".format, plain, of("+", "-", "*", "/"), st.one_of(plain, numbers(1, 9))),
        st.builds("{} * {}".format, plain, of("2", "1.5", "-3")),
        st.builds("{}% of quota of storage".format, numbers(1, 99)),
    )


LEFT = quantities(of("satisfaction", "seats", "customer.satisfaction"))
RIGHT = quantities(of("customer.satisfaction", "subscription.seats"))
AMOUNT = st.one_of(
    of("mrr", "mrr * 12", "subscription.mrr / 2", "mrr - $1"), spaced(of("sum of amount of purchase"), WINDOW)
)


# --- conditions ------------------------------------------------------------------------------------------------------


@st.composite
def choices(draw: st.DrawFn) -> str:
    """A word of a closed list."""
    attribute = draw(of(*ENUMS))
    values = of(*ENUMS[attribute])
    listed = draw(joined(", ", values))
    form = draw(of("{} = {}", "{} is not {}", "{} != {}", "{} in ({})", "{} is in ({})", "{} not in ({})"))
    return form.format(attribute, listed if "(" in form else draw(values))


LEAF = st.one_of(
    choices(),
    of(*FLAGS, *SEGMENTS),
    st.builds("{} {} {}".format, of(*TEXTS), of("=", "contains", "starts with", "not ends with", "is not"), TEXT),
    st.builds('{} {} "{}"'.format, of(*TEXTS), of("like", "not like"), of("*@example.com", "A?a*", "*")),
    st.builds("interests {} {}".format, of("includes", "not includes"), of(*SETS["interests"])),
    st.builds("{} is {}".format, of(*ATTRIBUTES), of("known", "missing", "not known", "not missing")),
    st.builds("has {}".format, of(*ADDONS)),
    st.builds("is {}tagged {}".format, of("", "not "), of("vip", "do_not_sell")),
    st.builds("tenure {} {}".format, ORDER, st.one_of(numbers(1, 60), spaced(numbers(1, 5), of("years", "months")))),
    st.builds("tenure {}between {}".format, of("", "not ", "is "), ordered("{} months", 0, 60)),
    st.builds("seats {} ({}, {})".format, of("in", "not in"), numbers(1, 3), numbers(4, 9)),
    st.builds("{} {} {}".format, LEFT, COMPARE, st.one_of(numbers(0, 40), RIGHT)),
    st.builds("satisfaction between {}".format, ordered("{}.5", 0, 9)),
    st.builds("{} {} {}".format, AMOUNT, ORDER, MONEY),
    st.builds("mrr between {}".format, ordered("${}", 1, 90)),
    st.builds(
        "{} {} 2025-0{}-1{}".format, of(*DATES), of("before", "after", "on", "is before"), numbers(1, 9), numbers(0, 9)
    ),
    st.builds("{} {} {}".format, of(*DATES), of("within", "within last", "not within", "within the next"), TIME),
    st.builds("last {} {} {} ago".format, of(*EVENTS), of("more than", "less than"), TIME),
    st.builds("last {} is {}".format, of(*EVENTS), of("known", "missing")),
    spaced(of("any", "no"), counted_events()),
    spaced(of("was offered", "was not offered", "accepted"), of(*PLANS, *ADDONS, "any"), maybe(WINDOW)),
)


def conditions(leaf: Text = LEAF, leaves: int = 6) -> Text:
    def deeper(inner: Text) -> Text:
        group = st.builds("({})".format, inner)
        return st.one_of(
            st.builds("not {}".format, group),
            st.lists(st.one_of(leaf, group), min_size=2, max_size=3).map(" and ".join),
            st.lists(st.one_of(leaf, group), min_size=2, max_size=3).map(" or ".join),
        )

    return st.recursive(leaf, deeper, max_leaves=leaves)


# --- rules -----------------------------------------------------------------------------------------------------------

PRICE = spaced(
    of("at"), of("20% off", "12.5% off", "$5 off", "5 USD off", "$3.99"), maybe(of("for 3 months", "for 1 year"))
)
TERMS = spaced(maybe(PRICE), maybe(of("with 1 month free", "with 2 months free")))
OFFER = st.one_of(
    spaced(of("offer"), of(*PLANS[1:], "storage_plus"), TERMS, maybe(of("with backup"))),
    spaced(of("offer best of"), joined(", ", of(*PLANS[1:]), least=2), TERMS),
)
SAY = spaced(of("say"), of("hello", "\"Hello, {{ first_name | default: 'friend' }}!\""))
QUIET = st.one_of(spaced(of("tag", "untag"), of("vip", "seen")), of("call crm_follow_up"))

CLAUSES = (
    spaced(of("via"), joined(", ", of("email", "in_app", "agent_screen"))),
    spaced(of("priority"), of("10", "-5", "0")),
    spaced(of("worth"), of("$30", "12.50 USD")),
    of("from 2026-01-01", "until 2027-06-30", "from 2026-01-01 until 2027-06-30"),
    spaced(of("at most once per"), of("90 days", "week", "1 year", "month")),
    spaced(of("at most"), numbers(1, 900), of("customers per"), of("day", "week", "month")),
    spaced(of("budget"), of("$5000", "900 USD"), of("per"), of("day", "week", "month")),
    spaced(of("hold out"), of("10%", "2.5%")),
    spaced(of("expires after"), of("14 days", "1 week")),
    spaced(of("goal"), of("upgrade", "purchase"), of("within"), of("30 days", "2 weeks")),
    of("catch up never", "catch up within 3 days", "catch up within 12 hours"),
)


@st.composite
def clauses(draw: st.DrawFn) -> str:
    chosen = draw(st.lists(st.sampled_from(range(len(CLAUSES))), max_size=4, unique=True))
    return " ".join(draw(CLAUSES[number]) for number in chosen)


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, str]:
    """Moments, and a test of their own properties ("" where they have none in common)."""
    kind = draw(of("scheduled", "happening", "several", "day"))
    if kind == "scheduled":
        return draw(spaced(maybe(of("7 days before", "2 weeks before", "1 day after")), of(*SCHEDULED))), ""
    if kind == "happening":
        name = draw(of(*HAPPENING))
        return draw(spaced(maybe(of("1 day after", "36 hours after")), of(name))), draw(
            of(*PROPERTIES.get(name, ("",)))
        )
    if kind == "several":
        return draw(joined(" or ", of(*SCHEDULED, *HAPPENING), least=2)), ""
    return draw(of("2026-11-27", "3 days before 2026-12-24")), ""


@st.composite
def actions(draw: st.DrawFn) -> str:
    """One of each kind at most, one at least."""
    drawn = [draw(maybe(part)) for part in (OFFER, SAY, QUIET)]
    return " ".join(filter(None, drawn)) or draw(QUIET)


@st.composite
def splits(draw: st.DrawFn) -> str:
    named = draw(st.booleans())
    arms = draw(st.lists(st.tuples(of("10%", "25%", "50%"), actions()), min_size=1, max_size=2))
    written = [f"{share}{f' arm_{at}:' * named} {does}" for at, (share, does) in enumerate(arms)]
    return " ".join(["split", *written])


@st.composite
def rules(draw: st.DrawFn, number: int) -> str:
    """A rule with a name of its own; every other one has a former name, a title."""
    when, own = draw(moments())
    condition = draw(maybe(conditions()))
    where = " and ".join(filter(None, (own, condition and f"({condition})" if own else condition)))
    body = draw(
        st.one_of(
            spaced(actions(), clauses()), spaced(clauses(), splits()), spaced(of("tag seen"), clauses(), splits())
        )
    )
    header = draw(of("", f"rule r{number}", f'rule r{number} was old_{number} "A title, number {number}"'))
    return " ".join(filter(None, (header, "on", when, f"where {where}" if where else "", body)))


# --- files -----------------------------------------------------------------------------------------------------------

FACT = st.one_of(
    of("plan = basic", "tenure = 13 months", "country is DE", "mrr = 20 USD", "not autopay", "locale is missing"),
    of("interests = (sport, music)", "has backup", "is tagged vip", "usage of storage = 60", "satisfaction = 7.5"),
    of("3 support_call 5 days ago", "1 purchase with (amount = $20) 1 day ago", "offered family 40 days ago"),
)
EXPECTATION = of("offer premium at 20% off for 3 months", "offer basic", "say hello", "tag vip", "nothing", "no r0")
TEST = st.builds(
    'test "{}" given {} on {} expect {}'.format,
    of("a customer", 'a \\"good\\" customer'),
    joined(", ", FACT),
    of("billing_anniversary", "birthday at 2026-03-15", "7 days before renewal"),
    EXPECTATION,
)
SEGMENT_LEAF = LEAF.filter(lambda text: text not in SEGMENTS)


@st.composite
def files(draw: st.DrawFn) -> str:
    """The three segments that conditions use, one to three rules and sometimes a test, laid out somehow."""
    segments = [f"segment {name}: {draw(conditions(SEGMENT_LEAF, leaves=2))}" for name in SEGMENTS]
    sentences = [draw(rules(number)) for number in range(draw(st.integers(1, 3)))]
    sentences[0] = sentences[0] if sentences[0].startswith("rule") else f"rule r0 {sentences[0]}"
    declarations = draw(st.permutations([*segments, *sentences, *draw(st.lists(TEST, max_size=1))]))
    return "\n".join(draw(laid_out(one.split(" "))) for one in declarations)


GAPS = (" ", " ", " ", "  ", "\n  ", "\t")
# Words before which a comment may stand: not the second of two that are one keyword, such as `at most`.
BEFORE_COMMENTS = frozenset(["where", "and", "or", "offer", "say", "via", "priority", "split", "="])


@st.composite
def laid_out(draw: st.DrawFn, words: Sequence[str]) -> str:
    """The words with something that means nothing between them; a word that would begin a declaration stays on."""
    text = words[0]
    in_quotes = text.count('"') % 2 == 1
    for word in words[1:]:
        gap = " "
        if not in_quotes and word.lower() not in ("on", "rule", "segment", "test"):
            gap = draw(of(*GAPS, "  # on\n    ") if word in BEFORE_COMMENTS else of(*GAPS))
        in_quotes ^= (word.count('"') - word.count('\\"')) % 2 == 1
        text += gap + word
    return text + draw(of("", "\n", "  # the end"))

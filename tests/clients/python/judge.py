"""Drives the sandbox with twilio-python as it is published, and says line by line what came back.

The environment says where: BASE_URL, MAIN, SUB, TOKEN. What must hold is asserted here; what is
merely to be seen goes to stdout, which the test compares with a golden file.
"""

import os
import sys

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

BASE_URL, MAIN, SUB, TOKEN = (os.environ[name] for name in ("BASE_URL", "MAIN", "SUB", "TOKEN"))


def connect(user, secret):
    client = Client(user, secret)
    for domain in (client.api, client.pricing, client.numbers):
        domain.base_url = BASE_URL
    return client


def say(asked, came):
    print(f"{asked} -> {came}")


def refused(asked, call):
    try:
        call()
    except TwilioRestException as error:
        return say(asked, f"{error.status} {error.code} {error.msg}")
    except TwilioException as error:
        # Of a list, the SDK raises its less talkative sort.
        return say(asked, " ".join(str(part) for part in error.args))
    sys.exit(f"{asked}: nothing was refused")


def shown(row, names):
    return " ".join(f"{name}={getattr(row, name)!r}" for name in names.split())


VOICE = "voice_url voice_method voice_fallback_url voice_fallback_method voice_caller_id_lookup"
SMS = "sms_url sms_method sms_fallback_url sms_fallback_method"
BOUND = "voice_application_sid trunk_sid sms_application_sid status_callback status_callback_method"

client = connect(MAIN, TOKEN)
main = client.api.v2010.account.incoming_phone_numbers
sub = client.api.v2010.accounts(SUB).incoming_phone_numbers
offers = client.api.v2010.account.available_phone_numbers

# Accounts.
for account in client.api.v2010.accounts.list(page_size=1):
    say("accounts.list", shown(account, "sid friendly_name status type owner_account_sid"))
    assert account.date_created.year == 2025 and account.uri.endswith(f"{account.sid}.json")
account = client.api.v2010.accounts(SUB).fetch()
say("accounts(SUB).fetch", shown(account, "sid status type owner_account_sid auth_token"))
account = client.api.v2010.accounts.create(friendly_name="Judge")
say("accounts.create", shown(account, "friendly_name status type owner_account_sid"))
account = account.update(friendly_name="The judge", status="suspended")
say("accounts(new).update", shown(account, "friendly_name status"))
found = client.api.v2010.accounts.list(friendly_name="The judge", status="suspended")
say("accounts.list by name and status", [row.friendly_name for row in found])
assert [row.sid for row in found] == [account.sid]
account = account.update(status="closed")
say("accounts(new).update", shown(account, "status"))

# The fleet, whole and in pages.
fleet = main.list()
say("list", f"{len(fleet)} numbers, {fleet[0].phone_number} to {fleet[-1].phone_number}")
assert len({row.sid for row in fleet}) == len(fleet) == 103
assert [row.sid for row in main.list(page_size=20)] == [row.sid for row in fleet]
page, sizes = main.page(page_size=20), []
while True:
    rows = list(page)
    sizes.append(len(rows))
    following = page.next_page()
    if following is None:
        break
    page = following
say("page, next_page to the end", sizes)
page = page.previous_page()
rows = list(page)
say("previous_page", f"{len(rows)} numbers from {rows[0].phone_number}")
assert rows[0].phone_number == fleet[80].phone_number
say("list limit=7", [row.phone_number for row in main.list(limit=7)][-1])
say("list on the subaccount", len(sub.list()))
row = main(fleet[5].sid).fetch()
say("fetch", shown(row, "phone_number friendly_name type origin beta status address_requirements capabilities"))
say("fetch", shown(row, VOICE))
say("fetch", shown(row, SMS))
say("fetch", shown(row, BOUND))
say("fetch", shown(row, "emergency_status emergency_address_sid emergency_address_status"))
say("fetch", shown(row, "account_sid address_sid bundle_sid identity_sid api_version date_created"))
assert row.uri == f"/2010-04-01/Accounts/{MAIN}/IncomingPhoneNumbers/{row.sid}.json"

# Filters.
for number in ("+1555223000", "+15552230005", "155522300*1", "*99"):
    say(f"list phone_number={number}", [row.phone_number for row in main.list(phone_number=number, page_size=3)])
say("list friendly_name", [row.phone_number for row in main.list(friendly_name="(555) 223-0042")])
say("list origin=hosted", len(main.list(origin="hosted")))
say("local.list", len(main.local.list(page_size=50)))
say("mobile.list", len(main.mobile.list()))
say("toll_free.list", len(main.toll_free.list()))

# What is on offer.
say("countries", sorted(row.country_code for row in offers.list()))
country = offers("GB").fetch()
say("countries(GB)", f"{country.country} {sorted(country.subresource_uris)}")
for row in offers("US").local.list(area_code=415, limit=2):
    say("US.local area_code=415", shown(row, "phone_number friendly_name locality region postal_code lata"))
    say("US.local area_code=415", shown(row, "iso_country rate_center latitude longitude capabilities beta"))
found = [row.phone_number for row in offers("US").local.list(contains="+1510555**00", in_region="CA")]
say("US.local contains in_region", f"{len(found)} from {found[0]} to {found[-1]}")
row = offers("US").toll_free.list(sms_enabled=False, limit=1)[0]
say("US.toll_free sms_enabled=False", shown(row, "phone_number locality latitude capabilities"))
say("GB.mobile", shown(offers("GB").mobile.list(limit=1)[0], "phone_number address_requirements"))
refused("US.mobile", lambda: offers("US").mobile.list())

# Buying, configuring, clearing.
number = offers("US").local.list(area_code=415, limit=1)[0].phone_number
bought = main.create(
    phone_number=number,
    friendly_name="Front desk & more",
    voice_url="https://example.com/voice?a=1&b=two%20words&c=1+1",
    sms_url="https://example.com/sms",
    sms_method="GET",
)
say("create", shown(bought, "phone_number friendly_name voice_url sms_url sms_method"))
assert bought.capabilities["voice"] is True and bought.account_sid == MAIN
again = main.create(phone_number=number, friendly_name="Bought twice")
say("create the same", shown(again, "friendly_name voice_url"))
assert again.sid == bought.sid
by_area = main.create(area_code="510")
say("create by area_code=510", shown(by_area, "phone_number friendly_name voice_url"))
toll_free = main.toll_free.create(phone_number="+18005550123")
say("toll_free.create", shown(toll_free, "phone_number capabilities"))
row = bought.update(
    voice_url="https://example.com/new",
    voice_method="GET",
    voice_fallback_url="https://example.com/fallback",
    voice_caller_id_lookup=True,
    status_callback="https://example.com/status",
    sms_url="",
    friendly_name="Front desk",
)
say("update", shown(row, VOICE))
say("update", shown(row, SMS))
say("update", shown(row, "friendly_name status_callback"))
row = row.update(voice_url="", voice_fallback_url="", status_callback="", voice_caller_id_lookup=False)
say("update to clear", shown(row, VOICE))
say("update to clear", shown(row, "friendly_name status_callback"))
row = row.update(voice_application_sid="AP" + "a" * 32, sms_application_sid="AP" + "b" * 32)
say("update application", shown(row, BOUND))
row = row.update(trunk_sid="TK" + "c" * 32)
say("update trunk", shown(row, BOUND))
row = row.update(trunk_sid="", sms_application_sid="")
say("update to unbind", shown(row, BOUND))
row = main(bought.sid).fetch()
assert row.voice_url in ("", None) and row.trunk_sid is None

# To the subaccount and back; what it was called comes along.
moved = main(bought.sid).update(account_sid=SUB)
say("update account_sid=SUB", shown(moved, "account_sid phone_number friendly_name"))
assert moved.sid == bought.sid and moved.account_sid == SUB
refused("fetch where it was", lambda: main(bought.sid).fetch())
say("list on the subaccount", [row.phone_number for row in sub.list()])
own = connect(SUB, TOKEN).api.v2010.account.incoming_phone_numbers
say("fetch as the subaccount", shown(own(bought.sid).fetch(), "account_sid phone_number"))
refused("transfer as the subaccount", lambda: own(bought.sid).update(account_sid=MAIN))
moved = sub(bought.sid).update(account_sid=MAIN)
say("update account_sid=MAIN", shown(moved, "account_sid phone_number"))

# Refusals, as the SDK tells them.
refused("create elsewhere", lambda: main.create(phone_number="+4930999999"))
refused("create nonsense", lambda: main.create(phone_number="15"))
refused("create nothing", lambda: main.create())
refused("update fallback alone", lambda: by_area.update(voice_url="", voice_fallback_url="https://example.com/"))
refused("update a bad URL", lambda: by_area.update(sms_url="example"))
refused("update a bad method", lambda: by_area.update(sms_method="PUT"))
refused("list page_size=1001", lambda: main.list(page_size=1001))
refused("fetch unknown", lambda: main("PN" + "f" * 32).fetch())
refused("list with a bad token", lambda: connect(MAIN, "wrong").api.v2010.account.incoming_phone_numbers.list())
refused("list of a stranger", lambda: client.api.v2010.accounts("AC" + "e" * 32).incoming_phone_numbers.list())

# Releasing.
for row in (bought, by_area, toll_free):
    say("delete", f"{row.phone_number} {main(row.sid).delete()}")
refused("delete again", lambda: main(bought.sid).delete())
assert [row.sid for row in main.list()] == [row.sid for row in fleet]

# Prices, and the papers that a country wants.
say("pricing countries", [row.iso_country for row in client.pricing.v1.phone_numbers.countries.list()])
for code in ("US", "GB"):
    country = client.pricing.v1.phone_numbers.countries(code).fetch()
    for price in country.phone_number_prices:
        fields = " ".join(f"{name}={price[name]!r}" for name in ("number_type", "base_price", "current_price"))
        say(f"pricing countries({code})", f"{country.country} {country.price_unit} {fields}")
for rule in client.numbers.v2.regulatory_compliance.regulations.list(iso_country="DE"):
    say("regulations iso_country=DE", shown(rule, "friendly_name iso_country number_type end_user_type"))

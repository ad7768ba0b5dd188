"""One operation with twilio-python, for tests in which numctl and the SDK work on one fleet.

hand.py buy NUMBER [NAME=VALUE …]    hand.py set NUMBER [NAME=VALUE …]    hand.py show NUMBER
hand.py release NUMBER

The environment says where: BASE_URL, MAIN, SUB, TOKEN; without BASE_URL the SDK goes to the vendor's
hosts. The answer is what `show` shows, as JSON; null where neither account has the number.
"""

import json
import os
import sys

from twilio.rest import Client

FIELDS = (
    "account_sid friendly_name voice_url voice_method voice_fallback_url voice_application_sid trunk_sid "
    "sms_url sms_method sms_fallback_url status_callback"
).split()

client = Client(os.environ["MAIN"], os.environ["TOKEN"])
if "BASE_URL" in os.environ:
    client.api.base_url = os.environ["BASE_URL"]
accounts = [client.api.v2010.accounts(os.environ[name]) for name in ("MAIN", "SUB")]


def find(number):
    found = [row for account in accounts for row in account.incoming_phone_numbers.list(phone_number=number)]
    return next((row for row in found if row.phone_number == number), None)


operation, number, *rest = sys.argv[1:]
settings = dict(pair.split("=", 1) for pair in rest)
if operation == "buy":
    accounts[0].incoming_phone_numbers.create(phone_number=number, **settings)
elif operation == "set":
    find(number).update(**settings)
elif operation == "release":
    assert find(number).delete()
row = find(number)
print(json.dumps(row and {name: getattr(row, name) for name in FIELDS}))

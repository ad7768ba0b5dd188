"""Lists a fleet with twilio-python as it is published: BASE_URL ACCOUNT NUMBERS."""

import sys

from twilio.rest import Client

base, account, numbers = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = Client(account, "token0")
client.api.base_url = base
seen = sum(1 for _ in client.api.v2010.account.incoming_phone_numbers.stream(page_size=1000))
assert seen == numbers, seen

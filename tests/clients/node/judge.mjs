// Drives the sandbox with twilio-node as it is published, and says line by line what came back.
//
// The environment says where: BASE_URL, MAIN, SUB, TOKEN, and MODULES (the node_modules to use).
// What must hold is asserted here; what is merely to be seen goes to stdout, which the test
// compares with a golden file.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { BASE_URL, MAIN, SUB, TOKEN, MODULES } = process.env;
const twilio = createRequire(`${MODULES}/`)("twilio");

function connect(user, secret) {
  const client = twilio(user, secret);
  for (const domain of [client.api, client.pricing, client.numbers]) domain.baseUrl = BASE_URL;
  return client;
}

const say = (asked, came) => console.log(`${asked} -> ${came}`);
const shown = (row, names) => names.split(" ").map((name) => `${name}=${JSON.stringify(row[name])}`).join(" ");
const numbers = (rows) => rows.map((row) => row.phoneNumber).join(" ");

async function refused(asked, call) {
  await assert.rejects(call, (error) => {
    say(asked, `${error.status} ${error.code} ${error.message}`);
    return true;
  });
}

const VOICE = "voiceUrl voiceMethod voiceFallbackUrl voiceFallbackMethod voiceCallerIdLookup";
const SMS = "smsUrl smsMethod smsFallbackUrl smsFallbackMethod";
const BOUND = "voiceApplicationSid trunkSid smsApplicationSid statusCallback statusCallbackMethod";

const client = connect(MAIN, TOKEN);
const main = client.incomingPhoneNumbers;
const sub = client.api.v2010.accounts(SUB).incomingPhoneNumbers;
const offers = client.availablePhoneNumbers;

// Accounts.
for (const account of await client.api.v2010.accounts.list({ pageSize: 1 })) {
  say("accounts.list", shown(account, "sid friendlyName status type ownerAccountSid"));
  assert.equal(account.dateCreated.getUTCFullYear(), 2025);
}
say("accounts(SUB).fetch", shown(await client.api.v2010.accounts(SUB).fetch(), "sid status type authToken"));

// The fleet, whole and in pages.
const fleet = await main.list();
say("list", `${fleet.length} numbers, ${fleet[0].phoneNumber} to ${fleet.at(-1).phoneNumber}`);
assert.equal(new Set(fleet.map((row) => row.sid)).size, 103);
assert.deepEqual((await main.list({ pageSize: 20 })).map((row) => row.sid), fleet.map((row) => row.sid));
let page = await main.page({ pageSize: 20 });
const sizes = [page.instances.length];
for (let next = await page.nextPage(); next; next = await page.nextPage()) {
  page = next;
  sizes.push(page.instances.length);
}
say("page, nextPage to the end", sizes);
page = await page.previousPage();
say("previousPage", `${page.instances.length} numbers from ${page.instances[0].phoneNumber}`);
assert.equal(page.instances[0].phoneNumber, fleet[80].phoneNumber);
page = await main.getPage(page.nextPageUrl);
say("getPage of its nextPageUrl", `${page.instances.length} numbers from ${page.instances[0].phoneNumber}`);
let seen = 0;
await new Promise((done, failed) => {
  main.each({ pageSize: 40, limit: 90, callback: () => void (seen += 1), done: (error) => (error ? failed(error) : done()) });
});
say("each limit=90", seen);
const first = await main(fleet[5].sid).fetch();
say("fetch", shown(first, "phoneNumber friendlyName type origin beta status addressRequirements capabilities"));
say("fetch", shown(first, VOICE));
say("fetch", shown(first, SMS));
say("fetch", shown(first, BOUND));
say("fetch", shown(first, "emergencyStatus emergencyAddressSid emergencyAddressStatus dateCreated"));

// Filters.
for (const phoneNumber of ["+1555223000", "155522300*1"]) {
  say(`list phoneNumber=${phoneNumber}`, numbers(await main.list({ phoneNumber, pageSize: 3 })));
}
say("list friendlyName", numbers(await main.list({ friendlyName: "(555) 223-0042" })));
say("local.list", (await main.local.list({ pageSize: 50 })).length);
say("tollFree.list", (await main.tollFree.list()).length);

// What is on offer.
say("countries", (await offers.list()).map((row) => row.countryCode).sort());
const onOffer = await offers("US").local.list({ areaCode: 415, limit: 2 });
for (const row of onOffer) {
  say("US.local areaCode=415", shown(row, "phoneNumber friendlyName locality region isoCountry capabilities"));
}
say("US.local contains", numbers(await offers("US").local.list({ contains: "+1510555**00", limit: 3 })));
say("GB.mobile", shown((await offers("GB").mobile.list({ limit: 1 }))[0], "phoneNumber addressRequirements"));
await refused("US.mobile", () => offers("US").mobile.list());

// Buying, configuring, clearing.
const bought = await main.create({
  phoneNumber: onOffer[0].phoneNumber,
  friendlyName: "Front desk & more",
  voiceUrl: "https://example.com/voice?a=1&b=two%20words&c=1+1",
  smsUrl: "https://example.com/sms",
  smsMethod: "GET",
});
say("create", shown(bought, "phoneNumber friendlyName voiceUrl smsUrl smsMethod"));
assert.equal(bought.capabilities.voice, true);
// By its SID: twilio-node forgets it in what `create` gives back.
let row = await main(bought.sid).update({
  voiceUrl: "https://example.com/new",
  voiceMethod: "GET",
  voiceFallbackUrl: "https://example.com/fallback",
  voiceCallerIdLookup: true,
  statusCallback: "https://example.com/status",
  smsUrl: "",
  friendlyName: "Front desk",
});
say("update", shown(row, VOICE));
say("update", shown(row, SMS));
row = await row.update({ voiceUrl: "", voiceFallbackUrl: "", statusCallback: "", voiceCallerIdLookup: false });
say("update to clear", shown(row, VOICE));
say("update to clear", shown(row, "friendlyName statusCallback"));
row = await row.update({ voiceApplicationSid: `AP${"a".repeat(32)}` });
say("update application", shown(row, BOUND));
row = await row.update({ trunkSid: `TK${"c".repeat(32)}` });
say("update trunk", shown(row, BOUND));
row = await row.update({ trunkSid: "" });
say("update to unbind", shown(row, BOUND));

// To the subaccount and back.
const moved = await main(bought.sid).update({ accountSid: SUB });
say("update accountSid=SUB", shown(moved, "accountSid phoneNumber friendlyName"));
assert.equal(moved.sid, bought.sid);
await refused("fetch where it was", () => main(bought.sid).fetch());
say("list on the subaccount", numbers(await sub.list()));
const own = connect(SUB, TOKEN).incomingPhoneNumbers;
say("fetch as the subaccount", shown(await own(bought.sid).fetch(), "accountSid phoneNumber"));
await refused("transfer as the subaccount", () => own(bought.sid).update({ accountSid: MAIN }));
say("update accountSid=MAIN", shown(await sub(bought.sid).update({ accountSid: MAIN }), "accountSid phoneNumber"));

// Refusals, as the SDK tells them.
await refused("create elsewhere", () => main.create({ phoneNumber: "+4930999999" }));
await refused("update a bad URL", () => main(bought.sid).update({ smsUrl: "example" }));
await refused("list pageSize=1001", () => main.list({ pageSize: 1001 }));
await refused("fetch unknown", () => main(`PN${"f".repeat(32)}`).fetch());
await refused("list with a bad token", () => connect(MAIN, "wrong").incomingPhoneNumbers.list());

// Releasing.
say("remove", await main(bought.sid).remove());
await refused("remove again", () => main(bought.sid).remove());
assert.equal((await main.list()).length, 103);

// Prices.
say("pricing countries", (await client.pricing.v1.phoneNumbers.countries.list()).map((row) => row.isoCountry));
const country = await client.pricing.v1.phoneNumbers.countries("US").fetch();
say("pricing countries(US)", `${country.country} ${country.priceUnit} ${JSON.stringify(country.phoneNumberPrices)}`);

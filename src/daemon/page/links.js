'use strict';
// The view is in the address after the #, so that it survives a reload and can be shared:
// #standing=degraded&account=main&q=support&tab=mended&number=+15552230000

const VIEW = ['standing', 'account', 'q', 'tab', 'number'];

/** The view that the address asks for. */
function askedFor() {
  const asked = new URLSearchParams(location.hash.slice(1).replaceAll('+', '%2B'));
  return Object.fromEntries(VIEW.map((name) => [name, asked.get(name) ?? '']));
}

/** Puts a view into the address; nothing is loaded, and the way back is not longer. */
function remember(view) {
  const parts = VIEW.filter((name) => view[name]).map((name) => `${name}=${encodeURIComponent(view[name]).replaceAll('%2B', '+')}`);
  const hash = parts.length ? `#${parts.join('&')}` : '';
  if (hash !== location.hash) history.replaceState(null, '', `${location.pathname}${location.search}${hash}`);
}

/** Where the vendor's console shows a number. */
const consoleOf = (sid) => `https://console.twilio.com/us1/develop/phone-numbers/manage/incoming/${sid}/configure`;

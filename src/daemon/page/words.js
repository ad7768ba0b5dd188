'use strict';
// Foreign text reaches the page by textContent and attributes of SVG titles only: it stays text.

const byId = (id) => document.getElementById(id);
const STANDINGS = [
  ['synced', 'in sync'], ['drifted', 'drifted'], ['held', 'held back'], ['degraded', 'degraded'], ['unknown', 'unknown'],
  ['no_effect', 'without effect'],
];
const WORDS = Object.fromEntries(STANDINGS);
const STATES = {
  starting: 'Starting', standing_by: 'Standing by', in_sync: 'In sync', held: 'Held back', no_effect: 'Settings without effect', drifted: 'Drifted', degraded: 'Degraded',
};
const RESULTS = {
  in_sync: 'in sync', no_effect: 'no changes, some settings without effect', held: 'no changes, some held back', in_trouble: 'an account in trouble', done: 'changes made', drift: 'drift found', incomplete: 'incomplete',
  interrupted: 'interrupted', refused: 'refused by a limit', not_observed: 'no account could be listed',
  not_recorded: 'budget not recorded', not_begun: 'could not begin', stopped: 'stopped',
};
const STILL = { paused: 'paused', on_hold: 'on hold', outside_windows: 'window shut' };
const HELD = {
  paused: 'paused', on_hold: 'on hold', outside_windows: 'until a window opens', protected_from_transfer: 'protected from a move',
  protected_from_release: 'protected from release', account_in_trouble: 'account in trouble', replacement_held: 'wait for a replacement',
  no_sms: 'SMS settings on a number without SMS', fallback_without_primary: 'fallback URL without a URL', fallback_in_the_way: 'fallback URL still set',
  name_unresolved: 'a name that matches nothing, or several', messaging_service_not_there: 'Messaging Service not there',
  messaging_service_unknown: 'Messaging Service not known', backing_off: 'failed, tried again later', flapping: 'something else keeps changing it',
};
const REASONS = {
  missing: 'missing', wrong_account: 'in another account', drifted: 'settings differ', tombstone: 'to be released', unlisted: 'not in the files',
};
const number = new Intl.NumberFormat('en');

/** What acts or cannot be seen is spelt out. */
const inert = (text) => String(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029\u2800\u3164\u115f\u1160\uffa0]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

/** An element with a class, and texts or elements in it. */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const child of children) element.append(child instanceof Node ? child : inert(child));
  return element;
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Time. The clock is the daemon's.
let skew = 0;
const now = () => Date.now() + skew;

function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
}

const took = (seconds) => seconds < 1 ? `${Math.round(seconds * 1000)} ms` : seconds < 60 ? `${seconds.toFixed(1)} s` : span(seconds);

const inMs = (at) => typeof at === 'number' ? at * 1000 : Date.parse(at);
const sinceOrIn = (ms) => ms > now() ? `in ${span((ms - now()) / 1000)}` : `${span((now() - ms) / 1000)} ago`;

/** A time that ticks: `3 min ago`, `in 2 h`. */
function ago(at, className = 'quiet') {
  const time = make('time', className);
  const ms = inMs(at);
  time.dateTime = new Date(ms).toISOString();
  time.dataset.at = ms;
  time.title = absolute(ms);
  time.textContent = sinceOrIn(ms);
  // Ticking is not read out.
  time.setAttribute('aria-live', 'off');
  return time;
}

const parts = { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const zones = { utc: 'UTC', local: undefined };
const formats = Object.fromEntries(Object.entries(zones).flatMap(([name, timeZone]) => [
  [name, new Intl.DateTimeFormat('en-GB', { ...parts, timeZone })],
  [`${name}Year`, new Intl.DateTimeFormat('en-GB', { ...parts, year: 'numeric', timeZone })],
]));

/** In UTC, as logs have it, and by the clock of whoever looks, where that shows another time. */
function absolute(ms) {
  const at = new Date(ms);
  const year = at.getUTCFullYear() === new Date(now()).getUTCFullYear() ? '' : 'Year';
  const [utc, local] = ['utc', 'local'].map((zone) => formats[zone + year].format(at));
  return utc === local ? `${utc} UTC` : `${utc} UTC (${local} here)`;
}

/** `until Tue, 1 Dec, 09:00 UTC, in 3 h` */
const until = (hold) => ['until ', make('b', '', absolute(inMs(hold.until))), ', ', ago(hold.until, '')];

/** The hold of a number that is on and ends last: its own, its account's or the file's. */
function holdOf(row) {
  const all = [row.hold, head?.accounts[row.account]?.hold, head?.standstill.hold];
  const on = all.filter((hold) => hold && inMs(hold.until) > now());
  return on.reduce((last, hold) => last && inMs(last.until) >= inMs(hold.until) ? last : hold, null);
}

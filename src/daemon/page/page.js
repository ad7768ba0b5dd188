'use strict';
// Foreign text reaches the page by textContent and attributes of SVG titles only: it stays text.

const byId = (id) => document.getElementById(id);
const STANDINGS = [
  ['synced', 'in sync'], ['drifted', 'drifted'], ['held', 'held back'], ['degraded', 'degraded'], ['unknown', 'unknown'],
];
const WORDS = Object.fromEntries(STANDINGS);
const STATES = {
  starting: 'Starting', standing_by: 'Standing by', in_sync: 'In sync', held: 'Held back', drifted: 'Drifted', degraded: 'Degraded',
};
const RESULTS = {
  in_sync: 'in sync', held: 'no changes, some held back', in_trouble: 'an account in trouble', done: 'changes made', drift: 'drift found', incomplete: 'incomplete',
  interrupted: 'interrupted', refused: 'refused by a limit', not_observed: 'no account could be listed',
  not_recorded: 'budget not recorded', not_begun: 'could not begin', stopped: 'stopped',
};
const STILL = { paused: 'paused', on_hold: 'on hold', outside_windows: 'window shut' };
const HELD = {
  paused: 'paused', on_hold: 'on hold', outside_windows: 'until a window opens', protected_from_transfer: 'protected from a move',
  protected_from_release: 'protected from release', account_in_trouble: 'account in trouble', replacement_held: 'wait for a replacement',
  no_sms: 'SMS settings on a number without SMS', fallback_without_primary: 'fallback URL without a URL', fallback_in_the_way: 'fallback URL still set',
  backing_off: 'failed, tried again later', flapping: 'somebody else keeps writing it',
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

// The state.
let head = null;
let tab = 'now';
const drawn = {};

/** Draws a part again only where what it shows is another. */
function draw(name, content, paint) {
  const key = JSON.stringify(content);
  if (drawn[name] === key) return;
  drawn[name] = key;
  paint(content);
}

function show(next) {
  head = next;
  skew = Date.parse(head.now) - Date.now();
  byId('version').textContent = head.numctl_version;
  byId('process').textContent = inert(head.process);
  byId('fleet-name').textContent = head.fleet ? inert(head.fleet) : '';
  byId('generation').textContent = head.generation ? head.generation.slice(0, 10) : '–';
  byId('generation').title = head.generation || '';
  draw('state', [head.state, head.role, head.standstill.reason, head.counts], showState);
  draw('notices', [head.files_refused, head.blocked, head.barred, head.role, head.writer, head.standstill, head.accounts.map((account) => account.trouble)], showNotices);
  draw('causes', [head.counts.degraded, versionOfRows, head.next_cycle, head.in_progress === null], showCauses);
  draw('fleet', [head.counts, head.held, head.generation], showFleet);
  draw('progress', [head.in_progress, head.next_cycle, head.role], showProgress);
  draw('drifts', [tab, head.drift, head.drift_held, head.mended, head.drift_by_field, head.counts, head.role, head.accounts.some((account) => account.listed)], showDrifts);
  draw('chart', head.history, showChart);
  draw('accounts', head.accounts.map(({ listing_age_seconds: _, ...rest }) => rest), showAccounts);
  tick();
}

function showState() {
  const pill = byId('state');
  pill.className = `pill ${head.state}`;
  const still = head.role === 'standing_by' ? null : STILL[head.standstill.reason];
  const held = head.state === 'held' ? (head.counts.held === 1 ? '1 number' : `${number.format(head.counts.held)} numbers`) : null;
  const more = [head.role === 'dry_run' ? 'dry run' : null, still, held].filter(Boolean);
  pill.lastElementChild.textContent = [STATES[head.state] || head.state, ...more].join(' · ');
  const bad = head.counts.degraded + head.counts.unknown;
  document.title = `${head.state === 'degraded' && bad ? `(${number.format(bad)}) ` : ''}${STATES[head.state] || head.state} · ${head.fleet ? `${inert(head.fleet)} · ` : ''}numctl`;
}

function showNotices() {
  const notices = [];
  if (head.files_refused) {
    const text = make('pre', '');
    // Its line breaks are its own.
    text.textContent = head.files_refused.message.split('\n').map(inert).join('\n');
    const title = make('strong', '', 'The files on disk are not taken. The last good ones stay in force.');
    notices.push(make('div', 'notice degraded', title, 'Since ', ago(head.files_refused.since, ''), text));
  }
  notices.push(...stillNotices(head.standstill));
  const troubled = head.accounts.filter((account) => account.trouble);
  if (troubled.length) {
    const title = troubled.length === 1 ? `The account ${troubled[0].name} is in trouble: nothing is planned in it.`
      : `${number.format(troubled.length)} of ${number.format(head.accounts.length)} accounts are in trouble: nothing is planned in them.`;
    const lines = [...new Set(troubled.map((account) => account.trouble))].slice(0, 3).map((text) => make('span', 'line', text));
    notices.push(make('div', 'notice degraded', make('strong', '', title), ...lines));
  }
  if (head.blocked) notices.push(make('div', 'notice degraded', make('strong', '', 'Nothing is changed.'), head.blocked));
  if (head.barred) {
    notices.push(make('div', 'notice degraded', make('strong', '', 'Standing by: nothing can be written until this is fixed.'), 'What is shown below may be old.'));
  } else if (head.role === 'standing_by') {
    notices.push(make('div', 'notice held', make('strong', '', 'Standing by.'), head.writer ? `${head.writer[0].toUpperCase()}${head.writer.slice(1)}. ` : 'Another numctl writes. ', 'This one takes over when it is gone. What is shown below may be old.'));
  }
  byId('notices').replaceChildren(...notices);
}

const CAUSES_MAX = 5;

/** What is wrong with how many numbers, since when, and when it is tried again. */
function showCauses() {
  const causes = head.counts.degraded ? causesOf(sorted) : [];
  const lines = causes.slice(0, CAUSES_MAX).map((cause) => {
    const again = head.next_cycle && head.role === 'writer' ? [', next try ', ago(head.next_cycle, '')] : [];
    return make('li', '', make('b', '', `${number.format(cause.count)} × `), cause.message || cause.reason, make('span', 'quiet', ' since ', ago(cause.since, ''), ...again));
  });
  const more = causes.length - lines.length;
  if (more > 0) lines.push(make('li', 'quiet', `and ${number.format(more)} more causes: see the numbers below`));
  const show = make('button', 'chip plain', 'Show them');
  show.type = 'button';
  show.addEventListener('click', () => choose('degraded'));
  const title = make('strong', '', head.counts.degraded === 1 ? '1 number is degraded.' : `${number.format(head.counts.degraded)} numbers are degraded.`);
  byId('causes').replaceChildren(...(lines.length ? [make('div', 'notice degraded', title, make('ul', 'causes', ...lines), show)] : []));
}

/** Why nothing is changed, and until when. */
function stillNotices(still) {
  const notice = (title, ...rest) => make('div', 'notice held', make('strong', '', title), ...rest);
  const shown = [];
  const ends = [still.paused_by_signal ? 'SIGUSR2 to the daemon ends it' : '', still.paused_by_file ? 'policy.paused in the files says so' : ''];
  if (still.paused_by_signal || still.paused_by_file) {
    shown.push(notice('Paused: nothing is changed.', `Drift is shown and not mended. ${ends.filter(Boolean).join('; ')}.`));
  }
  if (still.hold) {
    shown.push(notice('The whole fleet is on hold: nothing is changed.', 'It lasts ', ...until(still.hold), '.', ...why(still.hold)));
  }
  if (still.window_open === false) {
    const next = still.window_opens ? ['The next one opens ', make('b', '', absolute(inMs(still.window_opens))), ', ', ago(still.window_opens, ''), '.'] : ['None will open.'];
    shown.push(notice('No maintenance window is open: nothing is changed.', ...next));
  }
  return shown;
}

const why = (hold) => hold.why ? [make('span', 'why', hold.why)] : [];

function showFleet([counts, held]) {
  byId('declared').textContent = head.generation ? number.format(counts.declared) : '–';
  const parts = STANDINGS.filter(([standing]) => counts[standing] > 0);
  byId('bar').replaceChildren(...parts.map(([standing, words]) => {
    const part = make('span', standing);
    part.style.flexGrow = counts[standing];
    part.title = `${number.format(counts[standing])} ${words}`;
    return part;
  }));
  byId('bar').setAttribute('aria-label', parts.map(([standing, words]) => `${counts[standing]} ${words}`).join(', ') || 'No number is known yet');
  const legend = STANDINGS.map(([standing, words]) => {
    const button = make('button', `${standing}${counts[standing] ? '' : ' zero'}`, make('i', 'dot'), make('b', '', number.format(counts[standing])), make('span', '', words));
    button.type = 'button';
    button.title = `Show the numbers that are ${words}`;
    button.addEventListener('click', () => choose(standing));
    return button;
  });
  if (counts.unlisted) legend.push(make('span', 'quiet chip', `${number.format(counts.unlisted)} live numbers are not in the files`));
  byId('legend').replaceChildren(...legend);
  const reasons = Object.entries(held).sort((a, b) => b[1] - a[1]);
  const chips = reasons.map(([code, count]) => make('span', 'chip plain', make('b', '', number.format(count)), ` ${HELD[code] || code.replaceAll('_', ' ')}`));
  const onHold = make('button', 'chip plain', make('b', '', number.format(counts.on_hold)), counts.on_hold === 1 ? ' number has a hold' : ' numbers have a hold');
  onHold.type = 'button';
  onHold.addEventListener('click', () => choose('on_hold'));
  byId('held').replaceChildren(...(chips.length ? [make('span', 'quiet', 'Held back:'), ...chips] : []), ...(counts.on_hold ? [onHold] : []));
}

/** Shows the numbers that stand like this. */
function choose(standing) {
  byId('standing').value = standing;
  filter();
  byId('numbers-title').scrollIntoView({ block: 'start' });
  byId('list').focus({ preventScroll: true });
}

function showProgress() {
  const at = head.in_progress;
  if (!at) {
    const words = head.role === 'standing_by' ? 'Nothing in progress: another numctl writes.' : 'Nothing in progress.';
    byId('progress').replaceChildren(make('p', 'quiet', words));
    return;
  }
  if (at.steps === null) {
    byId('progress').replaceChildren(make('div', 'line', make('span', '', 'Listing the accounts'), make('span', 'quiet', 'began ', ago(at.since, ''))));
    return;
  }
  const fill = make('div', 'fill');
  fill.style.width = `${100 * at.done / Math.max(1, at.steps)}%`;
  const failed = at.failed ? `, ${number.format(at.failed)} failed` : '';
  const line = make('div', 'line', make('span', '', `${number.format(at.done)} of ${number.format(at.steps)} actions done${failed}`), make('span', 'quiet', 'began ', ago(at.since, '')));
  const hand = make('div', 'chips', ...at.in_hand.slice(0, 8).map((entry) => make('span', 'chip', `${entry.kind} ${entry.phone_number}`)));
  byId('progress').replaceChildren(line, make('div', 'track', fill), hand);
}

/** Both texts, the part between their common ends marked. */
function marked(before, after) {
  const [a, b] = [Array.from(before), Array.from(after)];
  let from = 0;
  while (from < a.length && from < b.length && a[from] === b[from]) from += 1;
  let end = 0;
  while (end < a.length - from && end < b.length - from && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return [a, b].map((text) => {
    const parts = [text.slice(0, from), text.slice(from, text.length - end), text.slice(text.length - end)].map((part) => part.join(''));
    // A text that has nothing in common with the other is not marked as a whole.
    if (from + end < 3) return [parts.join('')];
    return [parts[0], ...(parts[1] ? [make('mark', '', parts[1])] : []), parts[2]];
  });
}

function diff(changes) {
  const list = make('dl', 'diff');
  for (const change of changes) {
    const [before, after] = change.before !== null && change.after !== null
      ? marked(change.before, change.after)
      : [[change.before ?? make('em', '', 'not set')], [change.after ?? make('em', '', 'cleared')]];
    if (change.secret_changed) after.push(make('em', '', ' (only a secret differs)'));
    const both = make('dd', '', make('div', 'minus', ...before), make('div', 'plus', ...after));
    list.append(make('dt', '', change.field), both);
  }
  return list;
}

function card(drift) {
  const state = drift.held ? make('span', 'kind held', HELD[drift.held] || drift.held.replaceAll('_', ' ')) : drift.outcome ? make('span', `kind ${drift.outcome === 'succeeded' ? 'succeeded' : 'release'}`, drift.outcome) : '';
  const title = make('div', 'title', make('span', 'mono', drift.phone_number), make('span', `kind ${drift.kind}`, drift.kind), state,
    make('span', 'quiet', `${drift.account} · ${REASONS[drift.reason] || drift.reason}`), ago(drift.outcome === 'succeeded' ? drift.ended : drift.found));
  const box = make('article', 'drift', title);
  if (drift.changes.length) box.append(diff(drift.changes));
  for (const text of drift.changed_by ?? []) box.append(make('p', 'quiet', text));
  if (drift.error) box.append(make('p', 'error', drift.error));
  return box;
}

const NAMED_MAX = 12;

/** Many numbers of which the same can be said. */
function cardOfMany(group) {
  const [first] = group;
  const isOfNames = first.changes.some((change) => change.field === 'friendly_name');
  const box = card(isOfNames ? { ...first, changes: first.changes.filter((change) => change.field !== 'friendly_name') } : first);
  box.querySelector('.title .mono').replaceWith(make('b', '', `${number.format(group.length)} numbers`));
  if (isOfNames) box.append(make('p', 'quiet', 'Each gets a friendly_name of its own.'));
  const names = group.slice(0, NAMED_MAX).map((drift) => make('span', 'chip mono', drift.phone_number));
  if (group.length > NAMED_MAX) names.push(make('span', 'quiet', `and ${number.format(group.length - NAMED_MAX)} more`));
  box.append(make('p', 'chips', ...names));
  return box;
}

const SHOWN_MAX = 50;
let cards = new Map();

function showDrifts() {
  const many = head.counts.drifts + Math.max(head.drift_held.length, head.counts.held);
  byId('count-now').textContent = number.format(many);
  byId('count-mended').textContent = number.format(head.mended.length);
  byId('tab-now').setAttribute('aria-selected', tab === 'now');
  byId('tab-mended').setAttribute('aria-selected', tab === 'mended');
  // One stop of the tab key; the arrows go between them.
  for (const name of ['now', 'mended']) byId(`tab-${name}`).tabIndex = tab === name ? 0 : -1;
  byId('drifts').setAttribute('aria-labelledby', `tab-${tab}`);
  const fields = Object.entries(head.drift_by_field).sort((a, b) => b[1] - a[1]);
  byId('fields').replaceChildren(...(tab === 'now' ? fields : []).map(([field, count]) => make('span', 'chip', field, make('b', '', number.format(count)))));
  const drifts = tab === 'now' ? [...head.drift, ...head.drift_held] : head.mended;
  const known = cards;
  cards = new Map();
  // What is told already keeps its place on the screen.
  const groups = alike(drifts).slice(0, SHOWN_MAX);
  const shown = groups.map((group) => {
    const key = JSON.stringify(group);
    cards.set(key, known.get(key) ?? (group.length === 1 ? card(group[0]) : cardOfMany(group)));
    return cards.get(key);
  });
  const told = groups.reduce((sum, group) => sum + group.length, 0);
  const more = (tab === 'now' ? many : drifts.length) - told;
  if (more > 0 && shown.length) shown.push(make('p', 'empty', `and ${number.format(more)} more: see the numbers below`));
  if (!shown.length) {
    const [title, text] = tab === 'mended' ? ['Nothing was mended yet.', 'What numctl puts right is kept here, the last 100.']
      : !head.accounts.some((account) => account.listed) ? ['Not known yet.', head.role === 'standing_by' ? 'This one looks once it writes.' : 'No cycle has seen the fleet yet.']
      : head.counts.held ? ['No drift that can be mended.', 'Some numbers are held back: see the numbers below.']
      : head.counts.degraded + head.counts.unknown ? ['No drift is known.', 'Not everything could be looked at.']
      : ['No drift.', 'Every declared number is as the files say.'];
    shown.push(make('p', 'empty', make('strong', '', title), text));
    if (tab === 'now' && head.mended.length) shown.push(make('p', 'quiet', 'Mended last'), ...head.mended.slice(0, 5).map((drift) => card(drift)));
  }
  const box = byId('drifts');
  shown.forEach((element, at) => { if (box.children[at] !== element) box.insertBefore(element, box.children[at] ?? null); });
  while (box.children.length > shown.length) box.lastElementChild.remove();
}

function describe(past) {
  const planned = Object.entries(past.planned).filter(([, count]) => count).map(([kind, count]) => `${number.format(count)} ${kind}`);
  const outcomes = Object.entries(past.outcomes).map(([outcome, count]) => `${number.format(count)} ${outcome}`);
  const parts = [took(past.seconds)];
  if (planned.length) parts.push(`planned: ${planned.join(', ')}`);
  if (outcomes.length) parts.push(outcomes.join(', '));
  if (past.held) parts.push(`${number.format(past.held)} held back`);
  if (past.unchanged) parts.push(`${number.format(past.unchanged)} as declared`);
  if (past.error) parts.push(past.error);
  return [RESULTS[past.result] || past.result, parts.join(' · ')];
}

/** What its colour says: an account that could not be looked at is an error too. */
function kindOf(past) {
  const isQuiet = ['in_sync', 'in_trouble', 'done', 'held', 'drift'].includes(past.result);
  return !(past.result in RESULTS) || (past.error && isQuiet) ? 'bad' : past.result;
}

function showChart(history) {
  const [width, height, slots] = [500, 100, 50];
  const longest = Math.max(0.001, ...history.map((past) => past.seconds));
  // A square root keeps short cycles visible beside long ones.
  const high = (seconds) => Math.max(3, (height - 4) * Math.sqrt(seconds / longest));
  const step = width / slots;
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  history.forEach((past, at) => {
    const x = (slots - history.length + at) * step;
    const bar = high(past.seconds);
    const title = svg('title', {});
    const [result, rest] = describe(past);
    title.textContent = inert(`${past.at} ${result} · ${rest}`);
    const group = svg('g', {}, title, svg('rect', { class: 'hit', x, y: 0, width: step, height }),
      svg('rect', { class: `is-${kindOf(past)}`, x: x + 1.5, y: height - bar, width: step - 3, height: bar }));
    group.addEventListener('pointerenter', () => pick(past));
    group.addEventListener('click', () => pick(past));
    picture.append(group);
  });
  picture.append(svg('line', { x1: 0, y1: height, x2: width, y2: height }));
  byId('chart').replaceChildren(picture);
  byId('cycles-scale').textContent = history.length ? `up to ${took(longest)}` : '';
  const kinds = [...new Set(history.map(kindOf))];
  byId('results').replaceChildren(...kinds.map((kind) => make('span', 'quiet', make('i', `swatch is-${kind}`), RESULTS[kind] || 'with an error')));
  // Whoever looks at an older one goes on doing so.
  const isReading = byId('chart').matches(':hover, :focus');
  const kept = isReading ? history.find((past) => past.at === picked) : null;
  if (history.length) pick(kept ?? history[history.length - 1]);
  else byId('cycle').textContent = 'No cycle has ended yet.';
}

// Which of the last cycles is told about: the keyboard goes from one to the other.
let picked = null;

function onChartKey(event) {
  const history = head?.history ?? [];
  const at = history.findIndex((past) => past.at === picked);
  const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: history.length - 1 }[event.key];
  if (to === undefined || !history[to]) return;
  event.preventDefault();
  pick(history[to]);
}

function pick(past) {
  picked = past.at;
  const history = head.history;
  const at = history.indexOf(past);
  [...byId('chart').querySelectorAll('g')].forEach((group, place) => group.classList.toggle('on', place === at));
  const values = { min: 1, max: history.length, now: at + 1, text: `${absolute(inMs(past.at))}: ${describe(past).join(', ')}` };
  for (const [name, value] of Object.entries(values)) byId('chart').setAttribute(`aria-value${name}`, inert(value));
  const [result, rest] = describe(past);
  byId('cycle').replaceChildren(make('b', '', result), ` ${absolute(inMs(past.at))}, `, ago(past.at), document.createElement('br'), inert(rest));
}

function showAccounts(accounts) {
  byId('accounts').replaceChildren(...accounts.map((account) => {
    const dot = make('i', `dot ${account.trouble ? 'degraded' : account.listed ? 'synced' : 'unknown'}`);
    const listed = account.listed ? make('span', 'quiet', 'listed ', ago(account.listed, '')) : make('span', 'quiet', 'not listed yet');
    const item = make('li', '', dot, make('span', 'name', account.name, make('span', 'quiet count', number.format(account.numbers) + (account.numbers === 1 ? ' number' : ' numbers'))), listed);
    if (account.sid) item.append(make('span', 'sid', account.sid));
    if (account.hold) item.append(make('p', 'hold', 'On hold ', ...until(account.hold), ...why(account.hold)));
    if (account.trouble) item.append(make('p', 'error', account.trouble));
    if (account.help) item.append(make('p', 'help', account.help));
    return item;
  }));
  if (!accounts.length) byId('accounts').append(make('li', 'quiet', 'No account is known yet.'));
  const chosen = byId('account').value;
  const asked = accountAsked;
  const option = (value, text) => { const entry = make('option', '', text); entry.value = value; return entry; };
  byId('account').replaceChildren(option('', 'Every account'), ...accounts.map((account, at) => option(String(at), account.name)));
  byId('account').value = chosen;
  if (!byId('account').value) byId('account').value = '';
  const at = accounts.findIndex((account) => account.name === asked);
  if (asked && at >= 0) {
    accountAsked = '';
    byId('account').value = String(at);
    filter();
  }
}

// The numbers: the browser has all of them as rows, and draws those that are seen.
let rows = new Map(); // by number
let sorted = []; // every row, in order
let found = []; // those that the filter leaves
let versionOfRows = 0;
let accountNames = [];

// So many rows are read in one go: in between, the browser answers whoever scrolls and types.
const AT_ONCE = 8_000;
const breath = () => new Promise((resolve) => setTimeout(resolve));

async function take(answer) {
  const known = answer.whole ? new Map() : rows;
  const { accounts, numbers, verdicts } = answer;
  for (let at = 0; at < numbers.length; at += 1) {
    if (at % AT_ONCE === AT_ONCE - 1) await breath();
    const [phone, account, name, verdict, synced, degraded] = numbers[at];
    const said = verdicts[verdict];
    const text = `${phone}\n${name || ''}\n${accounts[account]}\n${said.synced.reason}\n${said.degraded.reason}`.toLowerCase();
    const row = known.get(phone);
    // In its place: the list and what it is filtered to hold the same row.
    if (row) Object.assign(row, { account, name, said, synced, degraded, text });
    else known.set(phone, { phone, account, name, said, synced, degraded, text, hold: null });
  }
  for (const [phone, end, words] of answer.holds) known.get(phone).hold = { until: end, why: words };
  accountNames = accounts;
  rows = known;
  // The daemon sends them in order.
  if (answer.whole) sorted = [...rows.values()];
  versionOfRows = answer.version;
  if (answer.whole || answer.numbers.length) await filter(true);
}

// A slice of the rows is looked through in one go, in ms; a new filter takes the place of an old one.
const SLICE = 12;
let filtered = 0;
let toTop = false;

async function filter(keepPlace) {
  saveView();
  filtered += 1;
  const mine = filtered;
  toTop ||= !keepPlace;
  // Numbers are found however their digits are grouped.
  const words = byId('search').value.toLowerCase().replace(/(?<=\d)[ ().-]+(?=\d)/g, '')
    .split(/\s+/).filter(Boolean).map((word) => /^\(\d+$/.test(word) ? word.slice(1) : word);
  const [standing, account] = [byId('standing').value, byId('account').value];
  const wanted = account === '' ? -1 : Number(account);
  // What somebody should look at comes first.
  const urgent = { degraded: [], unknown: [], drifted: [], held: [], synced: [] };
  const all = sorted;
  let began = performance.now();
  for (let at = 0; at < all.length; at += 1) {
    if (at % 1_000 === 999 && performance.now() - began > SLICE) {
      await breath();
      if (mine !== filtered) return;
      began = performance.now();
    }
    const row = all[at];
    if ((standing === '' || (standing === 'on_hold' ? holdOf(row) : row.said.standing === standing)) && (wanted < 0 || row.account === wanted)
      && words.every((word) => row.text.includes(word))) urgent[row.said.standing].push(row);
  }
  found = [].concat(...Object.values(urgent));
  byId('found').textContent = found.length === sorted.length ? `${number.format(sorted.length)} in all` : `${number.format(found.length)} of ${number.format(sorted.length)}`;
  byId('none').hidden = found.length > 0;
  byId('none').textContent = sorted.length ? 'No number is like that.' : 'No number is known yet.';
  byId('list').hidden = found.length === 0;
  byId('space').style.height = `${found.length * rowHeight()}px`;
  byId('list').style.height = `min(60vh, 560px, ${found.length * rowHeight() + 2}px)`;
  if (toTop) { byId('list').scrollTop = 0; active = 0; }
  toTop = false;
  active = Math.max(0, Math.min(active, found.length - 1));
  paint();
}

const isNarrow = matchMedia('(max-width: 620px)');
const rowHeight = () => isNarrow.matches ? 56 : 40;
const pool = [];

function rowElement() {
  const parts = ['i', 'span', 'span', 'span', 'span', 'span'].map((tag) => make(tag, ''));
  const element = make('div', 'row', ...parts);
  element.id = `row-${pool.length}`;
  element.setAttribute('role', 'option');
  parts[0].setAttribute('role', 'img');
  parts.forEach((part, at) => { part.className = ['dot', 'mono', 'name', 'account quiet', 'reason', 'when quiet'][at]; });
  element.addEventListener('click', () => {
    if (!element.row) return;
    active = found.indexOf(element.row);
    openDetail(element.row.phone);
  });
  byId('space').append(element);
  return { element, parts };
}

function paint() {
  const list = byId('list');
  const height = rowHeight();
  const first = Math.max(0, Math.floor(list.scrollTop / height) - 4);
  const count = Math.min(found.length - first, Math.ceil(list.clientHeight / height) + 8);
  if (active >= first && active < first + count) list.setAttribute('aria-activedescendant', `row-${active - first}`);
  else list.removeAttribute('aria-activedescendant');
  while (pool.length < count) pool.push(rowElement());
  pool.forEach(({ element, parts }, at) => {
    const row = at < count ? found[first + at] : null;
    element.hidden = !row;
    element.style.display = row ? '' : 'none';
    if (!row) return;
    element.row = row;
    element.setAttribute('aria-posinset', first + at + 1);
    element.setAttribute('aria-setsize', found.length);
    element.setAttribute('aria-selected', first + at === active);
    element.style.top = `${(first + at) * height}px`;
    parts[0].className = `dot ${row.said.standing}`;
    parts[0].setAttribute('aria-label', WORDS[row.said.standing]);
    parts[1].textContent = row.phone;
    parts[2].textContent = row.name ? inert(row.name) : '';
    parts[2].title = parts[2].textContent;
    parts[3].textContent = inert(accountNames[row.account] ?? '');
    const about = row.said.degraded.status === 'True' ? row.said.degraded : row.said.synced;
    const hold = holdOf(row);
    const left = hold && `${span((inMs(hold.until) - now()) / 1000)} left`;
    parts[4].textContent = !hold ? about.reason : about.reason === 'OnHold' ? `OnHold, ${left}` : `${about.reason} · on hold, ${left}`;
    if (about.message && about.reason !== 'OnHold') parts[4].textContent += `: ${inert(about.message)}`;
    parts[4].title = inert(about.message);
    parts[5].textContent = span(now() / 1000 - Math.max(row.synced, row.said.degraded.status === 'True' ? row.degraded : 0));
  });
}

let opened = null;

// The keyboard's place in the list.
let active = 0;

function onListKey(event) {
  const page = Math.max(1, Math.floor(byId('list').clientHeight / rowHeight()) - 1);
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
  if (event.key === 'Enter' && found[active]) openDetail(found[active].phone);
  else if (event.key in moves) active = Math.max(0, Math.min(found.length - 1, active + moves[event.key]));
  else return;
  event.preventDefault();
  const [list, top] = [byId('list'), active * rowHeight()];
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + rowHeight() > list.scrollTop + list.clientHeight) list.scrollTop = top + rowHeight() - list.clientHeight;
  paint();
}

function openDetail(phone) {
  opened = phone;
  sidOfOpened = '';
  showDetail();
  if (!byId('detail').open) byId('detail').showModal();
  saveView();
  askSid(phone);
}

let sidOfOpened = '';

/** The SID of one number: only who opens it needs it. */
async function askSid(phone) {
  const at = sorted.findIndex((row) => row.phone === phone);
  const cursor = at > 0 ? `cursor=${encodeURIComponent(sorted[at - 1].phone)}&` : '';
  try {
    const answer = await fetch(`status.json?${cursor}limit=1`, { signal: AbortSignal.timeout(PATIENCE) });
    const [found] = (await answer.json()).numbers;
    if (opened !== phone || found?.phone_number !== phone || !/^PN[0-9a-f]{32}$/.test(found.sid ?? '')) return;
    sidOfOpened = found.sid;
    showDetail();
  } catch {
    // The link is left out.
  }
}

// The view, as the address has it.
let accountAsked = '';

function saveView() {
  const account = byId('account').value;
  remember({
    standing: byId('standing').value, account: accountAsked || (account === '' ? '' : accountNames[Number(account)] ?? ''),
    q: byId('search').value, tab: tab === 'now' ? '' : tab, number: byId('detail').open ? opened : '',
  });
}

function applyView() {
  const view = askedFor();
  byId('standing').value = view.standing;
  if (byId('standing').selectedIndex < 0) byId('standing').value = '';
  byId('search').value = view.q;
  tab = view.tab === 'mended' ? 'mended' : 'now';
  const at = accountNames.indexOf(view.account);
  accountAsked = at < 0 ? view.account : '';
  byId('account').value = at < 0 ? '' : String(at);
  if (view.number && rows.has(view.number)) openDetail(view.number);
  else numberAsked = view.number;
  filter();
}

let numberAsked = '';

function showDetail() {
  const row = rows.get(opened);
  if (!row) return;
  byId('detail-title').textContent = row.phone;
  const about = make('p', 'quiet', `${row.name ? `${row.name} · ` : ''}${accountNames[row.account]}`);
  const condition = (type, said, since, good) => {
    const dot = make('i', `dot ${said.status === good ? 'synced' : said.status === 'Unknown' ? 'unknown' : type === 'Synced' ? 'drifted' : 'degraded'}`);
    const title = make('div', 'title', dot, make('b', '', `${type}: ${said.status}`), make('span', 'mono', said.reason), ago(since));
    return make('div', 'condition', title, ...(said.message ? [make('p', '', said.message)] : []));
  };
  const hold = holdOf(row);
  const held = hold ? [make('div', 'notice held', make('strong', '', 'On hold: it is left as it is.'), 'It lasts ', ...until(hold), '.', ...why(hold))] : [];
  const drifts = [...head.drift, ...head.drift_held, ...head.mended].filter((drift) => drift.phone_number === row.phone).slice(0, 10).map((drift) => card(drift));
  const link = make('a', '', 'Open in the Twilio console');
  link.href = sidOfOpened ? consoleOf(sidOfOpened) : '#';
  link.rel = 'noopener noreferrer';
  link.target = '_blank';
  const links = sidOfOpened ? [make('p', '', link, ' ', make('span', 'quiet mono', sidOfOpened))] : [];
  byId('detail-body').replaceChildren(about, ...links, ...held, condition('Synced', row.said.synced, row.synced, 'True'), condition('Degraded', row.said.degraded, row.degraded, 'False'), ...drifts);
}

// One view is of one process. Behind a Service each connection may lead to another replica: its answers are
// refused, and the next try is a new connection. Whoever writes knows more than whoever stands by.
const SWITCH = 10_000;
const TRIES = 6;
const TRY_AGAIN = 250;
let refused = 0;

function isShown(state) {
  if (head === null || state.process === head.process) return true;
  return head.role === 'standing_by' && state.role !== 'standing_by' || Date.now() - answered > SWITCH;
}

// Keeping up to date: an event says that something changed, and what changed is asked for.
let asking = false;
let again = false;

async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    do {
      again = false;
      const known = head ? `&process=${encodeURIComponent(head.process)}` : '';
      const answer = await fetch(`numbers.json?since=${versionOfRows}${known}`, { signal: AbortSignal.timeout(PATIENCE) });
      if (!answer.ok) throw new Error('the daemon does not answer');
      const numbers = await answer.json();
      const { state } = numbers;
      if (!isShown(state)) {
        refused += 1;
        again = refused < TRIES;
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
        continue;
      }
      refused = 0;
      const isOther = head?.process !== state.process;
      // The rows are drawn with the accounts' holds.
      head = state;
      await take(numbers);
      await breath();
      show(state);
      live(true);
      if (isOther) follow();
      if (opened && byId('detail').open) showDetail();
      if (numberAsked && rows.has(numberAsked)) {
        const phone = numberAsked;
        numberAsked = '';
        openDetail(phone);
      }
    } while (again);
  } catch {
    live(false);
  } finally {
    asking = false;
  }
}

// A connection may be dead without a word: after so long without an answer the page asks by itself.
const PATIENCE = 20_000;
const ASK_AGAIN = 30_000;
const RETRY = 3_000;
// A process that hangs keeps its connections: whether it and its loop still move is asked again and again.
const PULSE = 6_000;
let answered = 0;
let events = null;

function follow() {
  if (events) events.close();
  events = new EventSource(head ? `events?process=${encodeURIComponent(head.process)}` : 'events');
  // An error may be the end of the daemon: asking tells.
  events.onmessage = events.onerror = () => refresh();
}

function keepUp() {
  const isLost = document.body.classList.contains('lost');
  // The browser gives up for good when the answer is an error.
  if (!events || events.readyState === EventSource.CLOSED) follow();
  refused = 0;
  if (isLost || head?.role === 'standing_by' || events.readyState !== EventSource.OPEN || Date.now() - answered > ASK_AGAIN) refresh();
}

async function feel() {
  if (!head || document.hidden || document.body.classList.contains('lost')) return;
  try {
    const answer = await fetch(`healthz?process=${encodeURIComponent(head.process)}`, { signal: AbortSignal.timeout(PULSE) });
    // Another replica answered: that says nothing of this one.
    if (answer.status === 409) return;
    stuck(answer.status === 503);
  } catch {
    live(false);
  }
}

function stuck(is) {
  draw('stuck', is, () => {
    const text = make('div', 'notice degraded', make('strong', '', 'The daemon hangs: its loop does not move.'), 'What is shown below is old.');
    byId('stuck').replaceChildren(...(is ? [text] : []));
  });
}

function live(is) {
  if (is) answered = Date.now();
  byId('link').className = is ? 'link live' : 'link';
  byId('link').textContent = is ? 'live' : 'offline';
  document.body.classList.toggle('lost', !is);
  draw('lost', [is, is ? 0 : answered], () => {
    const lost = make('div', 'notice degraded', make('strong', '', 'The daemon does not answer.'),
      ...(answered ? ['What is shown is of ', make('b', '', absolute(answered + skew)), ', ', ago((answered + skew) / 1000, '')] : ['Nothing is known yet']),
      '. This page goes on asking.');
    byId('lost').replaceChildren(...(is ? [] : [lost]));
  });
  if (!is && head) document.title = `Offline · numctl`;
  else if (head) showState();
}

function tick() {
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  for (const time of document.querySelectorAll('time[data-at]')) put(time, sinceOrIn(Number(time.dataset.at)));
  if (!head) return;
  byId('up').textContent = span((now() - Date.parse(head.started)) / 1000);
  byId('success').title = head.last_success ? absolute(inMs(head.last_success)) : '';
  byId('success').textContent = head.last_success ? `${span((now() - Date.parse(head.last_success)) / 1000)} ago` : 'never';
  const left = head.next_cycle ? (Date.parse(head.next_cycle) - now()) / 1000 : null;
  byId('next').textContent = head.in_progress ? 'running' : left === null ? '–' : left > 0 ? `in ${span(left)}` : 'due';
}

function start() {
  const option = (value, text) => { const entry = make('option', '', text); entry.value = value; return entry; };
  byId('standing').append(option('', 'Every condition'), ...STANDINGS.map(([standing, words]) => option(standing, words)), option('on_hold', 'on hold'));
  for (const id of ['search', 'standing', 'account']) byId(id).addEventListener('input', () => filter());
  byId('list').addEventListener('scroll', () => requestAnimationFrame(paint), { passive: true });
  isNarrow.addEventListener('change', () => filter());
  addEventListener('resize', () => requestAnimationFrame(paint));
  for (const name of ['now', 'mended']) {
    const turn = (to) => { tab = to; saveView(); if (head) show({ ...head, now: new Date(now()).toISOString() }); };
    byId(`tab-${name}`).addEventListener('click', () => turn(name));
    byId(`tab-${name}`).addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
      turn(name === 'now' ? 'mended' : 'now');
      byId(`tab-${tab}`).focus();
    });
  }
  byId('list').addEventListener('keydown', onListKey);
  byId('list').addEventListener('focus', paint);
  byId('chart').addEventListener('keydown', onChartKey);
  addEventListener('keydown', (event) => {
    const isTyping = event.target.closest?.('input, select, dialog') || event.ctrlKey || event.metaKey || event.altKey;
    if (event.key === '/' && !isTyping) { event.preventDefault(); byId('search').focus(); }
  });
  byId('detail').addEventListener('click', (event) => { if (event.target === byId('detail')) byId('detail').close(); });
  setInterval(tick, 1000);
  byId('detail').addEventListener('close', () => saveView());
  addEventListener('hashchange', () => applyView());
  applyView();
  setInterval(keepUp, RETRY);
  setInterval(feel, RETRY);
  addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
  addEventListener('online', () => refresh());
  refresh();
}

start();

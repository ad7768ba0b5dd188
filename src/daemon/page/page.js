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
    const title = make('strong', '', 'The files on disk are not valid. The last good ones stay in force.');
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
    notices.push(make('div', 'notice degraded', make('strong', '', 'Standing by: nothing can be written until this is fixed.'), 'What is shown below may be out of date.'));
  } else if (head.role === 'standing_by') {
    notices.push(make('div', 'notice held', make('strong', '', 'Standing by.'), head.writer ? `${head.writer[0].toUpperCase()}${head.writer.slice(1)}. ` : 'Another numctl writes. ', 'This process takes over when that one stops. What is shown below may be out of date.'));
  }
  byId('notices').replaceChildren(...notices);
}

const CAUSES_MAX = 5;

/** `02:06 UTC` */
const clock = (at) => `${new Date(inMs(at)).toISOString().slice(11, 16)} UTC`;

/** What is wrong with how many numbers, since when, and when it is tried again. */
function showCauses() {
  const causes = head.counts.degraded ? causesOf(sorted) : [];
  const lines = causes.slice(0, CAUSES_MAX).map((cause) => {
    const again = head.next_cycle && head.role === 'writer' ? [`, next try ${clock(head.next_cycle)}, `, ago(head.next_cycle, '')] : [];
    return make('li', '', make('b', '', `${number.format(cause.count)} × `), cause.message || cause.reason, make('span', 'quiet', ` since ${clock(cause.since)}`, ...again));
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
    shown.push(notice('Paused: nothing is changed.', `Drift is shown and not repaired. ${ends.filter(Boolean).join('; ')}.`));
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
  byId('bar').setAttribute('aria-label', parts.map(([standing, words]) => `${counts[standing]} ${words}`).join(', ') || 'No numbers are known yet');
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
  if (isOfNames) box.append(make('p', 'quiet', 'Each number gets its own friendly_name.'));
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
    const [title, text] = tab === 'mended' ? ['Nothing was repaired yet.', 'The last 100 repairs are shown here.']
      : !head.accounts.some((account) => account.listed) ? ['Not known yet.', head.role === 'standing_by' ? 'This process reads the fleet once it can write.' : 'No cycle has seen the fleet yet.']
      : head.counts.held ? ['No drift that can be repaired.', 'Some numbers are held back: see the numbers below.']
      : head.counts.degraded + head.counts.unknown ? ['No drift is known.', 'Some numbers could not be read.']
      : ['No drift.', 'Every declared number is as the files say.'];
    shown.push(make('p', 'empty', make('strong', '', title), text));
    if (tab === 'now' && head.mended.length) shown.push(make('p', 'quiet', 'Last repaired'), ...head.mended.slice(0, 5).map((drift) => card(drift)));
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
  if (!accounts.length) byId('accounts').append(make('li', 'quiet', 'No accounts are known yet.'));
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

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
    const [phone, account, name, verdict, synced, degraded, effective] = numbers[at];
    const said = verdicts[verdict];
    const text = `${phone}\n${name || ''}\n${accounts[account]}\n${said.synced.reason}\n${said.degraded.reason}`.toLowerCase();
    const row = known.get(phone);
    // In its place: the list and what it is filtered to hold the same row.
    if (row) Object.assign(row, { account, name, said, synced, degraded, effective, text });
    else known.set(phone, { phone, account, name, said, synced, degraded, effective, text, hold: null, tags: '' });
  }
  for (const [phone, end, words] of answer.holds) known.get(phone).hold = { until: end, why: words };
  for (const [phone, tags] of answer.tags) known.get(phone).tags = tags;
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
  const urgent = { degraded: [], unknown: [], drifted: [], no_effect: [], held: [], synced: [] };
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
      && words.every((word) => row.text.includes(word) || row.tags.toLowerCase().includes(word))) urgent[row.said.standing].push(row);
  }
  found = [].concat(...Object.values(urgent));
  byId('found').textContent = found.length === sorted.length ? `${number.format(sorted.length)} in all` : `${number.format(found.length)} of ${number.format(sorted.length)}`;
  byId('none').hidden = found.length > 0;
  byId('none').textContent = sorted.length ? 'No number matches.' : 'No number is known yet.';
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
    const about = row.said.degraded.status === 'True' ? row.said.degraded : row.said.standing === 'no_effect' ? row.said.effective : row.said.synced;
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
  const about = make('p', 'quiet', `${row.name ? `${row.name} · ` : ''}${accountNames[row.account]}${row.tags ? ` · ${row.tags}` : ''}`);
  const condition = (type, said, since, good) => {
    const dot = make('i', `dot ${said.status === good ? 'synced' : said.status === 'Unknown' ? 'unknown' : type === 'Degraded' ? 'degraded' : 'drifted'}`);
    const title = make('div', 'title', dot, make('b', '', `${type}: ${said.status}`), make('span', 'mono', said.reason), ago(since));
    return make('div', 'condition', title, ...(said.message ? [make('p', '', said.message)] : []));
  };
  const hold = holdOf(row);
  const held = hold ? [make('div', 'notice held', make('strong', '', 'On hold: it is left as it is.'), 'It lasts ', ...until(hold), '.', ...why(hold))] : [];
  const drifts = [...head.drift, ...head.drift_held, ...head.mended].filter((drift) => drift.phone_number === row.phone).slice(0, 10).map((drift) => card(drift));
  const link = make('a', '', 'Open in the Twilio Console');
  link.href = sidOfOpened ? consoleOf(sidOfOpened) : '#';
  link.rel = 'noopener noreferrer';
  link.target = '_blank';
  const links = sidOfOpened ? [make('p', '', link, ' ', make('span', 'quiet mono', sidOfOpened))] : [];
  byId('detail-body').replaceChildren(about, ...links, ...held, condition('Synced', row.said.synced, row.synced, 'True'), condition('Degraded', row.said.degraded, row.degraded, 'False'), condition('Effective', row.said.effective, row.effective, 'True'), ...drifts);
}

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
    const text = make('div', 'notice degraded', make('strong', '', 'The daemon is stuck: its loop does not move.'), 'What is shown below is out of date.');
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
      ...(answered ? ['This is the state of ', make('b', '', absolute(answered + skew)), ', ', ago((answered + skew) / 1000, '')] : ['Nothing is known yet']),
      '. This page keeps trying.');
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

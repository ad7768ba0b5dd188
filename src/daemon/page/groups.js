'use strict';
// What is the same of many numbers is said once.

/** Differences that are alike but for the number, each kind once, in the order of the first. */
function alike(drifts) {
  const groups = new Map();
  for (const drift of drifts) {
    const { kind, reason, changes, held, outcome, error } = drift;
    // A name is often another for each number; what is done to it is the same.
    const key = JSON.stringify([kind, reason, held, outcome, withoutNumbers(error), changes.map(({ field, before, after }) => field === 'friendly_name' ? field : [field, before, after])]);
    const group = groups.get(key);
    if (group) group.push(drift);
    else groups.set(key, [drift]);
  }
  return [...groups.values()];
}

/** A text that may quote the number it is about. */
const withoutNumbers = (text) => text && text.replace(/\+\d{5,15}/g, '+…').replace(/\b(PN|AC)[0-9a-f]{32}\b/g, '$1…');

/** Why numbers are degraded: each cause once, with how many and since when; the most frequent first. */
function causesOf(rows) {
  const causes = new Map();
  for (const row of rows) {
    if (row.said.standing !== 'degraded') continue;
    const { reason, message } = row.said.degraded;
    const key = `${reason}\n${withoutNumbers(message)}`;
    const cause = causes.get(key) ?? { reason, message: withoutNumbers(message), count: 0, since: Infinity, phone: row.phone };
    cause.count += 1;
    cause.since = Math.min(cause.since, row.degraded);
    causes.set(key, cause);
  }
  return [...causes.values()].sort((a, b) => b.count - a.count);
}

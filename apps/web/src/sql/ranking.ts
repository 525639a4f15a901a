/** How well a name fits what was typed, and the order of names that fit. */

/** 0: the same · 1: begins so · 2: a part of it begins so · 3: holds it · 4: holds its letters in order. Null: not at all. */
type Fit = 0 | 1 | 2 | 3 | 4;

function fitOf(name: string, typed: string): Fit | null {
  if (typed === "") return 1;
  const low = name.toLowerCase();
  const wanted = typed.toLowerCase();
  if (low === wanted) return 0;
  const at = low.indexOf(wanted);
  if (at === 0) return 1;
  if (at > 0) {
    for (let found = at; found !== -1; found = low.indexOf(wanted, found + 1))
      if (isStartOfPart(name, found)) return 2;
    return 3;
  }
  return followsLetters(name, low, wanted) ? 4 : null;
}

/** After `_`, `.`, a blank or a digit, or where lower case turns into upper case. */
function isStartOfPart(name: string, at: number): boolean {
  const before = name.charAt(at - 1);
  if (/[\s._\-$0-9]/.test(before)) return true;
  const char = name.charAt(at);
  return char !== char.toLowerCase() && before === before.toLowerCase();
}

/** The letters in order, the first at the start of a part: `ocd` fits `order_created_date`, `rder` alone does not. */
function followsLetters(name: string, low: string, wanted: string): boolean {
  const first = wanted.charAt(0);
  for (let at = low.indexOf(first); at !== -1; at = low.indexOf(first, at + 1)) {
    if (at > 0 && !isStartOfPart(name, at)) continue;
    let next = at + 1;
    let done = 1;
    while (done < wanted.length && next < low.length) {
      if (low.charAt(next) === wanted.charAt(done)) done += 1;
      next += 1;
    }
    return done === wanted.length;
  }
  return false;
}

/** The candidates that fit, best first: how well they fit, then their rank, then their own order. At most `most`. */
export function rankNames<T extends { label: string; rank: number }>(
  candidates: readonly T[],
  typed: string,
  most: number,
): T[] {
  const fitting: { item: T; fit: Fit; at: number }[] = [];
  candidates.forEach((item, at) => {
    const fit = fitOf(item.label, typed);
    if (fit !== null) fitting.push({ item, fit, at });
  });
  fitting.sort((a, b) => a.fit - b.fit || a.item.rank - b.item.rank || a.at - b.at);
  return fitting.slice(0, most).map(({ item }) => item);
}

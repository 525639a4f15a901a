import { type RawBuilder, sql } from "kysely";
import { containing } from "./page.ts";

/** Words beyond these are not looked at. */
const MAX_WORDS = 8;
/** Text and SQL are searched from so many characters on: an index of trigrams needs three. */
const MIN_TEXT = 3;

export type Words = {
  /** What was asked for, in small letters, blanks aside. */
  whole: string;
  /** Its words: each has to occur. Never empty. */
  each: readonly string[];
  /** Whether text and SQL are searched, and not only names. */
  inText: boolean;
};

/** The words of what a person typed; undefined when there are none. */
export function wordsOf(typed: string): Words | undefined {
  const whole = typed.trim().replace(/\s+/g, " ").toLowerCase();
  const each = [...new Set(whole.split(" "))].slice(0, MAX_WORDS);
  if (whole === "") return undefined;
  return { whole, each, inText: each.some((word) => [...word].length >= MIN_TEXT) };
}

/**
 * Condition that every word is in `text`, whatever its case. A word without letters has no case, and `like` looks through
 * text that no index narrows down several times as fast.
 */
export function containsAll(text: RawBuilder<unknown>, words: readonly string[]) {
  return sql<boolean>`(${sql.join(
    words.map((word) =>
      word.toUpperCase() === word.toLowerCase()
        ? sql`${text} like ${containing(word)}`
        : sql`${text} ilike ${containing(word)}`,
    ),
    sql` and `,
  )})`;
}

/** How well a name fits: 100 it is the name, 80 its beginning, 60 each word begins one of its words, 50 they are in it, else 0. */
export function nameScore(name: RawBuilder<unknown>, { whole, each }: Words) {
  const begins = sql.join(
    each.map((word) => sql`${name} ~* ${`(^|[^[:alnum:]])${asPattern(word)}`}`),
    sql` and `,
  );
  return sql<number>`(case
    when lower(${name}) = ${whole} then 100
    when starts_with(lower(${name}), ${whole}) then 80
    when ${begins} then 60
    when ${containsAll(name, each)} then 50
    else 0 end)::float8`;
}

/** What is in `text` around the first of the words in it; the beginning when none is. */
export function excerpt(text: RawBuilder<unknown>, words: readonly string[]) {
  const places = sql.join(words.map((word) => sql`nullif(strpos(lower(${text}), ${word}), 0)`));
  return sql<string>`substr(${text}, greatest(1, coalesce(least(${places}), 1) - 40), 160)`;
}

/** A regular expression of PostgreSQL that is `word` and nothing else. */
function asPattern(word: string): string {
  return word.replace(/[!-/:-@[-`{-~]/g, "\\$&");
}

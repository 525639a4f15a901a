/** Words for types of which `word 'literal'` is a constant. Without its literal it is `word $1`, which is no SQL. */
const TYPES =
  "interval|date|timestamptz|timestamp|timetz|time|uuid|jsonb?|bool(?:ean)?|inet|cidr|bytea|numeric|bit|point|box|xml";

const CONSTANT = new RegExp(
  `\\b(${TYPES})((?:\\s*\\(\\s*\\$?\\d+\\s*\\))?)(\\s+with(?:out)?\\s+time\\s+zone)?\\s+(\\$\\d+)(\\s+(?:year|month|day|hour|minute|second)(?:\\s+to\\s+(?:month|hour|minute|second))?\\b)?`,
  "gi",
);

/** A normalised statement as PostgreSQL reads it: `interval $1` as `$1::interval`. What it means stays the same. */
export function plannable(text: string): string {
  return text.replace(
    CONSTANT,
    (_, type: string, length: string, zone: string | undefined, parameter: string) =>
      `${parameter}::${type}${length.includes("$") ? "" : length}${zone ?? ""}`,
  );
}

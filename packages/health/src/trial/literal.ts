import { storableText } from "@quern/contract/text";

/** `text` as a literal of SQL, under standard_conforming_strings, in which psql reads nothing either. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `value` as a literal of SQL that jsonb takes, whatever its texts are. */
export function jsonLiteral(value: unknown): string {
  return literal(
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === "string" ? storableText(each) : each,
    ),
  );
}

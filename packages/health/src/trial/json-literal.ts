import { literal } from "@quern/contract/postgres-literal";
import { storableText } from "@quern/contract/text";

/** `value` as a literal of SQL that jsonb takes, whatever its texts are. */
export function jsonLiteral(value: unknown): string {
  return literal(
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === "string" ? storableText(each) : each,
    ),
  );
}

import { storableText } from "@quern/contract/text";
import { keyedHash } from "./keyed-hash.ts";
import { withoutLiterals } from "./literals.ts";
import { parseStatements, type Tree, UnparsableError } from "./parser.ts";
import { storageParameterPositions, typeModifierPositions } from "./tree.ts";

/** What PostgreSQL prints of defaults, predicates, constraints, partitions and indexes, as parts of statements. */
const FRAMES = [
  "select ",
  "alter table t add ",
  "create table t partition of p ",
  "create table t () partition by ",
  "",
];

const MAX_TEXT = 65_536;
const MAX_RESULT = 9_000;

/**
 * A column's default, a check, a predicate, an index's expression or definition, a partition's bounds, without literals.
 * `hash` is of the text as it was, under this agent's own key: equal texts have equal hashes. Needs `loadParser`.
 */
export function normaliseExpression(text: string): { text: string; hash: string } {
  const hash = keyedHash(text);
  const clean = storableText(text);
  const frame = clean.length > MAX_TEXT ? undefined : FRAMES.find((it) => parsed(it + clean));
  const statements = frame === undefined ? null : parsed(frame + clean);
  if (frame === undefined || statements === null) return { text: `<unparsable ${hash}>`, hash };
  const whole = withoutLiterals(
    frame + clean,
    new Set([
      ...typeModifierPositions(statements),
      ...storageParameterPositions(statements, frame + clean),
    ]),
  );
  const normalised = whole.slice(frame.length);
  return { text: normalised.length > MAX_RESULT ? `<too long ${hash}>` : normalised, hash };
}

function parsed(text: string): Tree[] | null {
  try {
    return parseStatements(text);
  } catch (error) {
    if (error instanceof UnparsableError) return null;
    throw error;
  }
}

/**
 * What a step of a chain is made of, as bytes to hash. Two steps with the same bytes do the same to the same state.
 *
 * The encoding is a sequence of records, each `tag (1 byte) ‖ length (4 bytes, big-endian) ‖ payload`:
 *
 * | tag | record | payload |
 * |---|---|---|
 * | 00 | domain, first | `quern/v1/step` |
 * | 01 | a script begins | empty |
 * | 02 | text of the script | SHA-256 of its bytes |
 * | 03 | a file that \copy reads | SHA-256 of its bytes |
 * | 04 | a file that is missing | empty |
 * | 05 | the script ends | empty |
 * | 06 | a variable that is set | record 08 of its name, record 08 of its value |
 * | 07 | a variable that is not set | its name |
 * | 08 | a string within a record | UTF-8 |
 * | 09 | the whole tree | its digest, 32 bytes |
 *
 * Records 01–05 follow the script in the order in which it is read: an included file stands, between 01 and 05, where it
 * is included, and the text around it is cut where its name was. So names of files are not in the key, and a file that is
 * renamed together with its \i hits. Text that moves from a file into one that it includes changes the key though the
 * statements are the same, because the end of a file is a boundary that scripts can feel: it ends an unfinished statement
 * and must not leave an \if open. Bytes are hashed as they are: line ends, comments and byte order marks count.
 *
 * Variables are those the script asks for, sorted by the bytes of their names. Of a script that is `dynamic` it is not
 * known which files it reads; record 09 stands for all of them.
 */
import type { Analysis } from "./analysis.ts";

const TAG = {
  domain: 0,
  file: 1,
  text: 2,
  copy: 3,
  missing: 4,
  end: 5,
  set: 6,
  unset: 7,
  string: 8,
  tree: 9,
} as const;

const DOMAIN = "quern/v1/step";

/** `tree` is a digest (32 bytes) of the whole tree, names included; a script that is dynamic needs it. */
export function stepKeyInputs(
  analysis: Pick<Analysis, "parts" | "variables" | "dynamic">,
  tree: Uint8Array | null = null,
): Uint8Array {
  const records = [record(TAG.domain, Buffer.from(DOMAIN))];
  for (const part of analysis.parts) {
    const payload = "digest" in part ? digestBytes(part.digest) : Buffer.alloc(0);
    records.push(record(TAG[part.part], payload));
  }
  const variables = analysis.variables.map(({ name, value }) => ({
    name: Buffer.from(name, "utf8"),
    value,
  }));
  variables.sort((a, b) => Buffer.compare(a.name, b.name));
  for (const { name, value } of variables) {
    if (value === null) records.push(record(TAG.unset, name));
    else {
      const both = [record(TAG.string, name), record(TAG.string, Buffer.from(value, "utf8"))];
      records.push(record(TAG.set, Buffer.concat(both)));
    }
  }
  if (analysis.dynamic !== null) {
    if (tree?.length !== 32) throw new TypeError("a dynamic script needs the digest of its tree");
    records.push(record(TAG.tree, tree));
  }
  return Buffer.concat(records);
}

function record(tag: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(tag, 0);
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

function digestBytes(digest: string): Buffer {
  const bytes = Buffer.from(digest, "hex");
  if (bytes.length !== 32) throw new TypeError(`no SHA-256 in hex: ${digest}`);
  return bytes;
}

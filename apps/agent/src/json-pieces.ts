/** A part of a document that is there as its text alone. */
export type Packed = {
  pieces(): AsyncIterable<Buffer>;
  /** What was packed, for whoever writes all of the document as one text. */
  toJSON(): unknown;
};

function isPacked(value: object): value is Packed {
  return "pieces" in value && typeof value.pieces === "function";
}

/** Elements of an array that are written at once. */
const ELEMENTS = 50;

/**
 * The text of `JSON.stringify(document)` piece by piece: of an object each property, of an array so many elements at a
 * time. The whole of a payload as one text would be the largest thing in the agent's memory.
 */
export async function* jsonPieces(document: object): AsyncIterable<string | Buffer> {
  if (Array.isArray(document)) return yield* elementPieces(document);
  let before = "{";
  for (const [key, value] of Object.entries(document) as [string, unknown][]) {
    if (value === undefined) continue;
    yield `${before}${JSON.stringify(key)}:`;
    before = ",";
    if (typeof value !== "object" || value === null) yield JSON.stringify(value);
    else if (isPacked(value)) yield* value.pieces();
    else if ("toJSON" in value) yield JSON.stringify(value);
    else yield* jsonPieces(value);
  }
  yield before === "{" ? "{}" : "}";
}

function* elementPieces(elements: unknown[]): Iterable<string> {
  yield "[";
  for (let start = 0; start < elements.length; start += ELEMENTS) {
    const text = JSON.stringify(elements.slice(start, start + ELEMENTS));
    yield `${start === 0 ? "" : ","}${text.slice(1, -1)}`;
  }
  yield "]";
}

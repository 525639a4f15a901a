/** Elements of an array that are written at once. */
const ELEMENTS = 50;

/**
 * The text of `JSON.stringify(document)` piece by piece: of an object each property, of an array so many elements at a
 * time. The whole of a payload as one text would be the largest thing in the agent's memory.
 */
export function* jsonPieces(document: object): Iterable<string> {
  let before = "{";
  for (const [key, value] of Object.entries(document) as [string, unknown][]) {
    if (value === undefined) continue;
    yield `${before}${JSON.stringify(key)}:`;
    before = ",";
    if (Array.isArray(value)) yield* elementPieces(value);
    else if (isPlain(value)) yield* jsonPieces(value);
    else yield JSON.stringify(value);
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

/** Not a date, nor anything else that writes itself. */
function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !("toJSON" in value);
}

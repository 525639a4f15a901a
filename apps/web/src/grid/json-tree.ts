/**
 * JSON as a foldable tree. It is read by a small parser of its own: numbers keep every digit, keys their order and their
 * repeats, which `JSON.parse` would lose.
 */
export type JsonNode = {
  /** `$`, `$.orders[2]["odd key"]`: where it stands, in the spelling of JSONPath. */
  path: string;
  /** The name in the object above, or the place in the list. */
  key: string | number | null;
  /** The literal's own text; of objects and lists null. */
  text: string | null;
  kind: "object" | "list" | "string" | "number" | "word";
  children: JsonNode[];
};

const TOKEN = /\s*(?:([{}[\],:])|("(?:[^"\\]|\\.)*")|([^\s{}[\],:"]+))/y;

/** null for text that is not JSON. */
export function parseJsonTree(text: string): JsonNode | null {
  try {
    JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  const next = tokens(text);
  return readValue(next(), next, "$", null);
}

function tokens(text: string): () => string {
  let at = 0;
  return () => {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    at = TOKEN.lastIndex;
    return match?.[1] ?? match?.[2] ?? match?.[3] ?? "";
  };
}

type Open = { node: JsonNode; key: string | null };

/** Without recursion: a cell may nest deeper than the stack. The text is valid JSON already. */
function readValue(first: string, next: () => string, path: string, key: string | null): JsonNode {
  const root = nodeOf(first, path, key);
  const open: Open[] = first === "{" || first === "[" ? [{ node: root, key: null }] : [];
  while (open.length > 0) {
    const top = open.at(-1)!;
    const token = next();
    if (token === "}" || token === "]") open.pop();
    else if (token === ",") continue;
    else if (top.node.kind === "object" && top.key === null) {
      top.key = JSON.parse(token) as string;
      next();
    } else {
      const place = top.node.kind === "object" ? (top.key ?? "") : top.node.children.length;
      const child = nodeOf(token, pathTo(top.node.path, place), place);
      top.node.children.push(child);
      top.key = null;
      if (token === "{" || token === "[") open.push({ node: child, key: null });
    }
  }
  return root;
}

function nodeOf(token: string, path: string, key: string | number | null): JsonNode {
  const kind =
    token === "{"
      ? "object"
      : token === "["
        ? "list"
        : token.startsWith('"')
          ? "string"
          : /^[-\d]/.test(token)
            ? "number"
            : "word";
  const inner = kind === "object" || kind === "list";
  return { path, key, kind, text: inner ? null : token, children: [] };
}

function pathTo(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key)
    ? `${path}.${key}`
    : `${path}[${JSON.stringify(key)}]`;
}

export type JsonLine = { node: JsonNode; level: number; open: boolean | null; found: boolean };

/** The lines to show: children of open nodes; while somebody searches, what is found and all above it. */
export function jsonLines(root: JsonNode, closed: ReadonlySet<string>, search: string): JsonLine[] {
  const word = search.trim().toLowerCase();
  const kept = word === "" ? null : findings(root, word);
  const lines: JsonLine[] = [];
  const walk: { node: JsonNode; level: number }[] = [{ node: root, level: 0 }];
  for (let at = walk.pop(); at !== undefined; at = walk.pop()) {
    const { node, level } = at;
    if (kept !== null && !kept.has(node)) continue;
    const inner = node.text === null && node.children.length > 0;
    const open = inner ? kept !== null || !closed.has(node.path) : null;
    lines.push({ node, level, open, found: kept?.get(node) ?? false });
    if (!open) continue;
    for (let child = node.children.length - 1; child >= 0; child -= 1)
      walk.push({ node: node.children[child]!, level: level + 1 });
  }
  return lines;
}

type Found = { node: JsonNode; above: Found | null };

/** Nodes that a search keeps: true for what is found itself, false for what leads there. */
function findings(root: JsonNode, word: string): Map<JsonNode, boolean> {
  const kept = new Map<JsonNode, boolean>();
  const all: Found[] = [{ node: root, above: null }];
  for (let at = all.pop(); at !== undefined; at = all.pop()) {
    const { node } = at;
    if (`${node.key ?? ""} ${node.text ?? ""}`.toLowerCase().includes(word)) {
      kept.set(node, true);
      for (let above = at.above; above !== null && !kept.has(above.node); above = above.above)
        kept.set(above.node, false);
    }
    for (const child of node.children) all.push({ node: child, above: at });
  }
  return kept;
}

/** The paths to close at first: below the second level of large values, so that what is there can be seen at once. */
export function closedAtFirst(root: JsonNode, most = 200): Set<string> {
  const closed = new Set<string>();
  let shown = 1;
  const walk: JsonNode[] = [root];
  for (let node = walk.shift(); node !== undefined; node = walk.shift()) {
    if (node.children.length === 0) continue;
    if (node !== root && shown + node.children.length > most) closed.add(node.path);
    else {
      shown += node.children.length;
      walk.push(...node.children);
    }
  }
  return closed;
}

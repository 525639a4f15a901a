/** Which files of a folder are left out: the rules of `.gitignore`, read from `.quernignore`. */

export type Rule = { pattern: RegExp; negated: boolean; foldersOnly: boolean };

/**
 * Left out unless a `.quernignore` takes them in again by `!`: what tools keep beside the work, and files that usually hold
 * secrets.
 */
export const DEFAULT_RULES = rulesOf(
  [
    ".git",
    ".hg",
    ".svn",
    ".DS_Store",
    "node_modules/",
    ".env",
    ".env.*",
    ".pgpass",
    ".quernignore",
  ].join("\n"),
  "",
);

/** The rules of one file, which stands in `folder` (`""` for the root, or `a/b/`). */
export function rulesOf(text: string, folder: string): Rule[] {
  return text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .flatMap((line) => ruleOf(line, folder) ?? []);
}

function ruleOf(line: string, folder: string): Rule | null {
  // Blanks at the end do not count, unless the last one is escaped.
  let text = line.replace(/(?<!\\)((?:\\\\)*)[ \t]+$/, "$1");
  if (text === "" || text.startsWith("#")) return null;
  const negated = text.startsWith("!");
  if (negated) text = text.slice(1);
  const foldersOnly = text.endsWith("/");
  if (foldersOnly) text = text.slice(0, -1);
  if (text === "" || endsInEscape(text)) return null;
  const anchored = text.includes("/");
  if (text.startsWith("/")) text = text.slice(1);
  const prefix = escapeRegex(folder) + (anchored ? "" : "(?:.*/)?");
  return {
    pattern: new RegExp(`^${prefix}${globSource(text, anchored)}$`, "s"),
    negated,
    foldersOnly,
  };
}

/** Whether the last rule that fits says to leave it out. Whoever asks has asked for the folders above before. */
export function isIgnored(rules: readonly Rule[], path: string, isFolder: boolean): boolean {
  for (let index = rules.length - 1; index >= 0; index--) {
    const { pattern, negated, foldersOnly } = rules[index]!;
    if ((isFolder || !foldersOnly) && pattern.test(path)) return !negated;
  }
  return false;
}

function endsInEscape(text: string): boolean {
  return /(?<!\\)(?:\\\\)*\\$/.test(text);
}

/**
 * `**`, or more of them, between slashes is any number of folders; `*` and `?` stop at a slash. Git compares the plain beginning
 * of a path by itself, so for it what comes next is at a start, too.
 */
function globSource(glob: string, anchored: boolean): string {
  const plain = anchored ? glob.search(/[*?[\\]/) : 0;
  let source = "";
  for (let at = 0; at < glob.length; ) {
    const rest = glob.slice(at);
    const starts = at === 0 || at === plain || glob[at - 1] === "/";
    const folders = starts ? /^\*{2,}(\/|$)/.exec(rest) : null;
    if (folders !== null) {
      source += folders[1] === "/" ? "(?:.*/)?" : ".*";
      at += folders[0].length;
    } else if (rest[0] === "*") {
      source += "[^/]*";
      at += /^\*+/.exec(rest)![0].length;
    } else if (rest[0] === "?") {
      source += "[^/]";
      at += 1;
    } else if (rest[0] === "[") {
      const set = setSource(rest);
      source += set.source;
      at += set.length;
    } else {
      const escaped = rest[0] === "\\";
      const char = escaped ? rest[1]! : rest[0]!;
      source += escapeRegex(char);
      at += escaped ? 2 : 1;
    }
  }
  return source;
}

/** `[a-z]`, `[!a]`, `[]a]`; a bracket that never closes fits nothing, as in git. */
function setSource(rest: string): { source: string; length: number } {
  const [whole, negation, members] = /^\[([!^]?)(\]?(?:\\.|[^\]\\])*)\]/s.exec(rest) ?? [];
  if (whole === undefined) return { source: "(?!)", length: rest.length };
  const body = members!.replace(/\\?([\s\S])/g, (each, char: string) =>
    char === "-" && each === "-" ? "-" : /[\\\]^[-]/.test(char) ? `\\${char}` : char,
  );
  if (/(.)-(.)/su.test(body) && !validRanges(body)) return { source: "(?!)", length: whole.length };
  return { source: `(?!/)[${negation === "" ? "" : "^"}${body}]`, length: whole.length };
}

function validRanges(body: string): boolean {
  try {
    new RegExp(`[${body}]`, "s");
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

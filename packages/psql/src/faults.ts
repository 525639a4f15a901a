/** What can be wrong with a script before a server sees it: said in the same words when it is analysed and when it runs. */
import { parseBoolean } from "./booleans.ts";
import type { BadLine } from "./byte-lines.ts";
import type { Command } from "./commands.ts";
import type { Mode } from "./scan-state.ts";
import type { ScriptErrorCode } from "./script-error.ts";

/** Files one inside the other. */
export const MAX_DEPTH = 32;
/** Files begun in one script: includes that double at each level would never end. */
export const MAX_INCLUDES = 10_000;
/** Longer statements do not fit in a string. */
export const MAX_STATEMENT = 256 * 1024 * 1024;

export type Fault = { code: ScriptErrorCode; message: string };

export const UNBALANCED: Fault = {
  code: "unbalanced_if",
  message: "This \\if has no \\endif in its file. Close it in the file that opens it.",
};

export const CUSTOM_DUMP: Fault = {
  code: "invalid_utf8",
  message:
    "This is a dump in pg_dump's custom format, not a script. Make a plain one: pg_restore -f dump.sql, or pg_dump without -Fc.",
};

export const STATEMENT_TOO_LARGE: Fault = {
  code: "script_too_large",
  message:
    "This statement is longer than 256 Mi characters, or variables make it so. Load the data by COPY, which has no such limit.",
};

export const TOO_MANY_INCLUDES: Fault = {
  code: "script_too_large",
  message: `The script includes more than ${MAX_INCLUDES} files, each counted as often as it is included.`,
};

export const NESTED_META_COMMAND: Fault = {
  code: "refused_command",
  message:
    "The value of a variable holds a backslash that would begin a meta-command. Write meta-commands into the script.",
};

export const RESTRICTED: Fault = {
  code: "refused_command",
  message:
    "Behind \\restrict no meta-command is carried out but its \\unrestrict. Was this dump changed by hand?",
};

export function badLineFault({ bad }: BadLine): Fault {
  if (bad === "length") {
    return { code: "script_too_large", message: "This line is longer than 500 MiB." };
  }
  const message =
    bad === "nul"
      ? "This line holds a NUL byte, which no SQL text can hold. Is the file binary, or UTF-16?"
      : "This line is not valid UTF-8. Save the file as UTF-8 (iconv -f LATIN1 -t UTF-8 file).";
  return { code: "invalid_utf8", message };
}

/** What is still open at the end of a file. */
export function unterminatedFault(mode: Mode): Fault {
  return { code: "unterminated", message: `The ${nameOf(mode)} is not closed in its file.` };
}

function nameOf(mode: Mode): string {
  if (mode.in === "comment") return "comment that begins with /*";
  if (mode.in === "dollars") return `text that begins with ${mode.tag}`;
  if (mode.in === "quotes" && mode.quote === '"') return 'name in double quotes (")';
  return "string in single quotes (')";
}

export function missingFault(path: string): Fault {
  return {
    code: "include_missing",
    message: `The project has no file “${path}”. Names are case-sensitive; \\i and \\copy count from the project's root, \\ir from the folder of its file.`,
  };
}

/** Why a file may not be included here; `chain` is what it would be in. */
export function nestingFault(chain: string[], path: string): Fault | null {
  if (chain.includes(path)) {
    const round = [...chain.slice(chain.indexOf(path)), path].join(" → ");
    return { code: "include_cycle", message: `The file includes itself: ${round}.` };
  }
  if (chain.length <= MAX_DEPTH) return null;
  return {
    code: "include_depth",
    message: `Files are included more than ${MAX_DEPTH} deep: ${chain.join(" → ")} → ${path}.`,
  };
}

/** Why a special variable may not have this value; null when it may. */
export function settingFault(name: string, value: string | null): Fault | null {
  const on = parseBoolean(value ?? "off") === true;
  if (name === "AUTOCOMMIT" && !on) {
    return {
      code: "refused_command",
      message:
        "AUTOCOMMIT stays on: a script ends without an open transaction. Write begin and commit.",
    };
  }
  if (name === "SINGLESTEP" && on) {
    return {
      code: "refused_command",
      message:
        "SINGLESTEP asks before each statement, and nobody is there to answer. Leave it off.",
    };
  }
  return null;
}

export function encodingFault(encoding: string): Fault | null {
  if (/^(?:utf-?8|unicode)$/i.test(encoding)) return null;
  return {
    code: "unsupported_encoding",
    message: `client_encoding cannot be ${encoding}: a script is UTF-8, and so is what comes back. Leave it at UTF8 and convert the file.`,
  };
}

export function barredFault(name: string, { kind, reason }: Command): Fault {
  const isRefused = kind === "refused";
  const what = isRefused ? "is refused in a script" : "is not supported in a script";
  return {
    code: isRefused ? "refused_command" : "unsupported_meta_command",
    message: `\\${name} ${what}: ${reason}.`,
  };
}

export function unknownCommandFault(name: string): Fault {
  return {
    code: "unsupported_meta_command",
    message:
      name === "."
        ? "There is no COPY whose data this \\. could end. Did the COPY before it fail, or is it commented out?"
        : `There is no meta-command \\${name}. See docs/scripts.md for those a script may use.`,
  };
}

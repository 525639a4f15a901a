/** What can go wrong on somebody's machine, in words with what to do. */
import { PostmasterError } from "@quern/postmaster/postmaster-error";
import { SettingsError } from "@quern/runtime/settings";
import { DatabaseTooNewError, ServerTooOldError } from "@quern/store/migrate";

/** A problem whose message is all that the person at the terminal needs. */
export class StartProblem extends Error {
  override name = "StartProblem";
}

/**
 * The words for an error that a person can mend, or null for one that is a defect of Quern and wants
 * its stack shown.
 */
export function inWords(error: unknown): string | null {
  if (error instanceof PostmasterError) {
    const elsewhere = /^(data_dir_|disk_full)/.test(error.code);
    return elsewhere ? `${error.message}\nQUERN_DATA_DIR sets the data directory.` : error.message;
  }
  const known = [StartProblem, SettingsError, DatabaseTooNewError, ServerTooOldError];
  if (known.some((type) => error instanceof type)) return (error as Error).message;
  switch (errorCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
    case "53100":
      return "The disk is full. Free some space, or set QUERN_DATA_DIR to a folder on a larger disk, and start again.";
    case "EACCES":
    case "EROFS":
      return `${(error as Error).message}\nQuern may not write there. Set QUERN_DATA_DIR to a folder of yours, or start as the user who owns it.`;
    default:
      return null;
  }
}

/** `code` of a system error or SQLSTATE of one of PostgreSQL's. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

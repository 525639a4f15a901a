export type PostmasterErrorCode =
  | "unsupported_platform"
  | "no_os_user"
  | "data_dir_in_use"
  | "data_dir_version"
  | "data_dir_foreign"
  | "data_dir_permissions"
  | "disk_full"
  | "port_taken"
  | "socket_path_too_long"
  | "initdb_failed"
  | "start_failed";

/** Why PostgreSQL could not be started, in words for the person at the terminal: what and what to do. */
export class PostmasterError extends Error {
  override name = "PostmasterError";
  readonly code: PostmasterErrorCode;

  constructor(code: PostmasterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The `code` of a system error (`ENOENT`, `EACCES` …), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

export function isDiskFull(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOSPC" || code === "EDQUOT";
}

export function diskFullError(path: string, cause?: unknown): PostmasterError {
  return new PostmasterError(
    "disk_full",
    `The disk that holds ${path} is full. Free some space on it, or move the data directory to a larger disk, and start again.`,
    { cause },
  );
}

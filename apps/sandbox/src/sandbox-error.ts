export type SandboxErrorCode =
  | "unsupported_engine"
  | "unknown_extension"
  | "setting_not_allowed"
  | "superuser_unavailable"
  | "instance_failed"
  | "instance_lost"
  | "disk_full"
  | "no_free_uid"
  | "too_many_instances"
  | "aborted";

/** Why the sandbox could not do what a job or a person asked for: what happened and what to do. */
export class SandboxError extends Error {
  override name = "SandboxError";
  readonly code: SandboxErrorCode;

  constructor(code: SandboxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

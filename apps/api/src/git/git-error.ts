/** A repository cannot be read. `message` says why and what to do, for people. */
export class GitError extends Error {
  override name = "GitError";
}

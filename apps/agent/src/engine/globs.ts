/** Whether one of `globs` is for `name`: `*` stands for any characters, `?` for one; everything else for itself. */
export function matchesAny(name: string, globs: string[]): boolean {
  return globs.some((glob) => {
    const pattern = glob
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    return new RegExp(`^${pattern}$`, "su").test(name);
  });
}

import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** After it has returned the file is there whole, whatever happens; before, it is not there at all. */
export async function writeDurably(folder: string, name: string, content: Buffer): Promise<void> {
  const temporary = join(folder, `.${name}.${process.pid}.tmp`);
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true }).catch(ignoreSystemError);
    throw error;
  }
  await syncFolder(dirname(join(folder, name)));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** For deeds whose failure leaves nothing worse behind than a file: the disk's state is said elsewhere. */
export function ignoreSystemError(error: unknown): void {
  if (systemCode(error) === null) throw error;
}

/** ENOSPC, EROFS, …; null for what is no error of the system. */
export function systemCode(error: unknown): string | null {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return error instanceof Error && typeof code === "string" && syscall !== undefined ? code : null;
}

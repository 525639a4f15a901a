import { saveFile } from "./file-save.ts";

type Pictured = { png(): Promise<Blob | null>; name: string };

/** Browsers lose some of several downloads that begin in the same moment. */
const PAUSE_MS = 150;

/** Saves what each tile draws as a picture; those that draw nothing are left out. */
export async function savePictures(dashboard: string, tiles: Pictured[]): Promise<void> {
  for (const tile of tiles) {
    const blob = await tile.png();
    if (blob === null) continue;
    const url = URL.createObjectURL(blob);
    saveFile(url, `${dashboard} - ${tile.name}.png`.replace(/[/\\:*?"<>|]/g, "_"));
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

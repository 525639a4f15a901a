/** A process that clones over and over, for a test that kills it: argv is the folder, and the uid if there is one. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cloneDirectory } from "./clone.ts";

const [folder = "", uid] = process.argv.slice(2);
const place = join(folder, "clone");
for (;;) {
  await cloneDirectory({
    backend: "copy",
    from: join(folder, "layer"),
    place,
    uid: uid === undefined ? null : Number(uid),
    setpriv: true,
  });
  await rm(place, { recursive: true, force: true });
}

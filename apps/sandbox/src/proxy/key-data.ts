import { Transform } from "node:stream";

const KEY_DATA = 0x4b;
const READY = 0x5a;

/**
 * Lets bytes of a server through and looks for BackendKeyData until the session is ready; from then on it looks at
 * nothing any more.
 */
export function watchKeyData(found: (pid: number, secret: number) => void): Transform {
  let held = Buffer.alloc(0);
  let looking = true;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (looking) {
        held = Buffer.concat([held, chunk]);
        looking = look();
        if (!looking) held = Buffer.alloc(0);
      }
      done(null, chunk);
    },
  });

  /** False once the session is ready. */
  function look(): boolean {
    while (held.length >= 5) {
      const length = held.readInt32BE(1) + 1;
      if (held[0] === READY) return false;
      if (held.length < length) return true;
      if (held[0] === KEY_DATA && length === 13) found(held.readInt32BE(5), held.readInt32BE(9));
      held = held.subarray(length);
    }
    return true;
  }
}

/** SHA-256 in the browser: where a page is not served over https there is no `crypto.subtle`, so a plain one stands beside it. */

const K = constants(64, 1 / 3);
const START = constants(8, 1 / 2);

/** The digest of `bytes` as the API spells it: `sha256:` and 64 hexadecimal digits. */
export async function digestOf(
  bytes: Uint8Array<ArrayBuffer>,
  subtle: SubtleCrypto | null = globalThis.crypto?.subtle ?? null,
): Promise<string> {
  const digest = subtle
    ? new Uint8Array(await subtle.digest("SHA-256", bytes))
    : plainSha256(bytes);
  return `sha256:${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The first 32 bits of the fractional parts of roots of the first primes (FIPS 180-4, §4.2.2 and §5.3.3). */
function constants(count: number, power: number): Uint32Array {
  const found: number[] = [];
  for (let n = 2; found.length < count; n += 1) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= n; divisor += 1)
      if (n % divisor === 0) prime = false;
    const root = n ** power;
    if (prime) found.push(Math.floor((root - Math.floor(root)) * 2 ** 32));
  }
  return Uint32Array.from(found);
}

/** FIPS 180-4, §6.2. */
function plainSha256(bytes: Uint8Array): Uint8Array {
  const length = bytes.length;
  const padded = new Uint8Array((((length + 8) >> 6) + 1) * 64);
  padded.set(bytes);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(length / 2 ** 29));
  view.setUint32(padded.length - 4, (length * 8) >>> 0);
  const hash = START.slice();
  const w = new Uint32Array(64);
  for (let block = 0; block < padded.length; block += 64) mix(hash, w, view, block);
  const digest = new Uint8Array(32);
  for (const [index, word] of hash.entries())
    new DataView(digest.buffer).setUint32(index * 4, word);
  return digest;
}

function mix(hash: Uint32Array, w: Uint32Array, view: DataView, block: number): void {
  const at = (list: Uint32Array, index: number) => list[index] ?? 0;
  for (let i = 0; i < 16; i += 1) w[i] = view.getUint32(block + i * 4);
  for (let i = 16; i < 64; i += 1) {
    const x = at(w, i - 15);
    const y = at(w, i - 2);
    const small0 = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
    const small1 = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
    w[i] = at(w, i - 16) + small0 + at(w, i - 7) + small1;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash;
  for (let i = 0; i < 64; i += 1) {
    const large1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const first = (h + large1 + ((e & f) ^ (~e & g)) + at(K, i) + at(w, i)) >>> 0;
    const large0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
    const second = (large0 + ((a & b) ^ (a & c) ^ (b & c))) >>> 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) >>> 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) >>> 0;
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries())
    hash[index] = at(hash, index) + word;
}

const turn = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

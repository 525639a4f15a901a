/** Zip archives as tests need them: files as they are, not compressed (APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16). */
import { crc32 } from "node:zlib";

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const UTF8_NAMES = 0x0800;

/** An archive of `files`, paths to texts. */
export function zipOf(files: Readonly<Record<string, string>>): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const [path, text] of Object.entries(files)) {
    const name = Buffer.from(path);
    const data = Buffer.from(text);
    const shared = sharedFields(name, data);
    const local = Buffer.concat([u32(LOCAL), shared, name, data]);
    const place = Buffer.concat([Buffer.alloc(10), u32(offset)]);
    centrals.push(Buffer.concat([u32(CENTRAL), u16(20), shared, place, name]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const count = u16(centrals.length);
  const end = [u32(END), Buffer.alloc(4), count, count, u32(directory.length), u32(offset), u16(0)];
  return Buffer.concat([...locals, directory, ...end]);
}

/** From the version that is needed to the length of the extra field: the same in both headers of a file. */
function sharedFields(name: Buffer, data: Buffer): Buffer {
  const stored = [u16(20), u16(UTF8_NAMES), u16(0), u16(0), u16(0x21)];
  const size = u32(data.length);
  return Buffer.concat([...stored, u32(crc32(data)), size, size, u16(name.length), u16(0)]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

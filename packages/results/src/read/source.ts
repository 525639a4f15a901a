/** Bytes of one part, wherever it is kept. `id` names its content for ever: metadata is cached by it. */
export type PartSource = {
  id: string;
  byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer> | ArrayBuffer;
  close?(): Promise<void>;
};

/** A part that is in memory. */
export function partFromBytes(id: string, bytes: Uint8Array): PartSource {
  return {
    id,
    byteLength: bytes.byteLength,
    slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
}

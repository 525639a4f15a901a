const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `bytes` in decimal units: `812 B`, `3.2 MB`, `41 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const BINARY: [number, string][] = [
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
  [1024, "KiB"],
];

/** A limit, which is usually set in binary units: `256 MiB`, `20 GiB`; others as `formatBytes`. */
export function formatByteLimit(bytes: number): string {
  const unit = BINARY.find(([size]) => bytes % size === 0);
  return unit ? `${bytes / unit[0]} ${unit[1]}` : formatBytes(bytes);
}

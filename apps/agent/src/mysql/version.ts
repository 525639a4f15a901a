/** 10.11.6 is 101106, 8.0.36 is 80036. */
export function versionNumber(version: string): number {
  const [, major = "0", minor = "0", patch = "0"] =
    /(\d+)\.(\d+)(?:\.(\d+))?/.exec(version.replace(/^5\.5\.5-/, "")) ?? [];
  return Number(major) * 10_000 + Number(minor) * 100 + Math.min(Number(patch), 99);
}

/** Releases of PostgreSQL as they were known when this table was written; nothing is asked of the network. */

/** When the table was last brought up to date: newer releases are not in it. */
export const RELEASES_AS_OF = "2026-05-14";

export type Release = {
  major: number;
  /** The newest minor release, and when it came. */
  minor: number;
  released: string;
  /** No more fixes after this day. */
  end_of_life: string;
};

/** From postgresql.org/support/versioning. */
export const RELEASES: readonly Release[] = [
  { major: 18, minor: 4, released: "2026-05-14", end_of_life: "2030-11-14" },
  { major: 17, minor: 10, released: "2026-05-14", end_of_life: "2029-11-08" },
  { major: 16, minor: 14, released: "2026-05-14", end_of_life: "2028-11-09" },
  { major: 15, minor: 18, released: "2026-05-14", end_of_life: "2027-11-11" },
  { major: 14, minor: 23, released: "2026-05-14", end_of_life: "2026-11-12" },
  { major: 13, minor: 23, released: "2025-11-13", end_of_life: "2025-11-13" },
  { major: 12, minor: 22, released: "2024-11-21", end_of_life: "2024-11-21" },
  { major: 11, minor: 22, released: "2023-11-09", end_of_life: "2023-11-09" },
  { major: 10, minor: 23, released: "2022-11-10", end_of_life: "2022-11-10" },
  { major: 9, minor: 6, released: "2021-11-11", end_of_life: "2021-11-11" },
];

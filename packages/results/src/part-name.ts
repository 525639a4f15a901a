/** The file name of a part inside its run's directory. */
export function partName(part: { statement: number; part: number }): string {
  return `s${part.statement}-p${part.part}.parquet`;
}

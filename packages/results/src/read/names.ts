/** Column names for formats that need each to be different and not empty: `a, a_2, a_3`, `column_4`. */
export function uniqueNames(names: string[]): string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  return names.map((given, index) => {
    const name = given === "" ? `column_${index + 1}` : given;
    if (!seen.has(name) && (given !== "" || !taken.has(name))) {
      seen.add(name);
      return name;
    }
    let number = 2;
    while (taken.has(`${name}_${number}`) || seen.has(`${name}_${number}`)) number += 1;
    seen.add(`${name}_${number}`);
    return `${name}_${number}`;
  });
}

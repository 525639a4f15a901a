const PAGE = 500;

/** The answers for `names`, some hundred at a time: `marks` stand for those of `page` in a statement. */
export async function byPages<T>(
  names: readonly string[],
  ask: (marks: string, page: readonly string[]) => Promise<T[]>,
): Promise<T[]> {
  const answers: T[] = [];
  for (let start = 0; start < names.length; start += PAGE) {
    const page = names.slice(start, start + PAGE);
    for (const answer of await ask(page.map(() => "?").join(", "), page)) answers.push(answer);
  }
  return answers;
}

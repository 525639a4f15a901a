/** Parameters of queries and runs, and what is wrong with them as problem documents. */
import type { Parameter, ParameterValues, RunParameter } from "@quern/contract/parameters";
import { checkParameters } from "@quern/contract/parameters/definitions";
import { type ParameterProblem, ParametersError } from "@quern/contract/parameters/errors";
import { resolveParameters } from "@quern/contract/parameters/resolve";
import { ApiError } from "./problems.ts";

/** What a run of a text binds, by the definitions that came with it. */
export async function parametersOfSql(
  sql: string,
  definitions: Parameter[],
  values: ParameterValues,
): Promise<RunParameter[]> {
  refuse(checkParameters(sql, definitions, "parameters"));
  return inProblems("sql", async () => resolveParameters(sql, definitions, values));
}

/** Values that do not fit become the problem that names every one; `sqlPath` is where the SQL stands in the request. */
export async function inProblems<T>(
  sqlPath: "sql" | "query_id",
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ParametersError)) throw error;
    const inRequest = ({ path }: ParameterProblem) => (path === "sql" ? sqlPath : path);
    throw toProblem(error.problems.map((problem) => ({ ...problem, path: inRequest(problem) })));
  }
}

/** Throws the problem that names everything that is wrong, if anything is. */
export function refuse(problems: ParameterProblem[]): void {
  if (problems.length > 0) throw toProblem(problems);
}

function toProblem(problems: ParameterProblem[]): ApiError {
  const errors = problems.map(({ path, message }) => ({ path: `body.${path}`, message }));
  return new ApiError("invalid_request", errors[0]!.message, errors);
}

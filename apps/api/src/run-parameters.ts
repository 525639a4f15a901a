/** Parameters of queries and runs, and what is wrong with them as problem documents. */
import type { Parameter, ParameterValues, RunParameter } from "@quern/contract/parameters";
import { checkParameters } from "@quern/contract/parameters/definitions";
import { type ParameterProblem, ParametersError } from "@quern/contract/parameters/errors";
import { resolveParameters } from "@quern/contract/parameters/resolve";
import type { Query } from "@quern/contract/queries";
import { ApiError } from "./problems.ts";

/** What a run of a saved query binds. Throws the problem that names every value that does not fit. */
export function parametersOfQuery(query: Query, values: ParameterValues): RunParameter[] {
  return resolve(query.sql, query.params, values, "query_id");
}

/** What a run of a text binds, by the definitions that came with it. */
export function parametersOfSql(
  sql: string,
  definitions: Parameter[],
  values: ParameterValues,
): RunParameter[] {
  refuse(checkParameters(sql, definitions, "parameters"));
  return resolve(sql, definitions, values, "sql");
}

function resolve(
  sql: string,
  definitions: Parameter[],
  values: ParameterValues,
  sqlPath: "sql" | "query_id",
): RunParameter[] {
  try {
    return resolveParameters(sql, definitions, values);
  } catch (error) {
    if (!(error instanceof ParametersError)) throw error;
    const inQuery = ({ path }: ParameterProblem) => (path === "sql" ? sqlPath : path);
    throw toProblem(error.problems.map((problem) => ({ ...problem, path: inQuery(problem) })));
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

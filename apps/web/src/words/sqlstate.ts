/** Names of the classes of SQLSTATE that queries meet, as in PostgreSQL's documentation, Appendix A. */
const CLASSES: Record<string, string> = {
  "0A": "Feature Not Supported",
  "08": "Connection Exception",
  "21": "Cardinality Violation",
  "22": "Data Exception",
  "23": "Integrity Constraint Violation",
  "24": "Invalid Cursor State",
  "25": "Invalid Transaction State",
  "26": "Invalid SQL Statement Name",
  "28": "Invalid Authorization Specification",
  "2B": "Dependent Privilege Descriptors Still Exist",
  "2D": "Invalid Transaction Termination",
  "34": "Invalid Cursor Name",
  "3D": "Invalid Catalog Name",
  "3F": "Invalid Schema Name",
  "40": "Transaction Rollback",
  "42": "Syntax Error or Access Rule Violation",
  "44": "WITH CHECK OPTION Violation",
  "53": "Insufficient Resources",
  "54": "Program Limit Exceeded",
  "55": "Object Not In Prerequisite State",
  "57": "Operator Intervention",
  "58": "System Error",
  P0: "PL/pgSQL Error",
  XX: "Internal Error",
};

/** The class that a SQLSTATE such as `42703` belongs to, by name; null when it is none of PostgreSQL's usual ones. */
export function sqlstateClass(sqlstate: string): string | null {
  return CLASSES[sqlstate.slice(0, 2).toUpperCase()] ?? null;
}

/** SQL, on top of `numberMacro`, of 1 for a cell that says yes, 0 for one that says no, whatever the spelling, and NULL for all others. */
export function truthSql(text: string): string {
  const plain = `lower(trim(${text}))`;
  return `CASE WHEN ${plain} IN ('true', 't', 'yes', 'y') OR to_number(${text}) = 1 THEN 1
    WHEN ${plain} IN ('false', 'f', 'no', 'n') OR to_number(${text}) = 0 THEN 0 END`;
}

/** Something at a line, from 1. */
export interface Found {
  readonly line: number;
  readonly text: string;
}

/** One broken rule: where, which, what is wrong and what to do. */
export interface Violation {
  /** Relative to the repository, with forward slashes. */
  readonly file: string;
  /** From 1; 1 also where the file as a whole is meant. */
  readonly line: number;
  readonly rule: string;
  readonly problem: string;
  readonly remedy: string;
}

/** One line: `packages/crm/src/dcn.ts:3  direction  crm imports llm; ...`. */
export function formatViolation({ file, line, rule, problem, remedy }: Violation): string {
  return `${file}:${line}  ${rule}  ${problem}; ${remedy}`;
}

/** What an example's README says that it prints: the block of `text`. */
export function printedByReadme(readme: string): string | undefined {
  return /```text\n([\s\S]*?)```/.exec(readme)?.[1]?.trimEnd();
}

/** How far a number with decimals may be from the one in a README: another CPU rounds differently, and training goes on from there. */
const tolerance = 0.03;

const numbers = /\d*\.?\d+/g;

/**
 * Compares what was printed with what was said, line by line: words and whole numbers are the same, numbers with decimals nearly.
 * Empty lines do not count.
 * @returns a sentence for each line that differs
 */
export function printedDifferences(expected: string, actual: string): string[] {
  const [said, printed] = [linesOf(expected), linesOf(actual)];
  if (said.length !== printed.length)
    return [`${said.length} lines are said, ${printed.length} printed:\n${printed.join("\n")}`];
  return said.flatMap((line, i) =>
    isNearly(line, printed[i]!) ? [] : [`said "${line}", printed "${printed[i]!}"`],
  );
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
}

function isNearly(expected: string, actual: string): boolean {
  const words = (line: string): string => line.replaceAll(numbers, "#");
  const [said, printed] = [expected.match(numbers) ?? [], actual.match(numbers) ?? []];
  return (
    words(expected) === words(actual) &&
    said.every((number, i) =>
      number.includes(".")
        ? Math.abs(Number(number) - Number(printed[i])) <= tolerance
        : number === printed[i],
    )
  );
}

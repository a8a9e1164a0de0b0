import { InvalidArgumentError, Option } from "commander";

/** What the test figures' intervals draw. */
export const intervalsOption: Option = new Option(
  "--intervals <what>",
  "what the test figures' intervals draw: whole users, or single rows",
)
  .choices(["users", "rows"])
  .default("users");

/** The folder of prepared data. */
export const cacheOption: Option = new Option(
  "--cache <folder>",
  "where prepared data are kept and found again",
).default(".cache/data");

/** A price of a machine's hour. */
export function price(value: string): number {
  const number = Number(value);
  if (value.trim() !== "" && Number.isFinite(number) && number >= 0) return number;
  throw new InvalidArgumentError("It is a number of at least 0.");
}

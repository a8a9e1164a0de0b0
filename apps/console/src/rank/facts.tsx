import type { JSX } from "preact";
import { formatNumber } from "../numbers.ts";

/** Elements of a list that are shown, and levels of what lies in each other. */
const [mostShown, mostLevels] = [50, 4];

/** Any JSON value as a list of names and values: a server may tell more than this page knows. */
export function Facts({
  value,
  level = 0,
}: {
  readonly value: unknown;
  readonly level?: number;
}): JSX.Element {
  if (typeof value === "number") return <>{formatNumber(value)}</>;
  if (typeof value !== "object" || value === null) return <>{String(value)}</>;
  if (level >= mostLevels) return <code>{JSON.stringify(value).slice(0, 200)}</code>;
  if (Array.isArray(value)) {
    const shown = value.slice(0, mostShown);
    const rest = value.length - shown.length;
    if (shown.every((each) => typeof each !== "object" || each === null))
      return (
        <>
          {shown.map((each) => (typeof each === "number" ? formatNumber(each) : String(each))).join(", ") ||
            "–"}
          {rest > 0 && ` and ${rest} more`}
        </>
      );
    return (
      <ol class="facts">
        {shown.map((each, i) => (
          <li key={i}>
            <Facts value={each} level={level + 1} />
          </li>
        ))}
        {rest > 0 && <li>and {rest} more</li>}
      </ol>
    );
  }
  return (
    <dl class="facts">
      {Object.entries(value).map(([name, each]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Facts value={each} level={level + 1} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

import type { JSX } from "preact";
import { Table } from "../page/table.tsx";

/** Elements of a list that are shown, and levels of what lies in each other. */
const [mostShown, mostLevels] = [50, 4];

interface FactsProps {
  readonly value: unknown;
  /** What it is called where it stands. */
  readonly name?: string;
  readonly level?: number;
}

/** Any JSON value as names and values, lists of objects as tables: a server may tell more than this page knows. */
export function Facts({ value, name = "values", level = 0 }: FactsProps): JSX.Element {
  if (typeof value !== "object" || value === null) return <>{plain(value)}</>;
  if (level >= mostLevels) return <code>{JSON.stringify(value).slice(0, 200)}</code>;
  if (Array.isArray(value)) return <List value={value} name={name} level={level} />;
  return (
    <dl class="facts">
      {Object.entries(value).map(([key, each]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>
            <Facts value={each} name={key} level={level + 1} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function List({
  value,
  name,
  level,
}: Required<FactsProps> & { readonly value: readonly unknown[] }): JSX.Element {
  const shown = value.slice(0, mostShown);
  const rest = value.length > shown.length ? `and ${value.length - shown.length} more` : "";
  if (shown.length === 0 || !shown.every(isObject)) {
    const words = shown.map((each) => (typeof each === "object" ? JSON.stringify(each) : plain(each)));
    return (
      <>
        {words.join(", ") || "–"} {rest}
      </>
    );
  }
  const columns = [...new Set(shown.flatMap((each) => Object.keys(each)))];
  return (
    <>
      <Table
        caption={name}
        columns={columns}
        rows={shown.map((each) =>
          columns.map((column) =>
            each[column] === undefined ? "" : <Facts value={each[column]} name={column} level={level + 1} />,
          ),
        )}
      />
      {rest !== "" && <p class="note">{rest}</p>}
    </>
  );
}

function plain(value: unknown): string {
  // A year is a number too: whole ones stand as they are.
  return typeof value === "number" && !Number.isInteger(value)
    ? String(Number(value.toPrecision(4)))
    : String(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

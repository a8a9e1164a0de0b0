import type { JSX } from "preact";
import { useCallback, useState } from "preact/hooks";
import { getMetrics, type Info } from "../api.ts";
import { Sparkline } from "../charts/sparkline.tsx";
import { settled, useEvery } from "../hooks.ts";
import { formatNumber, formatSeconds, formatShare } from "../numbers.ts";
import { Problem } from "../page/problem.tsx";
import { Numbers, Table } from "../page/table.tsx";
import { EntropyHistogram } from "./entropy-histogram.tsx";
import {
  budgetsLeft,
  endpointFigures,
  fallbackCounts,
  fallbackRate,
  laneFigures,
  llmShare,
  requestQuantile,
  requestRate,
} from "./figures.ts";
import { parsePrometheus } from "./prometheus.ts";
import type { Reading } from "./readings.ts";

/** Time between two readings, how many are kept, and over how many rates and quantiles are taken. */
const [everyMs, kept, window] = [2000, 91, 15];

/** What the server does at the moment. */
export function MetricsPage({
  info,
  active,
}: {
  readonly info: Info;
  readonly active: boolean;
}): JSX.Element {
  const [readings, setReadings] = useState<readonly Reading[]>([]);
  const [error, setError] = useState<Error>();
  const read = useCallback(async () => {
    const { value: text, error: cause } = await settled(getMetrics());
    setError(cause);
    if (text === undefined) return;
    const reading = { at: performance.now() / 1000, samples: parsePrometheus(text) };
    setReadings((before) => [...before, reading].slice(-kept));
  }, []);
  useEvery(everyMs, read, active);
  const now = readings.at(-1);
  return (
    <>
      <h2>Live metrics</h2>
      <Problem error={error} />
      {now === undefined ? (
        <p class="note">{error === undefined ? "Reading …" : "Nothing was read yet."}</p>
      ) : (
        <Figures info={info} readings={readings} now={now} />
      )}
    </>
  );
}

interface FiguresProps {
  readonly info: Info;
  readonly readings: readonly Reading[];
  readonly now: Reading;
}

function Figures({ info, readings, now }: FiguresProps): JSX.Element {
  const since = readings.at(-1 - window) ?? readings[0]!;
  /** A figure of each reading and the one before. */
  const series = (figure: (from: Reading, to: Reading) => number | undefined): (number | undefined)[] =>
    readings.slice(1).map((reading, i) => figure(readings[i]!, reading));
  return (
    <>
      <p class="note">
        Read every {everyMs / 1000} s; figures are of the last {Math.round(now.at - since.at)} s, lines of the
        last {Math.round(now.at - readings[0]!.at)} s.
      </p>
      <div class="tiles">
        <Tile
          title="requests a second"
          value={requestRate(since, now)}
          values={series(requestRate)}
          format={formatNumber}
        />
        <Tile
          title="half answered within"
          value={requestQuantile(since, now, 0.5)}
          values={series((from, to) => requestQuantile(from, to, 0.5))}
          format={formatSeconds}
        />
        <Tile
          title="99 % answered within"
          value={requestQuantile(since, now, 0.99)}
          values={series((from, to) => requestQuantile(from, to, 0.99))}
          format={formatSeconds}
        />
        <Tile
          title="share answered by the LLM"
          value={llmShare(since, now)}
          values={series(llmShare)}
          format={(share) => (share === undefined ? "–" : formatShare(share))}
        />
        <Tile
          title="fallbacks a second"
          value={fallbackRate(since, now)}
          values={series(fallbackRate)}
          format={formatNumber}
        />
      </div>
      <div class="sections">
        <Section
          title="Endpoints"
          columns={["endpoint", "a second", "errors a second", "p50", "p99"]}
          rows={endpointFigures(since, now).map(({ endpoint, perSecond, errorsPerSecond, p50, p99 }) => [
            endpoint,
            formatNumber(perSecond),
            formatNumber(errorsPerSecond),
            formatSeconds(p50),
            formatSeconds(p99),
          ])}
        />
        <Section
          title="Lanes"
          columns={["lane", "rows waiting", "rows a batch", "batch p50", "batch p99", "dropped a second"]}
          rows={laneFigures(since, now).map((lane) => [
            lane.lane.toUpperCase(),
            formatNumber(lane.waitingRows),
            formatNumber(lane.batchRows),
            formatSeconds(lane.p50),
            formatSeconds(lane.p99),
            formatNumber(lane.droppedPerSecond),
          ])}
        />
        <Section
          title="Left of the LLM’s budget"
          columns={["budget", "left"]}
          rows={budgetsLeft(now).map(({ name, value }) => [name, formatNumber(value)])}
        />
        <Section
          title="Answers of the CRM in the LLM’s place"
          columns={["reason", "since the start"]}
          rows={fallbackCounts(now).map(({ name, value }) => [name, formatNumber(value)])}
        />
        <EntropyHistogram reading={now} policy={info.router?.policy} />
      </div>
    </>
  );
}

/** A table under its title; nothing where there are no rows. */
function Section({
  title,
  columns,
  rows,
}: {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}): JSX.Element | null {
  if (rows.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <Table caption={title} columns={columns} rows={rows} />
    </section>
  );
}

interface TileProps {
  readonly title: string;
  readonly value: number | undefined;
  readonly values: readonly (number | undefined)[];
  readonly format: (value: number | undefined) => string;
}

function Tile({ title, value, values, format }: TileProps): JSX.Element {
  return (
    <section class="tile" aria-label={title}>
      <h3>{title}</h3>
      <p class="figure">{format(value)}</p>
      <Sparkline label={`${title}, now ${format(value)}`} values={values} />
      <Numbers
        caption={title}
        columns={["seconds ago", "value"]}
        rows={values
          .map((each, i) => [String(((values.length - 1 - i) * everyMs) / 1000), format(each)])
          .toReversed()}
      />
    </section>
  );
}

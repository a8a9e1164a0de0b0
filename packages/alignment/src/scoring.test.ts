import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRun, type Run, type RunInputs } from "./run.ts";
import type { Scoring } from "./scoring.ts";

const scoring: Scoring = {
  name: "llm",
  title: "Scoring: llm",
  rows: Uint32Array.from({ length: 10 }, (_, i) => 100 + i),
  chunkSize: 3,
};

/** A run that does nothing but score. */
function scoringRun(scoresFolder: string, signal?: AbortSignal, checkpointEverySeconds = 30): Run {
  const inputs = { config: { checkpointEverySeconds }, listener: {}, signal } as unknown as RunInputs;
  return createRun({ ...inputs, checkpointFolder: () => scoresFolder, scoresFolder });
}

/** Answers with a function of the row, and says which chunks it was asked for. */
function scorer({ rows }: Scoring = scoring): {
  score: (start: number, end: number) => Promise<Float32Array>;
  asked: number[];
} {
  const asked: number[] = [];
  return {
    asked,
    score(start, end) {
      asked.push(start);
      return Promise.resolve(Float32Array.from(rows.subarray(start, end), (row) => 1 / row));
    },
  };
}

const makeFolder = async (): Promise<string> =>
  join(await mkdtemp(join(tmpdir(), "corella-scores-")), "scores");
const whole = Float32Array.from(scoring.rows, (row) => 1 / row);

test("a scoring that was interrupted goes on after its last whole chunk", async () => {
  const folder = await makeFolder();
  const abort = new AbortController();
  const first = scorer();
  const stopped = scoringRun(folder, abort.signal).inChunks(scoring, (start, end) => {
    if (start === 3) abort.abort();
    return first.score(start, end);
  });
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  expect(first.asked).toEqual([0, 3]);
  const second = scorer();
  const run = scoringRun(folder);
  expect(await run.inChunks(scoring, second.score)).toEqual(whole);
  expect(second.asked).toEqual([6, 9]);
  expect(run.scored["llm"]).toMatchObject({ samples: 10 });
  const third = scorer();
  expect(await scoringRun(folder).inChunks(scoring, third.score)).toEqual(whole);
  expect(third.asked).toEqual([]);
});

test("what was scored before a failure is kept, for those rows, that model and that title alone", async () => {
  const folder = await makeFolder();
  const failing = scoringRun(folder).inChunks(scoring, (start, end) =>
    start === 6 ? Promise.reject(new Error("The server is gone.")) : scorer().score(start, end),
  );
  await expect(failing).rejects.toThrow("The server is gone.");
  const others = [
    { ...scoring, rows: scoring.rows.toReversed() },
    { ...scoring, name: "crm" },
    { ...scoring, title: "Scoring once more: llm" },
    { ...scoring, chunkSize: 2 },
  ];
  for (const other of others) {
    const { score, asked } = scorer(other);
    await scoringRun(folder).inChunks(other, score);
    expect(asked[0]).toBe(0);
  }
  const { score, asked } = scorer();
  expect(await scoringRun(folder).inChunks(scoring, score)).toEqual(whole);
  expect(asked).toEqual([6, 9]);
});

test("scores are kept as often as checkpoints are, and short scorings leave no file", async () => {
  const folder = await makeFolder();
  await scoringRun(folder).inChunks(scoring, scorer().score);
  await expect(readdir(folder)).rejects.toMatchObject({ code: "ENOENT" });
  const seen: number[] = [];
  await scoringRun(folder, undefined, 1e-9).inChunks(scoring, async (start, end) => {
    seen.push(
      await readdir(folder).then(
        (files) => files.length,
        () => 0,
      ),
    );
    return scorer().score(start, end);
  });
  expect(seen).toEqual([0, 1, 1, 1]);
  const [file] = await readdir(folder);
  await writeFile(join(folder, file!), '{"answers": "');
  const { score, asked } = scorer();
  expect(await scoringRun(folder).inChunks(scoring, score)).toEqual(whole);
  expect(asked[0]).toBe(0);
});

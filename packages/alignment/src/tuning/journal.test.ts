import { appendFile, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openJournal, type JournalledAsha } from "./journal.ts";

const search = { trials: 9, rungs: 2, factor: 3 };
const path = async (): Promise<string> =>
  join(await mkdtemp(join(tmpdir(), "corella-journal-")), "search/journal.jsonl");
/** One of them diverges. */
const scoreOf = (trial: number, rung: number): number =>
  trial === 4 ? Number.NaN : ((trial * 7) % 9) / 10 + rung;

/** Two workers; the one with the greater trial is always the faster one. @param results after which it is left as it is */
async function drive(asha: JournalledAsha, results: number): Promise<void> {
  for (let done = 0; ; done++) {
    while (asha.running().length < 2 && (await asha.next()) !== undefined);
    const job = asha.running().toSorted((a, b) => b.trial - a.trial)[0];
    if (job === undefined || done === results) return;
    await asha.report(job, { score: scoreOf(job.trial, job.rung), ended: false });
  }
}

test("a search that is interrupted after any result ends with the same lines, and a half-written one is cut off", async () => {
  const undisturbed = await path();
  const first = await openJournal(undisturbed, search);
  await drive(first, Number.POSITIVE_INFINITY);
  await first.close();
  const expected = await readFile(undisturbed, "utf8");
  const results = expected.split("\n").filter((line) => line.includes("result")).length;
  expect(results).toBeGreaterThan(10);
  for (let interruptedAfter = 0; interruptedAfter < results; interruptedAfter += 2) {
    const own = await path();
    const before = await openJournal(own, search);
    await drive(before, interruptedAfter);
    await before.close();
    await appendFile(own, '{"result":{"trial":3,"ru');
    const after = await openJournal(own, search);
    expect(after.running()).toEqual(before.running());
    await drive(after, Number.POSITIVE_INFINITY);
    await after.close();
    expect(await readFile(own, "utf8")).toBe(expected);
  }
});

test("a journal of another search, and one that is none, are refused", async () => {
  const own = await path();
  const asha = await openJournal(own, search);
  await drive(asha, 6);
  await asha.close();
  await expect(openJournal(own, { ...search, factor: 2 })).rejects.toMatchObject({ code: "tune/journal" });
  await writeFile(own, "notes\n");
  await expect(openJournal(own, search)).rejects.toMatchObject({ code: "tune/journal", place: `${own}:1` });
});

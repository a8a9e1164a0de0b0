import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { workOff } from "./work-off.ts";

test("work that cannot be given is an error once what runs has been told and has ended", async () => {
  let ended = false;
  let given = 0;
  const working = workOff({ slots: () => 2 }, () => {
    if (given++ > 0) return Promise.reject(new Error("no space left"));
    return Promise.resolve(async (signal: AbortSignal) => {
      await delay(60_000, undefined, { signal }).catch(() => {});
      await delay(20);
      ended = true;
    });
  });
  await expect(working).rejects.toThrow("no space left");
  expect(ended).toBe(true);
});

import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFolder } from "./folder.ts";
import type { Output } from "./output.ts";
import { openS3 } from "./s3.ts";
import { s3StandIn, type S3StandIn } from "./s3-stand-in.test-helper.ts";

let store: S3StandIn;
beforeAll(async () => {
  store = await s3StandIn();
});
afterAll(() => store.close());

function settings(): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_REGION: "eu-west-1",
    AWS_ENDPOINT_URL_S3: store.endpoint,
  };
}

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

test.each<[string, () => Promise<Output>]>([
  ["a folder", async () => openFolder(join(await mkdtemp(join(tmpdir(), "corella-output-")), "new"), true)],
  ["an S3 store", async () => openS3("s3://bucket/some/place/", settings())],
])("%s keeps the first of those that write a name, whole", async (_, open) => {
  const output = await open();
  expect(await output.has("a")).toBe(false);
  expect(await output.get("a")).toBeUndefined();
  const written = await Promise.all(
    ["1", "2", "3"].map((each) => output.putNew("a", Buffer.from(each.repeat(1e5)))),
  );
  expect(written.filter(Boolean)).toHaveLength(1);
  const winner = String(written.indexOf(true) + 1);
  expect(await output.has("a")).toBe(true);
  expect(text(await output.get("a"))).toBe(winner.repeat(1e5));
  expect(await output.putNew("a", Buffer.from("4"))).toBe(false);
  if (output.placeOf("").startsWith("/")) expect(await readdir(output.placeOf(""))).toEqual(["a"]);
  else expect([...store.objects.keys()]).toEqual(["/bucket/some/place/a"]);
});

test("a busy store is asked again, one that refuses is told of", async () => {
  const output = openS3("s3://bucket", settings());
  store.failures.push(503, 409);
  expect(await output.putNew("b", Buffer.from("x"))).toBe(true);
  expect(text(store.objects.get("/bucket/b"))).toBe("x");
  const stranger = openS3("s3://bucket", { ...settings(), AWS_ACCESS_KEY_ID: "other" });
  await expect(stranger.get("b")).rejects.toMatchObject({ code: "batch/s3-refused", place: "s3://bucket/b" });
  expect(() => openS3("s3://bucket", {})).toThrow("credentials are not set");
});

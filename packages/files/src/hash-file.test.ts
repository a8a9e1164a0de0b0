import { createHash } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hashFile } from "./index.ts";

const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "corella-hash-"));

test("a file's hash is that of its bytes, however many parts it is read in", async () => {
  const path = join(await makeFolder(), "file");
  await writeFile(path, "");
  // The digest of no bytes, as FIPS 180-4 has it.
  const ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  expect(await hashFile(path)).toEqual({ bytes: 0, sha256: ofNothing });
  const content = Buffer.alloc(3 * 2 ** 20 + 1, "corella");
  await writeFile(path, content);
  const sha256 = createHash("sha256").update(content).digest("hex");
  expect(await hashFile(path)).toEqual({ bytes: content.length, sha256 });
});

test("a file that is not there is told", async () => {
  await expect(hashFile(join(await makeFolder(), "none"))).rejects.toMatchObject({ code: "ENOENT" });
});

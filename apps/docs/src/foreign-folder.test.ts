import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isForeignFolder } from "./foreign-folder.ts";

test("a folder that holds anything but a site is not to be emptied", async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-foreign-"));
  try {
    const [missing, empty, site, mine] = ["missing", "empty", "site", "mine"].map((name) =>
      join(folder, name),
    );
    for (const each of [empty!, site!, mine!]) await mkdir(each);
    await writeFile(join(site!, "hashmap.json"), "{}");
    await writeFile(join(site!, "index.html"), "");
    await writeFile(join(mine!, "letter.txt"), "precious");
    const foreign = await Promise.all([missing!, empty!, site!, mine!].map(isForeignFolder));
    expect(foreign).toEqual([false, false, false, true]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

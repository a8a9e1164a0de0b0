import { openSync, writeSync } from "node:fs";
import { openStore } from "./open-store.ts";
import { writeUntilItFails } from "./write-until.test-helper.ts";

// Appends events to the store at a place until it is killed, and writes the ids of those that were acknowledged into a file.
const [place, prefix, file] = process.argv.slice(2) as [string, string, string];
const acknowledged = openSync(file, "a");
await writeUntilItFails(await openStore(place), prefix, (ids) => {
  writeSync(acknowledged, `${ids.join("\n")}\n`); // of the system's from here on: it stays when the process is killed
});

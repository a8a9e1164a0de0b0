// Writes the samples of a run's configuration as the peers' scripts read them: shards of each part, and parts.json.
// node --conditions=source --import tsx tooling/bench/src/experiments/crm-parts.ts configs/ml-1m.yaml <folder>
import { resolve } from "node:path";
import { loadRunConfig } from "@corella/alignment";
import { CorellaError, formatError } from "@corella/errors";
import { writeParts } from "../programs/parts.ts";

try {
  const [path, into] = process.argv.slice(2);
  if (path === undefined || into === undefined) {
    throw new CorellaError({
      code: "bench/usage",
      message: "A configuration and a folder are needed.",
      remedy: "crm-parts.ts configs/ml-1m.yaml <folder>",
    });
  }
  await writeParts(await loadRunConfig(path), resolve(into));
} catch (error) {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = 1;
}

import { registerLazyBackend } from "@corella/engine";
import { runModel } from "./run-model.ts";
import { runSuite, testFiles } from "./suite.ts";
import { writeFileSync } from "node:fs";
registerLazyBackend("corella", runModel);
const only = process.argv[2];
const files = testFiles().filter((f) => only === undefined || new RegExp(only).test(f));
const t=Date.now();
const backend = process.env.B ?? "corella";
const results = await runSuite(backend, files, () => true);
const by = new Map<string, [number, number]>();
for (const r of results) { const e = by.get(r.file) ?? [0,0]; e[r.passed?0:1]++; by.set(r.file, e); }
console.log(results.filter(r=>r.passed).length, results.length, Date.now()-t, "ms");
writeFileSync(process.env.OUT ?? "/tmp/op-results.json", JSON.stringify(results, null, 1));
process.exit(0);

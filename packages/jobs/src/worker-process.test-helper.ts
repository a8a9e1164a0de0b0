// A worker that tests kill: prints what its units do.
import { work } from "./index.ts";
import { programs } from "./units.test-helper.ts";

const abort = new AbortController();
process.on("SIGTERM", () => abort.abort());
await work({ url: process.argv[2]!, slots: 1, programs, signal: abort.signal, lockMs: 1000 });

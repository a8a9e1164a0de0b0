import { Worker } from "node:worker_threads";

/**
 * A worker thread of a package that runs from its source, with the condition `source`, and from its build.
 * @param moduleUrl `import.meta.url` of the caller
 * @param entry the thread's first file beside the caller: TypeScript `source`, or `built` once it is built
 */
export function startWorker(
  moduleUrl: string,
  { source, built }: { readonly source: string; readonly built: string },
  workerData: unknown,
): Worker {
  if (!moduleUrl.endsWith(".ts")) return new Worker(new URL(built, moduleUrl), { workerData });
  // Node 20 gives a worker's first file to no loader: it has to register tsx itself before it imports TypeScript.
  const tsx = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const file = JSON.stringify(new URL(source, moduleUrl).href);
  const script = `import(${tsx}).then(({ register }) => { register(); return import(${file}); });`;
  return new Worker(script, { eval: true, workerData, execArgv: ["--conditions=source"] });
}

import type { AddressInfo } from "node:net";
import { loadPredictor, openBundle } from "@corella/bundle";
import { serve } from "@hono/node-server";
import { createApp } from "./app.ts";

// A bundle inside of a service: opened once, every file checked against its hash, the models in this process.
const predictor = await loadPredictor(await openBundle(process.env["BUNDLE"] ?? "run/bundle"));
const server = serve(
  { fetch: createApp(predictor).fetch, hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) },
  ({ port }: AddressInfo) => console.log(`listening at http://127.0.0.1:${port}`),
);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => server.close(() => void predictor.dispose()));

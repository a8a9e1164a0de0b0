import type { Context } from "hono";

/** A path of the HTTP surface, and what answers it. */
export interface Endpoint {
  readonly method: "GET" | "POST";
  /** As Hono's router takes it. */
  readonly path: string;
  /** What a caller's key must allow, where keys are asked for; undefined: to ask for answers. */
  readonly scope?: "metrics" | "admin" | undefined;
  /** What it is for, in a line. */
  readonly purpose: string;
  /** @throws CorellaError that `problemOf` tells the sender */
  readonly handle: (c: Context) => Response | Promise<Response>;
}

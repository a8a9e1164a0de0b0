import type { Context } from "hono";

/** A path of the HTTP surface, and what answers it. */
export interface Endpoint {
  readonly method: "GET" | "POST";
  /** As Hono's router takes it. */
  readonly path: string;
  /** What it is for, in a line. */
  readonly purpose: string;
  /** @throws CorellaError that `problemOf` tells the sender */
  readonly handle: (c: Context) => Response | Promise<Response>;
}

import type { Context } from "hono";
import type { Scope } from "../security/api-keys.ts";

/** A path of the HTTP surface, and what answers it. */
export interface Endpoint {
  readonly method: "GET" | "POST";
  /** As Hono's router takes it. */
  readonly path: string;
  /** What it is for, in a line. */
  readonly purpose: string;
  /** What a caller's key must be for; `none`: anybody may ask, at any rate. Default `score`. */
  readonly scope?: Scope | "none" | undefined;
  /** @throws CorellaError that `problemOf` tells the sender */
  readonly handle: (c: Context) => Response | Promise<Response>;
}

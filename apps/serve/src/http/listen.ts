import type { AddressInfo } from "node:net";
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { CorellaError } from "@corella/errors";
import type { Hono } from "hono";
import { connectionLimits, type ConnectionLimits } from "../security/connection-limits.ts";

/** A server that listens. */
export interface HttpServer {
  /** With the port that it really has. */
  readonly url: string;
  /** Accepts no more, waits for running requests up to a limit, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

/** Balancers keep idle connections for up to 10 minutes; one that the server ends first may just be carrying a request. */
const keepAliveMs = 620_000;

/**
 * Answers HTTP requests at an address by an app, which gets Node's own request and response with each: whose address it comes from is
 * known by them alone.
 * @param address.port 0 for any that is free
 * @throws CorellaError `serve/port-in-use`, `serve/port-forbidden`, `serve/bad-host`
 */
export async function listen(
  address: { readonly host: string; readonly port: number },
  { fetch }: Pick<Hono, "fetch">,
  { maxConnections, serverOptions }: ConnectionLimits = connectionLimits,
): Promise<HttpServer> {
  const server = createAdaptorServer({
    fetch,
    // Of requests of HTTP/1.0 that tell none, as balancers send to look whether a server answers.
    hostname: "localhost",
    serverOptions: { ...serverOptions, keepAliveTimeout: keepAliveMs },
  }) as Server;
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(explain(error, address)));
    server.listen(address.port, address.host, resolve);
  });
  const { address: ip, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${ip}]` : ip}:${port}`,
    close: (graceMs) =>
      new Promise((resolve) => {
        // Connections that are kept alive become idle one by one.
        const idle = setInterval(() => server.closeIdleConnections(), 50);
        const late = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearInterval(idle);
          clearTimeout(late);
          resolve();
        });
      }),
  };
}

function explain(error: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): unknown {
  const place = `${host}:${port}`;
  switch (error.code) {
    case "EADDRINUSE":
      return new CorellaError({
        code: "serve/port-in-use",
        message: `Port ${port} is in use.`,
        place,
        remedy: "Choose another by --port, or 0 for any that is free.",
        cause: error,
      });
    case "EACCES":
      return new CorellaError({
        code: "serve/port-forbidden",
        message: `This user may not listen on port ${port}.`,
        place,
        remedy: "Choose one above 1023 by --port.",
        cause: error,
      });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return new CorellaError({
        code: "serve/bad-host",
        message: `${host} is no address of this machine.`,
        place,
        remedy: "Use --host 127.0.0.1, or 0.0.0.0 for all networks.",
        cause: error,
      });
    default:
      return error;
  }
}

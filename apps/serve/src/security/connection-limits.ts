/** What a connection may take of a server, whoever is at its other end. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly serverOptions: {
    /** Bytes of a request's headers together. */
    readonly maxHeaderSize: number;
    /** Milliseconds for the headers, from the first byte on. */
    readonly headersTimeout: number;
    /** Milliseconds for the whole request: who sends a byte now and then is cut off. */
    readonly requestTimeout: number;
    /** How often slow ones are looked for, in milliseconds. */
    readonly connectionsCheckingInterval: number;
  };
}

/** Limits that no honest client reaches: a request has at most 1 MiB. */
export const connectionLimits: ConnectionLimits = {
  maxConnections: 4096,
  serverOptions: {
    maxHeaderSize: 16_384,
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 1000,
  },
};

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A store in memory that answers as S3 does to signed requests of single objects, and honours `If-None-Match: *`. */
export interface S3StandIn {
  readonly endpoint: string;
  /** Bytes by path: /bucket/key. */
  readonly objects: Map<string, Buffer>;
  /** The next requests get these statuses instead. */
  readonly failures: number[];
  close(): Promise<void>;
}

export async function s3StandIn(): Promise<S3StandIn> {
  const objects = new Map<string, Buffer>();
  const failures: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = decodeURIComponent(request.url!);
      const answer = (status: number, body?: Buffer): void => void response.writeHead(status).end(body);
      const failure = failures.shift();
      if (failure !== undefined) return answer(failure);
      const scope =
        /^AWS4-HMAC-SHA256 Credential=key\/\d{8}\/eu-west-1\/s3\/aws4_request, SignedHeaders=.*Signature=[0-9a-f]{64}$/;
      if (!scope.test(request.headers.authorization ?? "")) return answer(403);
      const found = objects.get(path);
      if (request.method === "PUT") {
        if (found !== undefined && request.headers["if-none-match"] === "*") return answer(412);
        objects.set(path, Buffer.concat(chunks));
        return answer(200);
      }
      return found === undefined ? answer(404) : answer(200, request.method === "HEAD" ? undefined : found);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    failures,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

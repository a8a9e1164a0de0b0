import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that the fake server was sent. */
export interface FakeRequest {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
}

/** How the fake server answers a request. */
export type Behaviour = (request: FakeRequest, response: ServerResponse) => void | Promise<void>;

/** A running fake server. Close it after use. */
export interface FakeServer {
  readonly url: string;
  readonly requests: readonly FakeRequest[];
  /** Behaviours of the next requests, in order; afterwards the usual one again. */
  next(...behaviours: Behaviour[]): void;
  close(): Promise<void>;
}

/** A server on a free port of this machine that does as it is told. */
export async function fakeServer(usual: Behaviour): Promise<FakeServer> {
  const requests: FakeRequest[] = [];
  const planned: Behaviour[] = [];
  const server = createServer((incoming, response) => {
    void (async () => {
      let text = "";
      for await (const chunk of incoming) text += String(chunk);
      const request: FakeRequest = {
        path: incoming.url ?? "",
        headers: incoming.headers,
        body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
      };
      requests.push(request);
      await (planned.shift() ?? usual)(request, response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    next: (...behaviours) => void planned.push(...behaviours),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with a value as JSON. */
export function json(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}

/** A behaviour: the answer has this status and text. */
export function status(code: number, text = "", headers: Record<string, string> = {}): Behaviour {
  return (_, response) => void response.writeHead(code, headers).end(text);
}

/** Log probabilities by token, in the layout of vLLM and OpenAI. */
export function completion(byToken: Readonly<Record<string, number>>): unknown {
  return { choices: [{ index: 0, text: "", logprobs: { top_logprobs: [byToken] } }] };
}

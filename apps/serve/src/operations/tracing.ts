import type { LaneTrace, TracedRows } from "@corella/serving";
import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { requestContext } from "./request-context.ts";

/** A request as its span tells of it. */
interface TracedRequest {
  readonly method: string;
  /** The pattern of its path. */
  readonly endpoint: string;
  readonly header: (name: string) => string | undefined;
}

/** Spans of requests and of what they wait for. */
export interface Tracing {
  /** Runs a request in a span of its own, below the one that its `traceparent` names. */
  request<T>(request: TracedRequest, work: () => Promise<T>): Promise<T>;
  /** Tells the request's span its status. */
  answered(status: number): void;
  /** Runs work in a span below the running one. */
  span<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T>;
  /** Spans `lane <name>`, and below it `queue` and `batch`. */
  lane(name: string): LaneTrace;
  /** The header `traceparent` for another server: whoever it is, its spans lie below the running one. */
  headers(): Record<string, string>;
  /** The running trace's id, for logs. */
  ids(): { readonly trace?: string };
  /** Sends what has not been sent yet. */
  close(): Promise<void>;
}

const propagator = new W3CTraceContextPropagator();

/** Traces that go to a collector over HTTP, below its `/v1/traces`. */
export function otlpTracing(url: string): Tracing {
  const exporter = new OTLPTraceExporter({ url: `${url.replace(/\/$/, "")}/v1/traces` });
  return createTracing(new BatchSpanProcessor({ exporter }));
}

/** Traces that go where a processor sends them. Nothing global is set. */
export function createTracing(processor: SpanProcessor): Tracing {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "corella" }),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer("corella");
  return {
    async request({ method, endpoint, header }, work) {
      const told = { traceparent: header("traceparent"), tracestate: header("tracestate") };
      const parent = propagator.extract(ROOT_CONTEXT, told, defaultTextMapGetter);
      const span = tracer.startSpan(
        `${method} ${endpoint}`,
        {
          kind: SpanKind.SERVER,
          attributes: {
            "http.request.method": method,
            "http.route": endpoint,
            "corella.request": requestContext.getStore()?.id,
          },
        },
        parent,
      );
      return within(span, work);
    },
    answered(status) {
      const span = requestContext.getStore()?.span;
      span?.setAttribute("http.response.status_code", status);
      if (status >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    },
    span(name, attributes, work) {
      return within(tracer.startSpan(name, { attributes }, current()), work);
    },
    lane: (name) => ({ waiting: (rows) => traceRows(tracer, name, rows) }),
    headers() {
      const carrier: Record<string, string> = {};
      propagator.inject(current(), carrier, {
        set: (to, key, value) => {
          to[key] = value;
        },
      });
      return carrier;
    },
    ids() {
      const span = requestContext.getStore()?.span;
      return span === undefined ? {} : { trace: span.spanContext().traceId };
    },
    close: () => provider.shutdown(),
  };
}

function current(): Context {
  const span = requestContext.getStore()?.span;
  return span === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, span);
}

/** Runs work with a span as the innermost, and ends the span with it. */
async function within<T>(span: Span, work: () => Promise<T>): Promise<T> {
  const context = requestContext.getStore() ?? { id: "", answeredBy: new Set<string>() };
  try {
    return await requestContext.run({ ...context, span }, work);
  } catch (error) {
    failed(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function traceRows(tracer: Tracer, lane: string, rows: number): TracedRows {
  const whole = tracer.startSpan(`lane ${lane}`, { attributes: { "corella.rows": rows } }, current());
  const below = trace.setSpan(ROOT_CONTEXT, whole);
  let part = tracer.startSpan("queue", {}, below);
  return {
    begun(batch) {
      part.end();
      part = tracer.startSpan("batch", { attributes: { "corella.rows": batch.rows } }, below);
    },
    ended(error) {
      if (error !== undefined) {
        failed(part, error);
        failed(whole, error);
      }
      part.end();
      whole.end();
    },
  };
}

/** Names the kind of error only: its message may tell of users. */
function failed(span: Span, error: unknown): void {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const message = code ?? (error instanceof Error ? error.name : typeof error);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

// A collector of OpenTelemetry's data: OTLP over HTTP, as JSON.

/** A span that arrived. */
export interface ReceivedSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Point {
  readonly attributes?: readonly Attribute[];
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly count?: string | number;
}

function read(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => {
    const [kind, content] = Object.entries(value)[0]!;
    return [key, kind === "intValue" ? Number(content) : content];
  }));
}

/** A collector on a port of its own. */
export class Collector implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  /** The units of the metrics, by name. */
  readonly units = new Map<string, string>();
  /** The last values, or the counts of histograms, by name and attributes. */
  readonly #values = new Map<
    string,
    { name: string; about: Record<string, unknown>; value: number }
  >();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #waiters: (() => void)[] = [];

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const body = await request.json();
        for (const { scopeSpans } of body.resourceSpans ?? []) {
          for (const { scope, spans } of scopeSpans) {
            if (scope?.name !== "socket") continue;
            for (const span of spans) {
              this.spans.push({ ...span, attributes: read(span.attributes) });
            }
          }
        }
        for (const { scopeMetrics } of body.resourceMetrics ?? []) {
          for (const { scope, metrics } of scopeMetrics) {
            if (scope?.name !== "socket") continue;
            for (const { name, unit, sum, gauge, histogram } of metrics) {
              this.units.set(name, unit);
              for (const point of (sum ?? gauge ?? histogram).dataPoints) this.#keep(name, point);
            }
          }
        }
        for (const wake of this.#waiters.splice(0)) wake();
        return Response.json({});
      },
    );
  }

  #keep(name: string, { attributes, asInt, asDouble, count }: Point): void {
    const about = read(attributes);
    const value = Number(asInt ?? asDouble ?? count);
    this.#values.set(`${name} ${JSON.stringify(Object.entries(about).sort())}`, {
      name,
      about,
      value,
    });
  }

  /** Where data is to be sent. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The sum of a metric's values that have these attributes, among others. */
  valueOf(metric: string, attributes: Readonly<Record<string, unknown>>): number {
    let sum = 0;
    for (const { name, about, value } of this.#values.values()) {
      const is = Object.entries(attributes).every(([key, part]) => about[key] === part);
      if (name === metric && is) sum += value;
    }
    return sum;
  }

  /** Looks whenever data has arrived until two things are the same, at most so many times, and gives both. */
  async compare<T>(look: () => T, expected: T, most = 200): Promise<readonly [T, T]> {
    const text = JSON.stringify(expected);
    for (let i = 0; i < most && JSON.stringify(look()) !== text; i++) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return [look(), expected];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

// An OpenTelemetry API that keeps what it is told, registered where the real one is.

import type { OtelApi, OtelContext, OtelObservable } from "../../src/events/otel_api.ts";

const PLACE = Symbol.for("opentelemetry.js.api.1");
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** A span that was made. */
export interface FakeSpan {
  readonly name: string;
  readonly kind: number;
  readonly startTime: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly parent: unknown;
  readonly isRoot: boolean;
  status?: { readonly code: number; readonly message?: string };
  endTime?: number | undefined;
}

/** What the API was told. */
export interface FakeOtel extends Disposable {
  readonly spans: FakeSpan[];
  /** What the histograms got: name, value and attributes. */
  readonly recorded: (readonly [string, number, Readonly<Record<string, unknown>>])[];
  /** The names of all instruments. */
  readonly instruments: string[];
  /** The values that are collected now, as "name {attributes}": value. */
  collect(): Record<string, number>;
}

class FakeContext implements OtelContext {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown> = new Map()) {
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): FakeContext {
    return new FakeContext(new Map([...this.#values, [key, value]]));
  }

  deleteValue(key: symbol): FakeContext {
    return new FakeContext(new Map([...this.#values].filter(([name]) => name !== key)));
  }
}

/** Registers an API until it is disposed of. @param without Its parts that are missing. */
export function registerFakeOtel(...without: (keyof OtelApi)[]): FakeOtel {
  const spans: FakeSpan[] = [];
  const recorded: [string, number, Readonly<Record<string, unknown>>][] = [];
  const instruments: string[] = [];
  const collectors: ((observer: {
    observe(instrument: OtelObservable, value: number, attributes: object): void;
  }) => void)[] = [];
  const observable = (name: string) => {
    instruments.push(name);
    return { name } as unknown as OtelObservable;
  };
  const api: OtelApi = {
    trace: {
      getTracer: () => ({
        startSpan(name, { kind, startTime, attributes, root }, context) {
          const parent = context?.getValue(SPAN);
          const span: FakeSpan = {
            name,
            kind,
            startTime,
            attributes,
            parent,
            isRoot: root,
          };
          spans.push(span);
          return Object.assign(span, {
            setStatus: (status: NonNullable<FakeSpan["status"]>) => span.status = status,
            end: (endTime?: number) => void (span.endTime = endTime),
          });
        },
      }),
    },
    metrics: {
      getMeter: () => ({
        createHistogram(name) {
          instruments.push(name);
          return { record: (value, attributes) => void recorded.push([name, value, attributes]) };
        },
        createObservableCounter: observable,
        createObservableUpDownCounter: observable,
        addBatchObservableCallback: (callback) => void collectors.push(callback),
      }),
    },
    context: { active: () => new FakeContext() },
  };
  for (const part of without) delete (api as Record<string, unknown>)[part];
  const place = globalThis as { [PLACE]?: OtelApi };
  place[PLACE] = api;
  return {
    spans,
    recorded,
    instruments,
    collect() {
      const values: Record<string, number> = {};
      for (const collect of collectors) {
        collect({
          observe(instrument, value, attributes) {
            const { name } = instrument as unknown as { name: string };
            values[`${name} ${JSON.stringify(attributes)}`] = value;
          },
        });
      }
      return values;
    },
    [Symbol.dispose]() {
      delete place[PLACE];
    },
  };
}

// The standard API of OpenTelemetry, as far as it is used here, and where it is found. Whoever registers an
// implementation puts it there: Deno with OTEL_DENO=true, or the package @opentelemetry/api. Nothing is imported.

/** What a value or a span is about. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** What goes along with a call, such as the span that is current. */
export interface OtelContext {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): OtelContext;
  deleteValue(key: symbol): OtelContext;
}

/** A span: something that takes time. */
export interface OtelSpan {
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(endTime?: number): void;
}

/** Makes spans. */
export interface OtelTracer {
  startSpan(
    name: string,
    options: {
      readonly kind: number;
      readonly startTime: number;
      readonly attributes: Attributes;
      readonly root: boolean;
    },
    context?: OtelContext,
  ): OtelSpan;
}

/** An instrument whose values are asked for when they are collected. */
export interface OtelObservable {
  readonly observable: unique symbol;
}

/** Gets the values of observable instruments. */
export interface OtelObserver {
  observe(instrument: OtelObservable, value: number, attributes: Attributes): void;
}

/** What describes an instrument. */
export interface InstrumentOptions {
  readonly unit: string;
  readonly description: string;
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
}

/** Makes instruments. */
export interface OtelMeter {
  createHistogram(
    name: string,
    options: InstrumentOptions,
  ): { record(value: number, attributes: Attributes): void };
  createObservableCounter(name: string, options: InstrumentOptions): OtelObservable;
  createObservableUpDownCounter(name: string, options: InstrumentOptions): OtelObservable;
  addBatchObservableCallback(
    callback: (observer: OtelObserver) => void,
    instruments: OtelObservable[],
  ): void;
}

/** What is registered; each part may be missing. */
export interface OtelApi {
  readonly trace?: { getTracer(name: string): OtelTracer };
  readonly metrics?: { getMeter(name: string): OtelMeter };
  readonly context?: { active(): OtelContext };
}

const PLACE = Symbol.for("opentelemetry.js.api.1");
/** Under this key a context has its span. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** The API that is registered now. Looking asks nothing: `Deno.telemetry` would throw where it is switched off. */
export function registeredOtel(): OtelApi | undefined {
  return (globalThis as { [PLACE]?: OtelApi })[PLACE];
}

/** The context for children of a span; without the API's contexts there is none. */
export function contextWith(span: OtelSpan, { context }: OtelApi): OtelContext | undefined {
  return context?.active().setValue(SPAN, span);
}

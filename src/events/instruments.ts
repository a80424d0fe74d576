// The instruments of one registered OpenTelemetry API. All owners of sockets share them: two instruments of one name
// would be two metrics.
//
// Counters are not counted here a second time: when they are collected, the owners are asked for the numbers that they
// keep anyway. What is kept of an owner that is gone are its sums, for at most MAX_SUMS different sets of attributes;
// further ones are added up as one, as OpenTelemetry's own implementations do.

import { allMetrics, type MetricName, METRICS } from "./metrics.ts";
import type {
  Attributes,
  InstrumentOptions,
  OtelApi,
  OtelMeter,
  OtelObservable,
  OtelObserver,
  OtelTracer,
} from "./otel_api.ts";
import { registeredOtel } from "./otel_api.ts";

/** Takes a number that an owner has. */
export type Observe = (metric: MetricName, value: number, attributes?: Attributes) => void;

/** Has numbers that are asked for when they are collected. */
export interface Source {
  /** What all of them are about. */
  readonly attributes: Attributes;
  /** Gives the present numbers. */
  measure(observe: Observe): void;
}

interface Sum {
  readonly metric: MetricName;
  readonly attributes: Attributes;
  value: number;
}

/** The scope of everything that is reported. */
const SCOPE = "socket";
/** How many sums are kept of owners that are gone. */
const MAX_SUMS = 2_000;
const OVERFLOW: Attributes = Object.freeze({ "otel.metric.overflow": true });

/** Sums of numbers that have the same attributes. */
class Sums {
  readonly #byKey: Map<string, Sum>;

  constructor(others: Iterable<Sum> = []) {
    this.#byKey = new Map();
    for (const { metric, attributes, value } of others) this.add(metric, attributes, value);
  }

  add(metric: MetricName, attributes: Attributes, value: number): void {
    const key = `${metric} ${JSON.stringify(attributes)}`;
    const sum = this.#byKey.get(key);
    if (sum !== undefined) sum.value += value;
    else if (this.#byKey.size < MAX_SUMS || attributes === OVERFLOW) {
      this.#byKey.set(key, { metric, attributes, value });
    } else this.add(metric, OVERFLOW, value);
  }

  /**
   * Adds the numbers of an owner, or takes them away.
   *
   * @param counters What counters are multiplied by.
   * @param others What all others are multiplied by. Even 0 is added: an implementation would go on reporting the last
   * number that it was told.
   */
  addAll({ attributes, measure }: Source, counters: 1 | -1, others: 0 | 1): void {
    measure((metric, value, more) => {
      const isCounter = METRICS[metric].kind === "counter";
      if (isCounter && value === 0) return;
      const all = more === undefined ? attributes : { ...attributes, ...more };
      this.add(metric, all, value * (isCounter ? counters : others));
    });
  }

  values(): Iterable<Sum> {
    return this.#byKey.values();
  }
}

/** The instruments of one API. */
export class Instruments {
  readonly api: OtelApi;
  readonly tracer: OtelTracer | undefined;
  readonly #histograms = new Map<
    MetricName,
    { record(value: number, attributes: Attributes): void }
  >();
  readonly #observables = new Map<MetricName, OtelObservable>();
  readonly #sources = new Set<Source>();
  readonly #gone = new Sums();

  constructor(api: OtelApi) {
    this.api = api;
    this.tracer = api.trace?.getTracer(SCOPE);
    const meter = api.metrics?.getMeter(SCOPE);
    if (meter !== undefined) this.#make(meter);
  }

  #make(meter: OtelMeter): void {
    for (const [name, { kind, unit, description, bounds }] of allMetrics()) {
      const options: InstrumentOptions = {
        unit,
        description,
        ...(bounds === undefined ? {} : { advice: { explicitBucketBoundaries: [...bounds] } }),
      };
      if (kind === "histogram") this.#histograms.set(name, meter.createHistogram(name, options));
      else if (kind === "counter") {
        this.#observables.set(name, meter.createObservableCounter(name, options));
      } else this.#observables.set(name, meter.createObservableUpDownCounter(name, options));
    }
    meter.addBatchObservableCallback((observer) => this.#collect(observer), [
      ...this.#observables.values(),
    ]);
  }

  /** Records how long something took. */
  record(metric: MetricName, inMillis: number, attributes: Attributes): void {
    this.#histograms.get(metric)?.record(inMillis / 1_000, attributes);
  }

  /** Asks an owner for its numbers from now on; those that it has already do not count. */
  addSource(source: Source): void {
    if (this.#sources.has(source)) return;
    this.#sources.add(source);
    this.#gone.addAll(source, -1, 0);
  }

  /** Keeps the sums of an owner, and not the owner. */
  removeSource(source: Source): void {
    if (this.#sources.delete(source)) this.#gone.addAll(source, 1, 0);
  }

  #collect(observer: OtelObserver): void {
    const sums = new Sums(this.#gone.values());
    for (const source of this.#sources) sums.addAll(source, 1, 1);
    for (const { metric, attributes, value } of sums.values()) {
      observer.observe(this.#observables.get(metric)!, value, attributes);
    }
  }
}

/** Not a state of this library's own: the instruments belong to the API, and go with it. */
const made = new WeakMap<OtelApi, Instruments>();

/** The instruments of the API that is registered now; `undefined` where none is. */
export function registeredInstruments(): Instruments | undefined {
  const api = registeredOtel();
  if (api === undefined) return undefined;
  let instruments = made.get(api);
  if (instruments === undefined) made.set(api, instruments = new Instruments(api));
  return instruments;
}

// The document of `GET /metrics`, for Prometheus: made anew from the measurements for each scrape.

import { type Metric as PromMetric, Registry } from 'prom-client';
import { type Measurements, type MetricsFacts, measurementsOf } from './measurements.ts';
import { METRICS, type Metric, type Sample } from './metric-table.ts';

/** What a registry of prom-client asks of a metric. */
interface Readable {
  readonly name: string;
  get(): { readonly name: string; readonly help: string; readonly type: string; readonly values: readonly Sample[] };
}

/**
 * Invariant: `#measurements` is set while a registry reads, which it does to the last metric in one
 * go.
 */
export class Metrics {
  /** Its own, so that two programs in one process do not meet. */
  readonly #registry = new Registry();
  #measurements: Measurements | undefined;

  constructor() {
    for (const metric of METRICS) {
      // Its types know metrics that count by themselves; all that it calls is `get`.
      this.#registry.registerMetric(this.#readable(metric) as unknown as PromMetric<string>);
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(facts: MetricsFacts): Promise<string> {
    this.#measurements = measurementsOf(facts);
    const text = this.#registry.metrics();
    this.#measurements = undefined;
    return text;
  }

  #readable({ name, help, type, read }: Metric): Readable {
    return {
      name,
      get: () => {
        if (this.#measurements === undefined) throw new Error('metrics are read only while there is something to read them off');
        return { name, help, type, values: read(this.#measurements) };
      },
    };
  }
}

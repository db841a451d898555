import { Gauge, type Registry } from 'prom-client';

/** Makes one gauge that is read when it is asked for. */
export type MakeGauge = (name: string, help: string, labels: string[], read: (made: Gauge) => Promise<void>) => void;

/** Gauges of the service, named `framekeep_…`; labels that a read does not set any more are gone. */
export function gaugesOf(registry: Registry): MakeGauge {
  return (name, help, labels, read) => {
    const made: Gauge = new Gauge({
      name: `framekeep_${name}`,
      help,
      labelNames: labels,
      registers: [registry],
      async collect() {
        this.reset();
        await read(made);
      },
    });
  };
}

/** One measured figure; each stands on a line of its own as JSON on stdout, everything else goes to stderr. */
export interface Figure {
  bench: string;
  figure: string;
  value: number | string;
  unit: string;
  /** The same figure of what it is compared with, measured in the same run. */
  peer?: number | string;
}

export function printFigure(figure: Figure): void {
  process.stdout.write(`${JSON.stringify(figure)}\n`);
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The value below which this share of the values lies; NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Rounded to three significant digits after the point: more would pretend to a precision that is not there. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

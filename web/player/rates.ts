/** Rates of playing that are offered, slowest first. */
export const rates = [0.25, 0.5, 1, 2, 4, 8] as const;

/** The rate `steps` further along the list of rates. */
export function rateBeside(rate: number, steps: 1 | -1): number {
  const at = rates.findIndex((one) => one >= rate);
  return rates[Math.min(rates.length - 1, Math.max(0, at + steps))] ?? 1;
}

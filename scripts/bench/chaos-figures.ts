import type { CheckReport } from '../../test/support/checker.ts';
import type { InjectedFault } from './chaos-run.ts';
import { printFigure, rounded, say } from './figure.ts';

/** Ms lost by reason, most first; a loss with several reasons counts for them together. */
export function lostByReason(report: CheckReport): [string, number][] {
  const lostMs = new Map<string, number>();
  for (const { startMs, endMs, reasons } of report.missing) {
    const reason = reasons.join('+') || 'none';
    lostMs.set(reason, (lostMs.get(reason) ?? 0) + endMs - startMs);
  }
  return [...lostMs].toSorted(([, a], [, b]) => b - a);
}

/**
 * Of the unexplained ms, those that a clock has hidden: where the archive is ahead of the cameras, as after a host's clock
 * was, footage goes on where it ended, and a break leaves no hole that could be explained. Only where the run itself had
 * set a clock ahead by then: on a loaded machine pictures are late too, and that hides nothing.
 */
export function hiddenByClockMs(report: Pick<CheckReport, 'missing'>, injected: readonly InjectedFault[]): number {
  const steps = injected.filter(({ kind }) => kind === 'clock-ahead').map(({ startMs }) => startMs);
  const firstMs = Math.min(Infinity, ...steps);
  return report.missing
    .filter(({ endMs }) => endMs > firstMs)
    .reduce((sum, run) => sum + Math.min(run.unexplainedMs, Math.max(0, run.aheadMs)), 0);
}

/**
 * Prints what the check of an archive says: figures, and where anything is wrong, the objects and the moments.
 * @param options.peer the same of a plain loop
 * @param options.injected the run's faults
 */
export function printCheck(
  bench: string,
  report: CheckReport,
  { peer, injected = [] }: { peer?: { undecodable: number }; injected?: readonly InjectedFault[] } = {},
): void {
  const print = (figure: string, value: number, unit: string, peerValue?: number): void =>
    printFigure({
      bench,
      figure,
      value: rounded(value),
      unit,
      ...(peerValue === undefined ? {} : { peer: peerValue }),
    });
  print('recorded_s', report.recordedMs / 1000, 's');
  for (const [reason, ms] of lostByReason(report)) print(`lost_${reason}_s`, ms / 1000, 's');
  print('unexplained_s', report.unexplainedMs / 1000, 's');
  print('unexplained_by_clock_s', hiddenByClockMs(report, injected) / 1000, 's');
  print('overlaps', report.overlaps, 'pairs of rows');
  print('double_pictures', report.doubleFrames, 'pictures');
  print('disordered', report.disordered, 'places');
  print('undecodable', report.undecodable.length, 'objects', peer?.undecodable);
  print('wrong_objects', report.wrongObjects.length, 'objects');
  print('orphans', report.orphans.length, 'objects');
  for (const [pair, pictures] of report.doubles) say(`${pictures} double pictures: ${pair}`);
  for (const [pair, places] of report.disorders) say(`pictures go back ${places} times: ${pair}`);
  for (const run of report.missing.filter(({ unexplainedMs }) => unexplainedMs > 0)) {
    say(`unexplained: ${JSON.stringify(run)}`);
  }
  for (const object of report.undecodable) say(`undecodable: ${object}`);
  for (const key of [...report.wrongObjects, ...report.orphans]) say(`wrong object or orphan: ${key}`);
}

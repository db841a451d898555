import type { FaultKind } from './chaos-faults.ts';
import { hiddenByClockMs, lostByReason } from './chaos-figures.ts';
import { recoveryMs, type InjectedFault, type SettledReport } from './chaos-run.ts';
import { quantile } from './figure.ts';

const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/** The result as the tables of docs/reliability.md. */
export function chaosTable(
  report: SettledReport,
  injected: readonly InjectedFault[],
  plain: { lostMs: number; undecodable: number },
): string {
  const reasons = lostByReason(report);
  const lostMs = reasons.reduce((sum, [, ms]) => sum + ms, 0);
  const byReason = reasons.map(([reason, ms]) => `\`${reason}\` ${seconds(ms)}`).join(', ');
  const kinds = recoveryMs(report, injected);
  return [
    '| figure | framekeep | plain loop |',
    '|---|---|---|',
    `| faults injected (of ${kinds.size} kinds) | ${injected.length} | those of cameras and ffmpeg, and of host a |`,
    `| seconds recorded | ${seconds(report.recordedMs)} | |`,
    `| seconds lost | ${seconds(lostMs)}${byReason === '' ? '' : ` (${byReason})`} | ${seconds(plain.lostMs)} |`,
    `| unexplained seconds | ${(report.unexplainedMs / 1000).toFixed(3)} | all |`,
    `| of these hidden by a clock that was ahead | ${(hiddenByClockMs(report, injected) / 1000).toFixed(3)} | |`,
    `| overlaps, double pictures, disorder | ${report.overlaps}, ${report.doubleFrames}, ${report.disordered} | |`,
    `| wrong objects, orphans | ${report.wrongObjects.length}, ${report.orphans.length} | |`,
    `| false claims; cameras told not to record | ${report.falseClaims.length}; ${report.unsettled.length} | |`,
    `| undecodable files | ${report.undecodable.length} | ${plain.undecodable} |`,
    '',
    '| fault | injected | until the last picture it cost: p50 | max |',
    '|---|---|---|---|',
    ...[...kinds]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, times]: [FaultKind, number[]]) => {
        const [p50, max] = [quantile(times, 0.5), Math.max(...times)];
        return `| \`${kind}\` | ${times.length} | ${seconds(p50)} s | ${seconds(max)} s |`;
      }),
  ].join('\n');
}

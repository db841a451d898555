import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { printCheck } from './chaos-figures.ts';
import { settleAndCheck } from './chaos-run.ts';
import { hostNames, startChaosSite, untilAllRecordSince } from './chaos-site.ts';
import { printFigure, quantile, rounded, say } from './figure.ts';

const bench = 'recovery';

/**
 * A host that dies for good while another has room: from kill -9 to the first picture of each of its cameras that the
 * other host recorded. On return it salvages its spool. The hosts die in turn.
 */
export async function benchRecovery(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { cameras: { type: 'string', default: '10' }, rounds: { type: 'string', default: '4' } },
  });
  const site = await startChaosSite({ cameras: Number(values.cameras) });
  try {
    const killedMs: number[] = [];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const host = hostNames[round % hostNames.length] ?? 'recorder-a';
      await sleep(5000);
      killedMs.push(Date.now());
      await site.end(host, 'SIGKILL');
      await untilAllRecordSince(site, Date.now() + 1000);
      say(`${host} died, all cameras have footage again after ${(Date.now() - (killedMs.at(-1) ?? 0)) / 1000} s`);
      site.start(host);
    }
    const report = await settleAndCheck(site);
    const times = killedMs.flatMap((atMs) =>
      report.missing.filter((run) => run.startMs < atMs + 1000 && run.endMs > atMs).map((run) => run.endMs - atMs),
    );
    const print = (figure: string, value: number, unit: string): void =>
      printFigure({ bench, figure, value: rounded(value), unit });
    print('host_crashes', killedMs.length, 'crashes');
    print('cameras_moved', times.length, 'cameras');
    print('recovery_p50_s', quantile(times, 0.5) / 1000, 's');
    print('recovery_max_s', Math.max(...times) / 1000, 's');
    printCheck(bench, report);
  } finally {
    await site.stop();
  }
}

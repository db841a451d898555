import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startPlainLoops } from './chaos-peer.ts';
import { faultKindsOf, kindsNamed } from './chaos-faults.ts';
import { lostByReason, printCheck } from './chaos-figures.ts';
import {
  injectFaults,
  recoveryMs,
  settleAndCheck,
  shownBy,
  type InjectedFault,
  type SettledReport,
} from './chaos-run.ts';
import { startChaosSite } from './chaos-site.ts';
import { chaosTable } from './chaos-table.ts';
import { printFigure, quantile, rounded, say } from './figure.ts';

const bench = 'chaos';
/** Twice what a restarted recorder needs, so that a loss has one cause. */
const pauseMs = 12_000;
/** The plain loop needs a first key picture and a file. */
const peerWarmUpMs = 8000;

/**
 * Faults of all kinds on a whole system that records N cameras, then the independent check of what was kept; a plain
 * ffmpeg loop records the same cameras. It has no servers, so only faults of cameras and processes reach it.
 * @param args `--kinds a,b` injects these alone
 */
export async function benchChaos(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      cameras: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '900' },
      seed: { type: 'string', default: '1' },
      kinds: { type: 'string', default: '' },
    },
  });
  const site = await startChaosSite({ cameras: Number(values.cameras), hostFaults: true });
  const peer = startPlainLoops(
    site.cameras.map(({ url }) => url),
    join(site.dir, 'peer'),
  );
  try {
    await sleep(peerWarmUpMs);
    const startMs = Date.now();
    const injected = await injectFaults({
      site,
      peer,
      seed: Number(values.seed),
      forMs: Number(values.seconds) * 1000,
      pauseMs,
      kinds: kindsNamed(values.kinds, faultKindsOf(site)),
      onFault: ({ kind, startMs: atMs, endMs }) =>
        say(`${Math.round((atMs - startMs) / 1000)} s: ${kind}, for ${endMs - atMs} ms`),
    });
    const endMs = Date.now();
    const report = await settleAndCheck(site, injected);
    await peer.stop();
    const plain = await peer.lost(shownBy(site), startMs, endMs);
    printReport(report, injected, plain);
  } finally {
    await peer.stop();
    await site.stop();
  }
}

function printReport(
  report: SettledReport,
  injected: InjectedFault[],
  plain: { lostMs: number; undecodable: number },
): void {
  const print = (figure: string, value: number, unit: string, peer?: number): void =>
    printFigure({ bench, figure, value: rounded(value), unit, ...(peer === undefined ? {} : { peer: rounded(peer) }) });
  const lostMs = lostByReason(report).reduce((sum, [, ms]) => sum + ms, 0);
  print('faults_injected', injected.length, 'faults');
  print('lost_s', lostMs / 1000, 's', plain.lostMs / 1000);
  printCheck(bench, report, { peer: plain, injected });
  print('false_claims', report.falseClaims.length, 'claims');
  print('unsettled', report.unsettled.length, 'cameras');
  for (const wrong of [...report.falseClaims, ...report.unsettled]) say(`not so: ${JSON.stringify(wrong)}`);
  for (const [kind, times] of recoveryMs(report, injected)) {
    print(`recovery_${kind}_p50_s`, quantile(times, 0.5) / 1000, 's');
    print(`recovery_${kind}_max_s`, Math.max(...times) / 1000, 's');
  }
  say(chaosTable(report, injected, plain));
}

import { afterAll, beforeAll, expect, test } from 'vitest';
import { injectFaults, settleAndCheck } from '../../scripts/bench/chaos-run.ts';
import { startChaosSite, type ChaosSite } from '../../scripts/bench/chaos-site.ts';

let site: ChaosSite;
beforeAll(async () => {
  site = await startChaosSite({ cameras: 3 });
});
afterAll(async () => site?.stop());

/** The order and the lengths of the faults; another number is another run. */
const seed = 5;

test('whatever is killed, stopped or cut: each missing picture lies in an explained gap', async () => {
  const injected = await injectFaults({
    site,
    peer: null,
    seed,
    forMs: 35_000,
    pauseMs: 500,
    onFault: ({ kind, startMs, endMs }) => process.stderr.write(`${kind} ${endMs - startMs} ms\n`),
  });
  const report = await settleAndCheck(site);
  expect(injected.length).toBeGreaterThan(5);
  expect(report.objects).toBeGreaterThan(30);
  expect(report).toMatchObject({ overlaps: 0, doubleFrames: 0, undecodable: [], wrongObjects: [], orphans: [] });
  expect(report.missing.filter((run) => run.unexplainedMs > 0)).toEqual([]);
}, 180_000);

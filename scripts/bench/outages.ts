import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { printCheck } from './chaos-figures.ts';
import { settleAndCheck } from './chaos-run.ts';
import { startChaosSite, untilAllRecordSince, type ChaosSite } from './chaos-site.ts';
import { printFigure, rounded, say } from './figure.ts';
import { serverNames, type ServerName } from './own-servers.ts';

const bench = 'outages';
/** A minute of footage is committed within seconds; this is for a machine that does much else. */
const drainWithinMs = 300_000;

interface Outage {
  server: ServerName;
  downMs: number;
  /** Closed files that waited in the spool when the server came back. */
  files: number;
  bytes: number;
  /** From the server's return until footage of after it is committed, which is so when all before it is. */
  drainMs: number;
  /** Connections to cameras beyond the one of each that the restarted recorder makes. */
  reconnects: number;
}

/**
 * Each server is down for a while, and the recorder is killed in the middle of it: what is recorded meanwhile must be
 * committed by itself, in order, once the server is back.
 */
export async function benchOutages(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { cameras: { type: 'string', default: '4' }, seconds: { type: 'string', default: '150' } },
  });
  const site = await startChaosSite({
    cameras: Number(values.cameras),
    processes: ['api', 'control', 'recorder-a'],
  });
  try {
    const outages: Outage[] = [];
    for (const server of serverNames) {
      await untilAllRecordSince(site, Date.now());
      const outage = await breakServer(site, server, Number(values.seconds) * 1000);
      say(`${server}: ${JSON.stringify(outage)}`);
      outages.push(outage);
    }
    const report = await settleAndCheck(site);
    const print = (figure: string, value: number, unit: string): void =>
      printFigure({ bench, figure, value: rounded(value), unit });
    for (const { server, files, drainMs, reconnects } of outages) {
      print(`${server}_backlog`, files, 'files');
      print(`${server}_drain_s`, drainMs / 1000, 's');
      print(`${server}_reconnects`, reconnects, 'connections');
    }
    print('out_of_order', await rowsOutOfOrder(site), 'rows');
    printCheck(bench, report);
    say(outageTable(outages));
  } finally {
    await site.stop();
  }
}

async function breakServer(site: ChaosSite, server: ServerName, downMs: number): Promise<Outage> {
  const connections = (): number => site.cameras.reduce((sum, { simulated }) => sum + simulated.accepted(), 0);
  const before = connections();
  const startMs = Date.now();
  await site.servers.kill(server);
  await sleep(downMs / 2);
  await site.end('recorder-a', 'SIGKILL');
  site.start('recorder-a');
  await sleep(downMs / 2);
  const waiting = await waitingIn(join(site.dir, 'spool-recorder-a', 'closed'));
  const returnMs = Date.now();
  await site.servers.start(server);
  await untilAllRecordSince(site, returnMs, drainWithinMs);
  const drainMs = Date.now() - returnMs;
  return {
    server,
    downMs: returnMs - startMs,
    ...waiting,
    drainMs,
    reconnects: connections() - before - site.cameras.length,
  };
}

async function waitingIn(folder: string): Promise<{ files: number; bytes: number }> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.mp4'));
  // One that is committed just now is gone.
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return { files: names.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Rows that were written after one of later footage of their camera; ids of transactions say when. */
async function rowsOutOfOrder(site: ChaosSite): Promise<number> {
  const { rows } = await site.pool.query<{ count: string }>(
    `select count(*) from (
       select start_at, max(start_at) over (
         partition by camera_id order by xmin::text::bigint rows between unbounded preceding and 1 preceding) as newest
       from segment) s
     where start_at < newest`,
  );
  return Number(rows[0]?.count);
}

/** The result as a table of docs/reliability.md. */
function outageTable(outages: readonly Outage[]): string {
  return [
    '| server | down | waited in the spool | until all was committed | connections too many |',
    '|---|---|---|---|---|',
    ...outages.map(({ server, downMs, files, bytes, drainMs, reconnects }) => {
      const waited = `${files} files, ${(bytes / 1_000_000).toFixed(1)} MB`;
      return `| ${server} | ${Math.round(downMs / 1000)} s | ${waited} | ${(drainMs / 1000).toFixed(1)} s | ${reconnects} |`;
    }),
  ].join('\n');
}

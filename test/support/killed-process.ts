import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Failpoint } from '../../recorder/failpoint.ts';
import type { Db } from '../../db/sql.ts';
import { waitFor } from './wait-for.ts';

/** Runs a script of test/ in a process of its own, which reads `given` by `givenWork`. @returns how it ended */
export async function runProcess(
  script: string,
  given: object,
): Promise<{ code: number | null; signal: string | null }> {
  const child = spawn(process.execPath, ['--import', 'tsx', `${import.meta.dirname}/../${script}`], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], GIVEN: JSON.stringify(given) },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return { code, signal };
}

/** In such a process: what it was given. */
export function givenWork<Given>(): Given {
  return JSON.parse(process.env['GIVEN'] ?? '') as Given;
}

/**
 * In such a process: lets one work after the other come to the failpoint at which it is to be killed, and stand there;
 * then ends the process by SIGKILL. So one process dies at all these places at once.
 * @throws Error when a work has ended without having come to its place; what it throws itself
 */
export async function dieStanding<Work extends { killAt: string }>(
  works: readonly Work[],
  carryOut: (work: Work, failpoint: Failpoint) => Promise<unknown>,
): Promise<void> {
  for (const work of works) {
    await new Promise<void>((stands, fails) => {
      const failpoint: Failpoint = async (name) => {
        if (name !== work.killAt) return;
        stands();
        await new Promise(() => undefined);
      };
      carryOut(work, failpoint).then(
        () => fails(new Error(`it never came to ${work.killAt}: ${JSON.stringify(work)}`)),
        fails,
      );
    });
  }
  process.kill(process.pid, 'SIGKILL');
}

/** Waits until the database has noticed that a killed process is gone: till then its transactions hold their locks. */
export async function untilDisconnected(db: Db, applicationName: string): Promise<void> {
  await waitFor(`${applicationName} is gone`, async () => {
    const { rowCount } = await db.query(`select from pg_stat_activity where application_name = $1`, [applicationName]);
    return rowCount === 0;
  });
}

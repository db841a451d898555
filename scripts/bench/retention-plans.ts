import { readFileSync, statSync } from 'node:fs';
import { createPool, type Pool } from '../../db/sql.ts';
import { say } from './figure.ts';

/** A statement and how the database ran it, as `auto_explain` writes them. */
export interface SeenPlan {
  statement: string;
  plan: string;
}

/**
 * Has the database log the plan of whatever statement runs meanwhile, triggers' included, and reads them from its log.
 * @param databaseUrl of a superuser, who may load the module that is part of Postgres
 */
export async function plansOf(
  databaseUrl: string,
  logPath: string,
  work: (db: Pool) => Promise<unknown>,
): Promise<SeenPlan[]> {
  const db = createPool(databaseUrl, { max: 30, applicationName: 'bench' });
  try {
    const settings = `alter database ${new URL(databaseUrl).pathname.slice(1)} set`;
    await db.query(`${settings} session_preload_libraries = 'auto_explain'`);
    await db.query(`${settings} auto_explain.log_min_duration = 0`);
    await db.query(`${settings} auto_explain.log_nested_statements = on`);
  } finally {
    await db.end();
  }
  // Only connections made after that log their plans.
  const from = statSync(logPath).size;
  const logging = createPool(databaseUrl, { max: 30, applicationName: 'bench' });
  try {
    await work(logging);
  } finally {
    await logging.end();
  }
  return readPlans(readFileSync(logPath).subarray(from).toString('utf8'));
}

/** Lines after the first one of an entry are indented by a tab. */
function readPlans(log: string): SeenPlan[] {
  return log
    .split(/\n(?!\t)/)
    .filter((entry) => entry.includes('plan:\n'))
    .map((entry) => {
      const text = entry.slice(entry.indexOf('plan:\n') + 6).replaceAll(/^\t/gm, '');
      const begin = text.search(/^\S.*\(cost=/m);
      const [statement = ''] = text.slice(0, begin).replace('Query Text:', '').split('\nQuery Parameters:');
      return { statement: statement.trim(), plan: text.slice(begin) };
    });
}

/** Says each statement on segments with its plan, once, and how often it ran. @returns sequential scans of segments */
export function sayPlans(plans: readonly SeenPlan[]): number {
  const onSegments = plans.filter(({ plan }) => /\bon segment/.test(plan));
  const times = new Map<string, number>();
  for (const { statement } of onSegments) times.set(statement, (times.get(statement) ?? 0) + 1);
  for (const [statement, count] of times) {
    const plan = onSegments.find((seen) => seen.statement === statement)?.plan.trimEnd();
    say(`\n${count} times:\n${statement}\n${plan}`);
  }
  return onSegments.reduce((sum, { plan }) => sum + (plan.match(/Seq Scan on segment/g)?.length ?? 0), 0);
}

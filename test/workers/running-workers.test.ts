import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../log.ts';
import { createRunningWorkers, createTogether } from '../../workers/running-workers.ts';
import { createTemporalLogger } from '../../workers/temporal-logger.ts';
import { testTemporal, type TestTemporal } from '../support/temporal.ts';
import { waitFor } from '../support/wait-for.ts';

const log = createLogger({ level: 'silent', name: 'test' });
let temporal: TestTemporal;
let connection: NativeConnection;
let client: Client;
beforeAll(async () => {
  Runtime.install({ shutdownSignals: [], logger: createTemporalLogger(log) });
  temporal = await testTemporal();
  connection = await NativeConnection.connect({ address: temporal.address });
  client = new Client({ connection, namespace: temporal.namespace });
});
afterAll(() => connection.close());

const workerOn = (taskQueue: string, run: () => Promise<void>): Promise<Worker> =>
  Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue,
    activities: { run },
    shutdownGraceTime: '60s',
  });

/** A real worker that ends by an error when it is told to. */
async function failingOn(taskQueue: string, told: Promise<void>): Promise<Worker> {
  const worker = await workerOn(taskQueue, async () => undefined);
  const run = worker.run.bind(worker);
  worker.run = async () => {
    const ended = run();
    await told;
    worker.shutdown();
    await ended;
    throw new Error('it failed');
  };
  return worker;
}

test('one that fails takes its sibling along, whose work ends before both are made again', async () => {
  const seen: string[] = [];
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const work = async (): Promise<void> => {
    seen.push('work begins');
    begin();
    await released;
    seen.push('work ends');
  };
  let made: Worker[] = [];
  const workers = createRunningWorkers({ log, temporal: Promise.resolve({ connection, client }) }, async () => {
    seen.push(`made beside ${made.map((worker) => worker.getState()).join(' ')}`);
    const busy = await workerOn('busy', work);
    made = made.length > 0 ? [busy] : [busy, await failingOn('other', begun)];
    return made;
  });
  await client.activity.start('run', { id: randomUUID(), taskQueue: 'busy', startToCloseTimeout: '5 minutes' });
  await begun;
  await waitFor('the sibling is shut down', async () => made.length === 2 && made[0]?.getState() !== 'RUNNING');
  // Longer than the wait before they are made again.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect(seen).toEqual(['made beside ', 'work begins']);
  release();
  await waitFor('the new one', async () => seen.length === 4);
  expect(seen.slice(2)).toEqual(['work ends', 'made beside STOPPED STOPPED']);
  await workers.stop();
  expect(made.map((worker) => worker.getState())).toEqual(['STOPPED']);
});

test('where one cannot be made the other lets go of its queue', async () => {
  const idle = async (): Promise<void> => undefined;
  const together = createTogether([workerOn('pair', idle), Promise.reject(new Error('no worker'))]);
  await expect(together).rejects.toThrow('no worker');
  const [again] = await createTogether([workerOn('pair', idle)]);
  await again?.runUntil(Promise.resolve());
});

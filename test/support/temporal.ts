import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { testServer } from './servers.ts';

export interface TestTemporal {
  /** host:port of the run's development server. */
  address: string;
  /** A namespace of this test's own: other test files use the same server. */
  namespace: string;
}

/** The run's Temporal development server, with a fresh namespace in it. */
export async function testTemporal(): Promise<TestTemporal> {
  const { address } = await testServer('temporal');
  const namespace = `test-${randomBytes(6).toString('hex')}`;
  const connection = await Connection.connect({ address });
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
    // Its parts learn of a namespace one after the other.
    for (let attempt = 0; ; attempt += 1) {
      try {
        await connection.workflowService.listWorkflowExecutions({ namespace });
        await connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: 'any' } });
        return { address, namespace };
      } catch (error) {
        if (attempt > 200) throw error;
        await sleep(50);
      }
    }
  } finally {
    await connection.close();
  }
}

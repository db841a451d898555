import { Connection } from '@temporalio/client';
import { expect, test } from 'vitest';
import { freePorts } from '../../scripts/embedded/free-ports.ts';
import { createTestDatabase } from '../support/database.ts';
import { testServer } from '../support/servers.ts';
import { testTemporal } from '../support/temporal.ts';

test('each test database is a migrated clone of its own', async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  try {
    await one.pool.query(`insert into tenant (name) values ('one')`);
    const count = `select count(*)::int as n from tenant where name = 'one'`;
    expect((await one.pool.query(count)).rows).toEqual([{ n: 1 }]);
    expect((await two.pool.query(count)).rows).toEqual([{ n: 0 }]);
  } finally {
    await Promise.all([one.drop(), two.drop()]);
  }
});

test('the S3 server refuses who is not signed in', async () => {
  const { endpoint } = await testServer('seaweedfs');
  expect((await fetch(`${endpoint}/some-bucket`)).status).toBe(403);
});

test('Temporal has the namespace that was asked for', async () => {
  const { address, namespace } = await testTemporal();
  const connection = await Connection.connect({ address });
  try {
    const described = await connection.workflowService.describeNamespace({ namespace });
    expect(described.namespaceInfo?.name).toBe(namespace);
  } finally {
    await connection.close();
  }
});

test('Temporal keeps no poll of a host that hangs until its sessions are given to another one', async () => {
  const { address, namespace } = await testTemporal();
  const connection = await Connection.connect({ address });
  try {
    const beganMs = performance.now();
    const polled = await connection.withDeadline(Date.now() + 70_000, () =>
      connection.workflowService.pollActivityTaskQueue({ namespace, taskQueue: { name: 'nobody-asks' } }),
    );
    expect(polled.taskToken).toHaveLength(0);
    expect(performance.now() - beganMs).toBeLessThan(40_000); // 10 s, and a minute by default
  } finally {
    await connection.close();
  }
}, 90_000);

test('ports of servers are not those that the kernel gives to outgoing connections, so a killed server finds its own again', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  // Linux's default of net.ipv4.ip_local_port_range begins here.
  expect(Math.max(...ports)).toBeLessThan(32_768);
});

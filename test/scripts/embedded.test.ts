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

test('ports of servers are not those that the kernel gives to outgoing connections, so a killed server finds its own again', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  // Linux's default of net.ipv4.ip_local_port_range begins here.
  expect(Math.max(...ports)).toBeLessThan(32_768);
});

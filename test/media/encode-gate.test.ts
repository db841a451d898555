import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createEncodeGate } from '../../media/encode-gate.ts';

const patient = { onWaiting: () => undefined };

test('never more at once than slots, and all have their turn in order', async () => {
  const gate = createEncodeGate(() => 2);
  const order: number[] = [];
  let running = 0;
  let most = 0;
  const job = (number: number) =>
    gate.run(async () => {
      order.push(number);
      running += 1;
      most = Math.max(most, running);
      await sleep(5);
      running -= 1;
      if (number === 3) throw new Error('failed');
    }, patient);
  const results = await Promise.allSettled(Array.from({ length: 8 }, (_, number) => job(number)));
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(2);
  expect(results.filter(({ status }) => status === 'rejected').length).toBe(1);
});

test('who is called off while waiting gives its place up', async () => {
  const gate = createEncodeGate(() => 1);
  let finish: () => void = () => undefined;
  const first = gate.run(() => new Promise<void>((resolve) => (finish = resolve)), patient);
  const off = new AbortController();
  const second = gate.run(() => Promise.resolve('never'), { ...patient, signal: off.signal });
  const third = gate.run(() => Promise.resolve('third'), patient);
  off.abort(new Error('stopped'));
  await expect(second).rejects.toThrow('stopped');
  finish();
  await first;
  expect(await third).toBe('third');
  await expect(gate.run(() => Promise.resolve(), { ...patient, signal: off.signal })).rejects.toThrow('stopped');
});

test('waiting shows that the job lives', async () => {
  const gate = createEncodeGate(() => 1);
  const first = gate.run(() => sleep(1500), patient);
  let signs = 0;
  const second = gate.run(() => Promise.resolve(), { onWaiting: () => (signs += 1) });
  await Promise.all([first, second]);
  expect(signs).toBeGreaterThanOrEqual(1);
});

test('with fewer slots what runs goes on and fewer come after it; with more, all of them are used', async () => {
  let slots = 2;
  const gate = createEncodeGate(() => slots);
  const ends: (() => void)[] = [];
  const jobs = Array.from({ length: 5 }, () => gate.run(() => new Promise<void>((end) => ends.push(end)), patient));
  await sleep(0);
  expect(ends.length).toBe(2);
  slots = 1;
  ends[0]?.();
  await jobs[0];
  await sleep(0);
  expect(ends.length).toBe(2);
  ends[1]?.();
  await jobs[1];
  await sleep(0);
  expect(ends.length).toBe(3);
  slots = 3;
  ends[2]?.();
  await jobs[2];
  await sleep(0);
  expect(ends.length).toBe(5);
  for (const end of ends) end();
  await Promise.all(jobs);
});

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { workflowBundlePath } from '../../workers/workflow-bundle-path.ts';

const folder = fileURLToPath(new URL('../histories', import.meta.url));
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

const replayOptions = { workflowBundle: { codePath: workflowBundlePath } };

interface HistoryJson {
  events: { activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
}

function historyNamed(name: string): HistoryJson {
  return JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as HistoryJson;
}

test('workflows that run in the field replay on this code', async () => {
  expect(names).toContain('camera.json');
  const histories = names.map((name) => ({ workflowId: name, history: historyNamed(name) }));
  const failures: string[] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories(replayOptions, histories)) {
    if (error !== undefined) failures.push(`${workflowId}: ${error.message}`);
  }
  expect(failures).toEqual([]);
});

test('a history that does not fit is found', async () => {
  const history = historyNamed('camera.json');
  const scheduled = history.events.find((event) => event.activityTaskScheduledEventAttributes !== undefined);
  Object.assign(scheduled?.activityTaskScheduledEventAttributes ?? {}, { activityType: { name: 'anotherActivity' } });
  const replay = Worker.runReplayHistories(replayOptions, [{ workflowId: 'changed', history }]);
  for await (const { error } of replay) expect(error?.message).toMatch(/nondeterminism/i);
});

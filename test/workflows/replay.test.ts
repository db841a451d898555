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
  expect(names).toEqual(expect.arrayContaining(['camera.json', 'cameraPurge.json']));
  const histories = names.map((name) => ({ workflowId: name, history: historyNamed(name) }));
  const failures: string[] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories(replayOptions, histories)) {
    if (error !== undefined) failures.push(`${workflowId}: ${error.message}`);
  }
  expect(failures).toEqual([]);
});

test.each([
  ['camera.json', 'takeIntent'],
  ['cameraPurge.json', 'finishPurge'],
])('a history that does not fit is found: %s with another step than %s', async (name, step) => {
  const history = historyNamed(name);
  const scheduled = history.events
    .map((event) => event.activityTaskScheduledEventAttributes)
    .find((attributes) => attributes?.activityType.name === step);
  Object.assign(scheduled ?? {}, { activityType: { name: 'anotherActivity' } });
  const replay = Worker.runReplayHistories(replayOptions, [{ workflowId: 'changed', history }]);
  const messages: (string | undefined)[] = [];
  for await (const { error } of replay) messages.push(error?.message);
  expect(messages).toEqual([expect.stringMatching(/nondeterminism/i)]);
});

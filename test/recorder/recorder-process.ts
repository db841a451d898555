import { readConfig, requireServices } from '../../config.ts';
import { createPool } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { failpointOf } from '../../recorder/failpoint.ts';
import { createRecorder } from '../../recorder/recorder.ts';
import { createObjects } from '../../storage/objects.ts';

// A recorder in a process of its own, to be killed: `recorder-process.ts <camera id>...`, settings from the environment.
// RECORDER_CLOCK=alone: its clock is compared with no other, as where catalogue and store are away.
const config = readConfig(process.env);
const services = requireServices(config);

const unanswered = () => Promise.reject(new Error('no other clock'));
const isAlone = process.env['RECORDER_CLOCK'] === 'alone';
const recorder = await createRecorder({
  config,
  services,
  db: createPool(services.databaseUrl, { max: 5, applicationName: 'recorder-process' }),
  objects: createObjects(services.s3),
  log: createLogger({ level: process.env['RECORDER_LOG_LEVEL'] ?? 'silent', name: 'recorder-process' }),
  now: Date.now,
  ...(isAlone ? { clocks: { databaseNow: unanswered, storeNow: unanswered } } : {}),
  failpoint: failpointOf(config.failpoint),
});
await recorder.start();
for (const cameraId of process.argv.slice(2)) await recorder.ensure(cameraId, null);
process.stdout.write('recording\n');

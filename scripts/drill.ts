import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { errorText } from '../errors.ts';
import { runDrill, type DrillReport } from './drill/run.ts';
import { readServices } from './start/services-file.ts';

/**
 * `npm run drill [-- --camera ID --keep --json FILE]`: rebuilds a catalogue from the bucket alone and compares it with
 * the live one. Ends with 1 where they differ in what cannot be explained.
 */
async function run(): Promise<void> {
  const options = { camera: { type: 'string' }, keep: { type: 'boolean' }, json: { type: 'string' } } as const;
  const { values } = parseArgs({ options });
  const services = await readServices(loadConfig());
  const report = await runDrill(services, {
    cameraId: values.camera,
    keep: values.keep ?? false,
    onCamera: (cameraId, objects) => process.stderr.write(`reading ${objects} objects of camera ${cameraId}\n`),
  });
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(withoutLogin(report), null, 2)}\n`);
  process.stdout.write(`${readable(report).join('\n')}\n`);
  process.exitCode = report.good ? 0 : 1;
}

function withoutLogin(report: DrillReport): DrillReport {
  return { ...report, databaseUrl: databaseName(report) };
}

const databaseName = ({ databaseUrl }: DrillReport): string | null =>
  databaseUrl === null ? null : new URL(databaseUrl).pathname.slice(1);

function readable(report: DrillReport): string[] {
  const { difference, bytes, rows, objects, seconds, foreign } = report;
  const counts = (of: Record<string, number>): string[] =>
    Object.entries(of).map(([reason, count]) => `  ${String(count).padStart(8)}  ${reason}`);
  const megabytes = Math.round(bytes / 1_000_000);
  return [
    `${rows} rows rebuilt from ${objects} objects (${megabytes} MB read) in ${seconds} s.`,
    `Of ${difference.live} live rows ${difference.same} are the same, ${difference.equivalent} play the same.`,
    ...(foreign > 0 ? [`${foreign} objects bear names that are not ours.`] : []),
    ...(Object.keys(difference.explained).length > 0 ? ['Explained:', ...counts(difference.explained)] : []),
    ...(report.good
      ? ['Nothing is unexplained: the catalogue can be rebuilt from this bucket.']
      : [
          'NOT explained:',
          ...counts(difference.unexplained),
          ...difference.examples.slice(0, 20).map(({ key, reason }) => `    ${key}: ${reason}`),
        ]),
    ...(report.databaseUrl === null ? [] : [`The rebuilt catalogue is kept as database ${databaseName(report)}.`]),
  ];
}

run().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
});

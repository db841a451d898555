import { randomBytes } from 'node:crypto';
import { migrate } from '../../db/migrate.ts';
import { createDatabaseBeside, dropDatabaseBeside } from '../../db/rebuild.ts';
import { createPool } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { createObjects, type ObjectsOptions } from '../../storage/objects.ts';
import { compareCatalogues, type Difference } from './compare.ts';
import { rebuildCatalogue } from './rebuild.ts';

export interface DrillReport {
  /** Nothing that a restore would miss, get wrong or bring back. */
  good: boolean;
  /** The rebuilt catalogue, where it was kept. */
  databaseUrl: string | null;
  seconds: number;
  objects: number;
  bytes: number;
  rows: number;
  foreign: number;
  difference: Difference;
}

/**
 * Rebuilds a catalogue from the bucket alone into an empty database of its own, and compares it with the live one,
 * which goes on being used and is only read.
 */
export async function runDrill(
  services: { databaseUrl: string; s3: ObjectsOptions },
  options: { cameraId?: string | undefined; keep: boolean; onCamera: (cameraId: string, objects: number) => void },
): Promise<DrillReport> {
  const beganMs = performance.now();
  const name = `framekeep_drill_${randomBytes(6).toString('hex')}`;
  const databaseUrl = await createDatabaseBeside(services.databaseUrl, name);
  const pool = (url: string) => createPool(url, { max: 3, applicationName: 'framekeep-drill' });
  const [live, drill, objects] = [pool(services.databaseUrl), pool(databaseUrl), createObjects(services.s3)];
  let kept = false;
  try {
    await migrate(databaseUrl, createLogger({ level: 'warn', name: 'drill' }));
    const { onCamera, cameraId } = options;
    const rebuilt = await rebuildCatalogue({ objects, db: drill, onCamera }, { cameraId });
    const difference = await compareCatalogues({ live, drill, objects }, rebuilt, { cameraId });
    kept = options.keep;
    return {
      good: Object.keys(difference.unexplained).length === 0,
      databaseUrl: kept ? databaseUrl : null,
      seconds: Math.round((performance.now() - beganMs) / 100) / 10,
      objects: rebuilt.objects,
      bytes: rebuilt.bytes,
      rows: rebuilt.rows,
      foreign: rebuilt.foreign.length,
      difference,
    };
  } finally {
    objects.close();
    await Promise.all([live.end(), drill.end()]);
    if (!kept) await dropDatabaseBeside(services.databaseUrl, name);
  }
}

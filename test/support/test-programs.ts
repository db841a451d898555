import { join } from 'node:path';
import { cacheDir } from '../../scripts/setup/tools.mjs';

/** Where the global setup builds the programs that only tests start. */
export const testProgramsDir = join(cacheDir, 'test-programs');

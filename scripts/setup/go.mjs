// Programs that exist as Go modules only. Tests can do without them, so nothing here stops a setup.
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run, step } from './progress.mjs';
import { cacheDir, packageDir } from './tools.mjs';

/** Long enough for two slow cores: MinIO takes some minutes of them the first time. */
const withinMs = 15 * 60_000;

/** Builds a program into a folder of its own in the project's cache, or says why that tests go without it. */
export async function installGoProgram(go) {
  if ((await run('go', ['version'])).code !== 0) return; // the tests that need it say so where they are skipped
  try {
    await step(`${go.name} for tests (Go: ${go.module})`, () => build(go));
  } catch (error) {
    console.log(`  Tests that need ${go.name} are skipped: ${error.message}`);
  }
}

async function build(go) {
  const making = mkdtempSync(join(cacheDir, 'making-'));
  try {
    const env = { ...process.env, GOBIN: join(making, 'go/bin'), GOFLAGS: '' };
    const { code, tail } = await run('go', ['install', `${go.module}@${go.version}`], { env, timeout: withinMs });
    if (code !== 0) throw new Error(`it could not be built.\n${tail}`);
    rmSync(packageDir(go), { recursive: true, force: true });
    renameSync(join(making, 'go'), packageDir(go)); // whole or not at all
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

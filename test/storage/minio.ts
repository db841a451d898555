import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../scripts/embedded/free-ports.ts';
import { findTool } from '../../scripts/setup/tools.mjs';

export interface Minio {
  s3: { endpoint: string; accessKey: string; secretKey: string; region: string };
  stop(): Promise<void>;
}

/** A MinIO server of this test's own, or null where there is none and setup had no Go to build it with. */
export async function startMinio(): Promise<Minio | null> {
  const binary = findTool('minio', process.env);
  if (binary === undefined) return null;
  const dir = await mkdtemp(join(tmpdir(), 'framekeep-minio-'));
  const [port = 0] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const [accessKey, secretKey] = [randomBytes(10).toString('hex'), randomBytes(20).toString('hex')];
  const server = spawn(binary, ['server', '--quiet', '--address', address, '--console-address', '127.0.0.1:0', dir], {
    stdio: 'ignore',
    env: { ...process.env, MINIO_ROOT_USER: accessKey, MINIO_ROOT_PASSWORD: secretKey },
  });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL');
    await ended;
    await rm(dir, { recursive: true, force: true });
  };
  for (let attempt = 0; attempt < 150; attempt += 1) {
    const healthy = await fetch(`http://${address}/minio/health/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (healthy) return { s3: { endpoint: `http://${address}`, accessKey, secretKey, region: 'us-east-1' }, stop };
    await sleep(200);
  }
  await stop();
  throw new Error(`${binary} was not ready within 30 s`);
}

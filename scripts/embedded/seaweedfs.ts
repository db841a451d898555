import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';
import type { ProcessRecord } from './process-record.ts';
import { startServerProcess, untilReady, type EmbeddedServer } from './server-process.ts';
import { toolPath } from './tool-path.ts';

export interface EmbeddedSeaweedfs extends EmbeddedServer {
  /** http://127.0.0.1:<port> */
  endpoint: string;
}

export interface EmbeddedSeaweedfsOptions {
  /** Data and the file with the keys; made when missing. */
  dir: string;
  logPath: string;
  accessKey: string;
  secretKey: string;
  /** False only for tests: it is ended at once. */
  durable?: boolean | undefined;
  /** Those of an earlier start, to be found where it was. */
  ports?: number[] | undefined;
  record?: ProcessRecord | undefined;
}

const volumeMb = 1024;
/**
 * Without a bound of its own the server makes as many volumes as fit on the disk by their greatest size, and each
 * bucket has its own: with 75 GB free and 1 GB each, the tests' 76th bucket is answered 500.
 */
const testVolumeMb = 64;

/**
 * Starts SeaweedFS's master, volume, filer and S3 gateway as one process on free ports of 127.0.0.1.
 * Flags from measurements: its defaults clash over ports, run out of volumes, and leave the filer open.
 */
export async function startSeaweedfs(options: EmbeddedSeaweedfsOptions): Promise<EmbeddedSeaweedfs> {
  const data = join(options.dir, 'data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const keysFile = join(options.dir, 's3.json');
  writeFileSync(keysFile, JSON.stringify(identities(options.accessKey, options.secretKey)), { mode: 0o600 });
  const portsFile = join(options.dir, 'ports.json');
  if (existsSync(portsFile)) removeSockets(JSON.parse(readFileSync(portsFile, 'utf8')) as number[]);
  // gRPC ports default to HTTP + 10000 (past 65535 from a high port), so each is given.
  const ports = options.ports ?? (await freePorts(8));
  const [master, masterGrpc, volume, volumeGrpc, filer, filerGrpc, s3 = 0, s3Grpc] = ports;
  writeFileSync(portsFile, JSON.stringify(ports));
  const server = await startServerProcess({
    name: 'seaweedfs',
    command: toolPath('weed'),
    args: [
      '-logtostderr=true',
      'server',
      `-dir=${data}`,
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      '-master.telemetry=false',
      `-master.port=${master}`,
      `-master.port.grpc=${masterGrpc}`,
      `-master.volumeSizeLimitMB=${options.durable === false ? testVolumeMb : volumeMb}`,
      // No bound on the number of volumes (a bucket takes 7, the default allows 8), and no wait at a stop.
      `-volume.port=${volume}`,
      `-volume.port.grpc=${volumeGrpc}`,
      '-volume.max=0',
      '-volume.preStopSeconds=0',
      // The filer's HTTP asks for no login.
      `-filer.port=${filer}`,
      `-filer.port.grpc=${filerGrpc}`,
      '-filer.disableHttp',
      '-s3',
      `-s3.port=${s3}`,
      `-s3.port.grpc=${s3Grpc}`,
      `-s3.config=${keysFile}`,
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
    ],
    logPath: options.logPath,
    cwd: options.dir,
    // One volume at a time for each bucket: the default makes seven.
    env: { ...process.env, WEED_MASTER_VOLUME_GROWTH_COPY_1: '1' },
    // After TERM it goes on for 26 s; what it holds is on disk as far as the page cache is.
    stopSteps: [
      options.durable === false ? { signal: 'SIGKILL', waitMs: 5_000 } : { signal: 'SIGTERM', waitMs: 3_000 },
    ],
    record: options.record,
  });
  const exited = server.exited.then(() => removeSockets(ports));
  const endpoint = `http://127.0.0.1:${s3}`;
  try {
    await untilReady('SeaweedFS', server, 60_000, () => answers(endpoint));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { endpoint, ports, pid: server.pid, exited, stop: server.stop };
}

/** It makes a socket in /tmp for most of its ports, and leaves them there. */
function removeSockets(ports: number[]): void {
  const ours = new RegExp(`^seaweedfs-[a-z0-9-]+-(${ports.join('|')})\\.sock$`);
  for (const name of readdirSync('/tmp').filter((file) => ours.test(file))) rmSync(join('/tmp', name), { force: true });
}

function identities(accessKey: string, secretKey: string): object {
  return {
    identities: [
      {
        name: 'framekeep',
        credentials: [{ accessKey, secretKey }],
        actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
      },
    ],
  };
}

/** An unsigned request is refused with 403 as soon as the gateway has read its keys and reached the filer. */
async function answers(endpoint: string): Promise<boolean> {
  try {
    const answer = await fetch(`${endpoint}/`, { signal: AbortSignal.timeout(2000) });
    await answer.body?.cancel();
    return answer.status === 403;
  } catch {
    return false;
  }
}

import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { findTool } from '../setup/tools.mjs';
import { keptSecret } from './data-folder.ts';
import type { Parts } from './parts.ts';

/** What the embedded system lets cameras be on: anywhere, this machine too. Never-addresses stay refused. */
const anywhere = '0.0.0.0/0,::/0';

/**
 * The environment of framekeep's processes: the given one, with all settings filled in that the embedded parts decide.
 * Secrets travel in it and never in an argv.
 */
export function childEnvironment(
  given: NodeJS.ProcessEnv,
  options: { config: Config; dataDir: string; spoolDir: string; parts: Parts },
): NodeJS.ProcessEnv {
  const { config, dataDir, spoolDir, parts } = options;
  const { FRAMEKEEP_BOOTSTRAP_API_KEY: _onlyForTheApi, ...rest } = given;
  return {
    ...rest,
    FRAMEKEEP_DATA_DIR: dataDir,
    FRAMEKEEP_SPOOL_DIR: spoolDir,
    FRAMEKEEP_DATABASE_URL: parts.databaseUrl,
    FRAMEKEEP_TEMPORAL_ADDRESS: parts.temporalAddress,
    FRAMEKEEP_S3_ENDPOINT: parts.s3.endpoint,
    FRAMEKEEP_S3_ACCESS_KEY: parts.s3.accessKey,
    FRAMEKEEP_S3_SECRET_KEY: parts.s3.secretKey,
    FRAMEKEEP_SECRET_KEY: config.secretKey ?? keptSecret(join(dataDir, 'secret-key')),
    // Its default follows the S3 server, which the processes now see as a given one.
    FRAMEKEEP_SEGMENT_SECONDS: String(config.segmentSeconds),
    FRAMEKEEP_FFMPEG: findTool('ffmpeg', given) ?? config.ffmpeg,
    FRAMEKEEP_FFPROBE: findTool('ffprobe', given) ?? config.ffprobe,
    ...(config.cameraNetworks === undefined && config.databaseUrl === undefined
      ? { FRAMEKEEP_CAMERA_NETWORKS: anywhere }
      : {}),
  };
}

import { existsSync } from 'node:fs';
import type { z } from 'zod';
import { encoderKinds, settings, type roles } from './settings.ts';

type Role = (typeof roles)[number];
export type EncoderKind = (typeof encoderKinds)[number];
/** `auto` = all kinds this host has. Those that are named show why they do not work; none = sources stay as they are. */
export type EncoderSetting = 'auto' | readonly EncoderKind[];

/** The settings after defaults: optional ones are filled in by the embedded stack (scripts/start.ts). */
export type Config = Readonly<{
  dataDir: string;
  host: string;
  port: number;
  roles: readonly Role[];
  logLevel: string;
  databaseUrl: string | undefined;
  temporal: { address: string | undefined; namespace: string; port: number | undefined; uiPort: number | undefined };
  s3: {
    endpoint: string | undefined;
    accessKey: string | undefined;
    secretKey: string | undefined;
    bucket: string;
    region: string;
  };
  spool: { dir: string; maxBytes: number; lingerSeconds: number };
  secretKey: string | undefined;
  demoCameras: number;
  bootstrapApiKey: string | undefined;
  /** Networks cameras may be in; undefined = all but loopback, link-local, metadata addresses and our own services. */
  cameraNetworks: readonly string[] | undefined;
  /** A camera that sends more than this for long is not recorded. */
  cameraMaxKbps: number;
  segmentSeconds: number;
  /** A recordSession activity ends after 6 to 12 hours, and never later than this. */
  sessionSeconds: number;
  windowSeconds: number;
  /** Footage whose final alone is stored waits no longer than this for it, after its window's end. */
  finalWaitSeconds: number;
  graceDays: number;
  /** A pass that would touch a greater part of what it compared stops. */
  reconcile: { maxPercent: number };
  /** So long what nobody wants is kept first: objects that reconcile found, files in a spool's quarantine. */
  quarantineDays: number;
  /** Segments that are read back each hour. */
  sampleSegments: number;
  /** Which kinds may encode. */
  encoder: EncoderSetting;
  encoderSlots: number | undefined;
  /** Shared by all encoder workers of a host; undefined = in the system's temporary folder. */
  encoderSessionDir: string | undefined;
  recorder: { slots: number; url: string | undefined };
  cheapTariff: string | undefined;
  /** `<name>:<n>`: where a fault test has a worker process end itself. */
  failpoint: string | undefined;
  ffmpeg: string;
  ffprobe: string;
}>;

/**
 * Reads the settings from an environment. All wrong settings are reported at once.
 * @throws Error whose message lists each wrong setting in a line of its own
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) => name.startsWith('FRAMEKEEP_') && value !== undefined && value !== '',
    ),
  );
  const result = settings.safeParse(given);
  const problems = result.success ? [] : settingProblems(result.error);
  if (given['FRAMEKEEP_DATABASE_URL'] !== undefined && given['FRAMEKEEP_SECRET_KEY'] === undefined) {
    problems.push(
      'FRAMEKEEP_SECRET_KEY: must be set when FRAMEKEEP_DATABASE_URL is set, and be the same for every process (e.g. `openssl rand -hex 32`)',
    );
  }
  if (given['FRAMEKEEP_S3_ENDPOINT'] !== undefined) {
    for (const name of ['FRAMEKEEP_S3_ACCESS_KEY', 'FRAMEKEEP_S3_SECRET_KEY']) {
      if (given[name] === undefined) problems.push(`${name}: must be set when FRAMEKEEP_S3_ENDPOINT is set`);
    }
  }
  if (!result.success || problems.length > 0) {
    throw new Error(`Wrong settings (see .env.example):\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
  return toConfig(result.data);
}

function settingProblems(error: z.ZodError): string[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `${key}: no such setting`)
      : [`${issue.path[0]?.toString() ?? ''}: ${issue.message}`],
  );
}

function toConfig(s: z.infer<typeof settings>): Config {
  return Object.freeze({
    dataDir: s.FRAMEKEEP_DATA_DIR,
    host: s.FRAMEKEEP_HOST,
    port: s.FRAMEKEEP_PORT,
    roles: s.FRAMEKEEP_ROLES,
    logLevel: s.FRAMEKEEP_LOG_LEVEL,
    databaseUrl: s.FRAMEKEEP_DATABASE_URL,
    temporal: {
      address: s.FRAMEKEEP_TEMPORAL_ADDRESS,
      namespace: s.FRAMEKEEP_TEMPORAL_NAMESPACE,
      port: s.FRAMEKEEP_TEMPORAL_PORT,
      uiPort: s.FRAMEKEEP_TEMPORAL_UI_PORT,
    },
    s3: {
      endpoint: s.FRAMEKEEP_S3_ENDPOINT,
      accessKey: s.FRAMEKEEP_S3_ACCESS_KEY,
      secretKey: s.FRAMEKEEP_S3_SECRET_KEY,
      bucket: s.FRAMEKEEP_S3_BUCKET,
      region: s.FRAMEKEEP_S3_REGION,
    },
    spool: {
      dir: s.FRAMEKEEP_SPOOL_DIR ?? `${s.FRAMEKEEP_DATA_DIR}/spool`,
      maxBytes: s.FRAMEKEEP_SPOOL_MAX_BYTES,
      lingerSeconds: s.FRAMEKEEP_SPOOL_LINGER_SECONDS,
    },
    secretKey: s.FRAMEKEEP_SECRET_KEY,
    demoCameras: s.FRAMEKEEP_DEMO_CAMERAS,
    bootstrapApiKey: s.FRAMEKEEP_BOOTSTRAP_API_KEY,
    cameraNetworks: s.FRAMEKEEP_CAMERA_NETWORKS,
    cameraMaxKbps: s.FRAMEKEEP_CAMERA_MAX_KBPS,
    segmentSeconds: s.FRAMEKEEP_SEGMENT_SECONDS ?? (s.FRAMEKEEP_S3_ENDPOINT === undefined ? 10 : 60),
    sessionSeconds: s.FRAMEKEEP_SESSION_SECONDS,
    windowSeconds: s.FRAMEKEEP_WINDOW_SECONDS,
    finalWaitSeconds: s.FRAMEKEEP_FINAL_WAIT_SECONDS,
    graceDays: s.FRAMEKEEP_GRACE_DAYS,
    reconcile: { maxPercent: s.FRAMEKEEP_RECONCILE_MAX_PERCENT },
    quarantineDays: s.FRAMEKEEP_QUARANTINE_DAYS,
    sampleSegments: s.FRAMEKEEP_SAMPLE_SEGMENTS,
    encoder: s.FRAMEKEEP_ENCODER.includes('auto')
      ? 'auto'
      : encoderKinds.filter((kind) => s.FRAMEKEEP_ENCODER.includes(kind)),
    encoderSlots: s.FRAMEKEEP_ENCODER_SLOTS,
    encoderSessionDir: s.FRAMEKEEP_ENCODER_SESSION_DIR,
    recorder: { slots: s.FRAMEKEEP_RECORDER_SLOTS, url: s.FRAMEKEEP_RECORDER_URL },
    cheapTariff: s.FRAMEKEEP_CHEAP_TARIFF,
    failpoint: s.FRAMEKEEP_FAILPOINT,
    ffmpeg: s.FRAMEKEEP_FFMPEG,
    ffprobe: s.FRAMEKEEP_FFPROBE,
  });
}

/** The settings of this process; reads `.env` in the working directory first, where there is one. */
export function loadConfig(): Config {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return readConfig(process.env);
}

/** Where the services a role cannot do without are. */
export interface Services {
  databaseUrl: string;
  secretKey: string;
  temporalAddress: string;
  s3: { endpoint: string; accessKey: string; secretKey: string; bucket: string; region: string };
}

/**
 * The services' settings, all there.
 * @throws Error naming all that are missing; `npm start` fills them in for the embedded parts
 */
export function requireServices(config: Config): Services {
  const missing: string[] = [];
  const need = (value: string | undefined, setting: string): string => {
    if (value === undefined) missing.push(setting);
    return value ?? '';
  };
  const services: Services = {
    databaseUrl: need(config.databaseUrl, 'FRAMEKEEP_DATABASE_URL'),
    secretKey: need(config.secretKey, 'FRAMEKEEP_SECRET_KEY'),
    temporalAddress: need(config.temporal.address, 'FRAMEKEEP_TEMPORAL_ADDRESS'),
    s3: {
      endpoint: need(config.s3.endpoint, 'FRAMEKEEP_S3_ENDPOINT'),
      accessKey: need(config.s3.accessKey, 'FRAMEKEEP_S3_ACCESS_KEY'),
      secretKey: need(config.s3.secretKey, 'FRAMEKEEP_S3_SECRET_KEY'),
      bucket: config.s3.bucket,
      region: config.s3.region,
    },
  };
  if (missing.length > 0) {
    throw new Error(`Missing settings: ${missing.join(', ')}. "npm start" fills them in for the embedded parts.`);
  }
  return services;
}
